"""Layer-wise inference out of core: all nodes through one layer before the next, in blocks.

Every layer streams the in-edges of the shards once. Representations between layers lie in files
that are mapped, so that memory holds one block at a time, whatever the size of the graph. The
result is that of the whole graph in one pass: no neighbour is left out, no node computed twice.

Legend: N nodes, n nodes of a block, F features.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress

from distgnn.csc import CSC
from distgnn.exceptions import ArgumentError, StorageError
from distgnn.nn.models.layer_edges import mixes_rows
from distgnn.samplers import BufferPool, EdgeRows, NeighborSampler, NodeRows
from distgnn.samplers._kernels import DenseRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt
    from torch import Tensor, nn

    from distgnn.shards.reader import ShardedGraph

    Int64s = npt.NDArray[np.int64]
    Rows = Callable[[Int64s], Tensor]

DEFAULT_MEMORY_BYTES = 256 << 20
"""Default bound on the features, edges and outputs of one block."""
BYTES_PER_EDGE = 32
"""Local and global source, position and weight of an edge."""


@contextmanager
def layerwise_outputs(
    model: nn.Module,
    graph: ShardedGraph,
    *,
    memory_bytes: int = DEFAULT_MEMORY_BYTES,
    folder: Path | None = None,
    device: torch.device | str = "cpu",
    num_threads: int = 1,
    progress: bool = False,
) -> Iterator[npt.NDArray[np.float32]]:
    """Compute the model's output for all nodes; the files are removed at the end of the context.

    Args:
        model: A network with `num_layers` and `inference_per_layer`, as those on `BasicGNN` have,
            in evaluation mode.
        graph: A graph of one node type with features and one edge type.
        memory_bytes: Bound on what is held of a block: the features of its nodes and of all their
            in-neighbours, its edges and outputs. The layer itself works in about as much again,
            and features and files between layers are mapped, which costs none.
        folder: Where files between layers are put, of two layers at a time; None: the system's
            folder of temporary files.
        device: Where layers compute; the model is there.
        num_threads: Threads that gather features and edges.
        progress: Show a progress bar on a terminal.

    Yields:
        Output by global id, float32 [N, out_channels], mapped.

    Raises:
        ArgumentError: the graph has several types, or a node has more in-neighbours than fit
            `memory_bytes`; the model is in training mode, has no `inference_per_layer`, needs all
            layers at once (jumping knowledge), or a norm that mixes all rows.
        StorageError: there is no room for the files.
    """
    num_layers = _checked_layers(model, graph)
    blocks = _Blocks(graph, num_threads)
    rows, size = blocks.features(), _num_features(graph)
    with tempfile.TemporaryDirectory(dir=folder, prefix="distgnn-layers-") as place:
        outputs = np.empty((0, 0), np.float32)
        bar = _Bar(graph.num_nodes(blocks.node_type) * num_layers, show=progress)
        with torch.inference_mode(), bar:
            scale = blocks.degree_scale(model, memory_bytes)
            for number in range(num_layers):
                layer = _Layer(model, number, rows, size, scale, torch.device(device))
                outputs = _run_layer(layer, blocks, Path(place), memory_bytes, bar)
                if number > 0:  # its blocks are freed with the last view of it
                    _file_of(Path(place), number - 1).unlink()
                rows, size = blocks.mapped(outputs), outputs.shape[1]
        yield outputs


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """Consecutive nodes with all their in-edges."""

    begin: int
    end: int
    n_id: Int64s
    """Global ids: the nodes of the block, then the other sources of their in-edges."""
    adj: CSC


class _Blocks:
    """The in-edges of a graph that is open on this machine, block by block.

    Sampling actors may stand in for it: it is all that inference knows of the graph.
    """

    def __init__(self, graph: ShardedGraph, num_threads: int) -> None:
        self.graph = graph
        self.node_type = graph.schema.node_types[0]
        self._edge_type = graph.schema.edge_types[0]
        self._num_threads = num_threads
        self._pool = BufferPool()
        # Mapped: a copy in memory would grow with the graph.
        self._sampler = NeighborSampler(graph, [-1], num_threads=num_threads, in_memory=False)
        self._weight = None
        if graph.schema.edge(self._edge_type).has_weight:
            self._weight = EdgeRows(graph, self._edge_type, "weight", self._pool)

    def features(self) -> Rows:
        """Return what gathers the features of global ids."""
        rows = NodeRows(self.graph, self.node_type, "x", self._pool)
        return lambda ids: torch.from_numpy(rows.gather(ids, self._num_threads))

    def mapped(self, values: npt.NDArray[np.float32]) -> Rows:
        """Return what gathers rows of a mapped matrix."""
        bounds = np.array([0, len(values)], np.int64)
        rows = DenseRows(self._pool, bounds, [np.asarray(values)], stored_as="float32")
        return lambda ids: torch.from_numpy(rows.gather(ids, self._num_threads))

    def degree_scale(self, model: nn.Module, memory_bytes: int) -> Tensor | None:
        """Return degree^-1/2 of all nodes, float32 [N], if convolutions normalise by it."""
        find = getattr(next(iter(getattr(model, "convs", [])), None), "degree_scale", None)
        if find is None:
            return None
        found = [find(block.adj) for block in self.blocks(memory_bytes, bytes_per_row=8)]
        return None if found[0] is None else torch.cat(found)

    def blocks(self, memory_bytes: int, bytes_per_row: int) -> Iterator[_Block]:
        """Yield blocks of consecutive global ids that fit `memory_bytes`.

        Args:
            memory_bytes: Bound on rows and edges of a block.
            bytes_per_row: Bytes of a node or in-neighbour.
        """
        bounds = self.graph.offsets(self.node_type)
        for part in range(self.graph.num_parts):
            indptr = self.graph.edges(self._edge_type, part).indptr
            begin, num_nodes = 0, len(indptr) - 1
            while begin < num_nodes:
                end = _block_end(indptr, begin, memory_bytes, bytes_per_row)
                yield self._block(int(bounds[part]) + begin, int(bounds[part]) + end)
                begin = end

    def _block(self, begin: int, end: int) -> _Block:
        found = self._sampler.sample(np.arange(begin, end), epoch=0, batch=0)
        edges, n_id = found.edges[self._edge_type], found.nodes[self.node_type]
        weight = None
        if self._weight is not None:
            weight = torch.from_numpy(self._weight.gather(edges.position, self._num_threads))
        adj = CSC(
            torch.from_numpy(edges.indptr), torch.from_numpy(edges.indices), len(n_id), weight
        )
        return _Block(begin=begin, end=end, n_id=n_id, adj=adj)


@dataclass(frozen=True, slots=True)
class _Layer:
    """One layer of the model, and where its input comes from."""

    model: Any
    number: int
    rows: Rows
    num_features: int
    scale: Tensor | None
    device: torch.device

    def __call__(self, block: _Block) -> Tensor:
        """Return the output of a block's nodes, float32 [n, F]."""
        adj = block.adj.to(self.device)
        if self.scale is not None:
            adj.src_scale = self.scale[torch.from_numpy(block.n_id)].to(self.device)
        x = self.rows(block.n_id).to(self.device)
        out: Tensor = self.model.inference_per_layer(self.number, x, adj, block.end - block.begin)
        return out.float().cpu()


def _run_layer(
    layer: _Layer, blocks: _Blocks, folder: Path, memory_bytes: int, bar: _Bar
) -> npt.NDArray[np.float32]:
    """Return the output of a layer for all nodes, mapped."""
    outputs = None
    num_nodes = blocks.graph.num_nodes(blocks.node_type)
    for block in blocks.blocks(memory_bytes, bytes_per_row=4 * layer.num_features):
        out = layer(block)
        if outputs is None:
            outputs = _new_file(_file_of(folder, layer.number), (num_nodes, out.shape[1]))
        outputs[block.begin : block.end] = out.numpy()
        bar.advance(block.end - block.begin)
    assert outputs is not None  # a graph has nodes
    return outputs


def _block_end(indptr: Int64s, begin: int, memory_bytes: int, bytes_per_row: int) -> int:
    """Return where the block that starts at `begin` ends.

    Raises:
        ArgumentError: not even one node fits.
    """
    window = max(memory_bytes // bytes_per_row, 1)
    ends = indptr[begin + 1 : begin + 1 + window]
    num_edges = ends - indptr[begin]
    num_bytes = num_edges * (bytes_per_row + BYTES_PER_EDGE)
    num_bytes += np.arange(1, len(ends) + 1) * bytes_per_row
    count = int(np.searchsorted(num_bytes, memory_bytes, side="right"))
    if count == 0:
        msg = (
            f"a node has {num_edges[0]:,} in-neighbours, whose features and edges may take "
            f"{num_bytes[0]:,} bytes, but memory_bytes = {memory_bytes:,}: raise it"
        )
        raise ArgumentError(msg)
    return begin + count


def _file_of(folder: Path, layer: int) -> Path:
    return folder / f"layer-{layer}"


def _new_file(path: Path, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Return a new mapped file whose place on the disk is taken already."""
    num_bytes = 4 * shape[0] * shape[1]
    try:
        with path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, num_bytes)
    except OSError as error:
        msg = (
            f"no room for {num_bytes:,} bytes between two layers in {path.parent}: {error}; name "
            "a folder on a larger disk"
        )
        raise StorageError(msg) from error
    return np.memmap(path, np.float32, "r+", shape=shape)


def _num_features(graph: ShardedGraph) -> int:
    features = graph.schema.nodes[0].features
    assert features is not None  # checked before
    return features.dim


def _checked_layers(model: nn.Module, graph: ShardedGraph) -> int:
    """Return the number of layers of a model that can be run layer by layer over `graph`."""
    name, schema = type(model).__name__, graph.schema
    num_layers: Any = getattr(model, "num_layers", None)
    if not hasattr(model, "inference_per_layer") or num_layers is None:
        msg = (
            f"{name} cannot be run layer by layer: it has no num_layers and inference_per_layer, "
            "as GCN, GraphSAGE, GIN, GAT, PNA and EdgeCNN have"
        )
        raise ArgumentError(msg)
    if not schema.is_homogeneous or schema.nodes[0].features is None:
        msg = (
            "layer-wise inference is for graphs of one node type with features and one edge type; "
            f"{graph.manifest.name!r} has node types {', '.join(schema.node_types)}"
        )
        raise ArgumentError(msg)
    if model.training:
        msg = f"{name} is in training mode: call eval() first"
        raise ArgumentError(msg)
    if getattr(model, "jk_mode", None) not in (None, "last"):
        msg = f"{name} needs the outputs of all layers at once (jk={model.jk_mode!r})"
        raise ArgumentError(msg)
    mixing = [norm for norm in getattr(model, "norms", ()) if mixes_rows(norm)]
    if mixing:
        msg = f"{type(mixing[0]).__name__} of {name} mixes all rows, which never are there at once"
        raise ArgumentError(msg)
    return int(num_layers)


class _Bar:
    """A progress bar over nodes and layers, on a terminal if it is wanted."""

    def __init__(self, total: int, *, show: bool) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            console=console, transient=True, disable=not (show and console.is_terminal)
        )
        self._task = self._progress.add_task("layers", total=total)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def advance(self, num_nodes: int) -> None:
        """Count nodes that are through a layer."""
        self._progress.advance(self._task, num_nodes)
