import importlib

import pytest

from distgnn.exceptions import PartitionError
from distgnn.partition.registry import PARTITIONERS, find_partitioner


def test_every_method_has_a_file_of_its_name():
    for name, partitioner in PARTITIONERS.items():
        assert type(partitioner).__module__ == f"distgnn.partition.{name}"


def test_unknown_method_gets_the_nearest():
    assert find_partitioner("ldg") is PARTITIONERS["ldg"]
    with pytest.raises(PartitionError, match="'metsi'; did you mean 'metis'"):
        find_partitioner("metsi")


def test_the_package_has_one_name():
    with pytest.raises(ImportError, match=r"imported as 'distgnn\.partition'"):
        importlib.import_module("partition")
