"""What the examples of single models share: real graphs and molecules as tensors, and a table.

Not an example itself. The folder of the datasets is laid out as `<name>/data.npz`; `cora` and
`amazon_computers` ship with distgnn.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import tyro

from distgnn.datasets import load
from distgnn.shards import GraphArrays, GraphSet, write_graphs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
"""Default folder of the datasets: ../shared/data beside the repository."""

SPLITS = {"train": 0, "val": 1, "test": 2}


@dataclass(frozen=True, kw_only=True)
class NodeGraph:
    """One graph with labelled nodes."""

    x: Tensor
    """Features, float32 [N, F]; F is 0 if there are none."""
    edge_index: Tensor
    """int64 [2, E]."""
    y: Tensor
    """Classes, int64 [N]; -1: unlabelled."""
    split: Tensor
    """int8 [N]: 0 train, 1 val, 2 test, -1 none."""

    @property
    def num_nodes(self) -> int:
        """Number of nodes."""
        return self.y.numel()

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return int(self.y.max()) + 1

    def mask(self, part: str) -> Tensor:
        """Return the labelled nodes of ``"train"``, ``"val"`` or ``"test"``, bool [N]."""
        return (self.split == SPLITS[part]) & (self.y >= 0)


def node_graph(name: str, data: Path, *, normalize: bool = False) -> NodeGraph:
    """Load a graph of one node type; `normalize` makes each node's features sum to 1."""
    graph = load(name, data)
    nodes, edges = graph.nodes["node"], next(iter(graph.edges.values()))
    x = torch.zeros(nodes.num_rows, 0)
    if "x" in nodes.column_names:
        x = _dense(nodes["x"].combine_chunks(), graph.schema.nodes[0].features)
    if normalize:
        x = x / x.sum(dim=1, keepdim=True).clamp(min=1e-12)
    ends = [torch.from_numpy(edges[end].to_numpy().copy()) for end in ("src", "dst")]
    return NodeGraph(
        x=x,
        edge_index=torch.stack(ends),
        y=torch.from_numpy(nodes["y"].to_numpy().copy()),
        split=torch.from_numpy(nodes["split"].to_numpy().copy()),
    )


def _dense(column: Any, features: Any) -> Tensor:
    if not features.sparse:
        values = column.flatten().to_numpy(zero_copy_only=False)
        return torch.tensor(values, dtype=torch.float32).view(-1, features.dim)
    indices, values = column.field("indices"), column.field("values")
    counts = torch.tensor(np.diff(indices.offsets.to_numpy()))
    rows = torch.arange(len(column)).repeat_interleave(counts)
    x = torch.zeros(len(column), features.dim)
    x[rows, torch.tensor(indices.flatten().to_numpy()).long()] = torch.tensor(
        values.flatten().to_numpy()
    )
    return x


def arrays(name: str, data: Path) -> dict[str, Any]:
    """Return the arrays of ``data/name/data.npz``."""
    path = data / name / "data.npz"
    if not path.is_file():
        msg = f"there is no {path}: give the folder of the datasets by --data"
        raise SystemExit(msg)
    with np.load(path, allow_pickle=False) as found:
        return dict(found)


def ids(array: Any) -> Tensor:
    """Return an array of nodes, relations or times as int64."""
    return torch.from_numpy(array.astype(np.int64))


@dataclass(frozen=True, kw_only=True)
class Molecules:
    """A batch of molecules as one graph."""

    x: Tensor
    """Features of atoms, float32 [N, F]."""
    edge_index: Tensor
    """Bonds, both ways, int64 [2, E]."""
    edge_attr: Tensor
    """Features of bonds, float32 [E, D]."""
    batch: Tensor
    """The molecule of each atom, int64 [N]."""
    y: Tensor
    """The property, float32 [B]."""


class MoleculeSet:
    """Molecules with one property each, drawn in batches."""

    def __init__(self, name: str, data: Path) -> None:
        """Read ``data/name/data.npz``."""
        found = arrays(name, data)
        self.x = torch.from_numpy(found["x"]).float()
        self.edge_index = ids(found["edge_index"])
        self.edge_attr = torch.from_numpy(found["edge_attr"]).float()
        self.y = torch.from_numpy(found["y"])
        self.num_atoms, self.num_edges = ids(found["num_atoms"]), ids(found["num_edges"])
        self.first_atom = self.num_atoms.cumsum(0) - self.num_atoms
        self.first_edge = self.num_edges.cumsum(0) - self.num_edges

    def batches(self, molecules: Tensor, size: int) -> Iterator[Molecules]:
        """Return batches of `size` of the given molecules, in their order."""
        for ids in torch.split(molecules, size):
            atoms = _ranges(self.first_atom[ids], self.num_atoms[ids])
            edges = _ranges(self.first_edge[ids], self.num_edges[ids])
            start = self.num_atoms[ids].cumsum(0) - self.num_atoms[ids]
            shift = start.repeat_interleave(self.num_edges[ids])
            yield Molecules(
                x=self.x[atoms],
                edge_index=self.edge_index[:, edges] + shift,
                edge_attr=self.edge_attr[edges],
                batch=torch.arange(ids.numel()).repeat_interleave(self.num_atoms[ids]),
                y=self.y[ids],
            )


def molecule_graphs(name: str, data: Path, out: Path) -> GraphSet:
    """Write the molecules of ``data/name/data.npz`` as a set of graphs in `out`, and open it."""
    found = arrays(name, data)
    sources, destinations = found["edge_index"].astype(np.int64)
    graphs = GraphArrays(
        num_nodes=found["num_atoms"].astype(np.int64),
        num_edges=found["num_edges"].astype(np.int64),
        src=sources,
        dst=destinations,
        z=found["z"],
        x=found["x"].astype(np.float32),
        edge_attr=found["edge_attr"].astype(np.float32),
        y=found["y"].astype(np.float32)[:, None],
        split=found["split"],
    )
    return write_graphs(graphs, out, name=name)


def random_split(size: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return 80, 10 and 10 % of the numbers below `size`, in random order."""
    order = torch.randperm(size, generator=torch.Generator().manual_seed(seed))
    train, val, test = order.tensor_split([int(size * 0.8), int(size * 0.9)])
    return train, val, test


def _ranges(first: Tensor, counts: Tensor) -> Tensor:
    start = counts.cumsum(0) - counts
    return torch.arange(int(counts.sum())) + (first - start).repeat_interleave(counts)


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The command line that all examples have."""

    data: Path = DATA
    """Folder of the datasets."""
    runs: int
    """Runs, each with its own seed."""
    epochs: int
    """Epochs of a run."""


def arguments(description: str | None, *, runs: int, epochs: int) -> Arguments:
    """Parse the command line, given the defaults of this example."""
    return tyro.cli(Arguments, default=Arguments(runs=runs, epochs=epochs), description=description)


def accuracy(scores: Tensor, graph: NodeGraph, part: str) -> float:
    """Return the share of a part's nodes that score highest for their class, in percent."""
    mask = graph.mask(part)
    return 100 * float((scores[mask].argmax(dim=-1) == graph.y[mask]).float().mean())


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Return ``"mean ± standard deviation (n runs)"``."""
    mean, std = np.mean(values), np.std(values)
    return f"{mean:.{digits}f} ± {std:.{digits}f} ({len(values)} runs)"


def compare(title: str, rows: Sequence[tuple[str, str, str]]) -> None:
    """Print rows of (what, ours, published) as a table."""
    table = [("", "ours", "published"), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(3)]
    print(title)
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  " + "  ".join(cells).rstrip())
