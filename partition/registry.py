"""The partitioners by name: to add one, write its file and its line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distgnn.exceptions import PartitionError, nearest
from distgnn.partition.fennel import FennelPartitioner
from distgnn.partition.hash import HashPartitioner
from distgnn.partition.kahip import KahipPartitioner
from distgnn.partition.ldg import LdgPartitioner
from distgnn.partition.metis import MetisPartitioner
from distgnn.partition.multilevel import MultilevelPartitioner
from distgnn.partition.range import RangePartitioner
from distgnn.partition.restream import RestreamPartitioner

if TYPE_CHECKING:
    from distgnn.partition.partitioner import Partitioner

PARTITIONERS: dict[str, Partitioner] = {
    "fennel": FennelPartitioner(),
    "hash": HashPartitioner(),
    "kahip": KahipPartitioner(),
    "ldg": LdgPartitioner(),
    "metis": MetisPartitioner(),
    "multilevel": MultilevelPartitioner(),
    "range": RangePartitioner(),
    "restream": RestreamPartitioner(),
}


def find_partitioner(method: str) -> Partitioner:
    """Return the partitioner of that name.

    Raises:
        PartitionError: there is none.
    """
    if method not in PARTITIONERS:
        msg = f"there is no partitioning method {method!r}{nearest(method, PARTITIONERS)}"
        raise PartitionError(msg)
    return PARTITIONERS[method]
