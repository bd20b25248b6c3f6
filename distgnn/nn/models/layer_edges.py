"""Which rows and edges each layer of a network computes with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from distgnn.csc import CSC
from distgnn.exceptions import ArgumentError
from distgnn.nn.adjacency import Adjacency, check_edge_index, reorder, to_csc
from distgnn.nn.norm.batch_norm import BatchNorm
from distgnn.nn.norm.layer_norm import LayerNorm
from distgnn.nn.utils.trim_to_layer import trim_to_layer

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(slots=True, eq=False)
class LayerInput:
    """What a layer is given."""

    x: Tensor
    edge_index: Adjacency
    edge_weight: Tensor | None
    edge_attr: Tensor | None


@dataclass(slots=True, eq=False)
class Hops:
    """A batch that was sampled hop by hop, seeds first."""

    num_nodes: Sequence[int]
    """Number of nodes first visited at each hop; entry 0 counts the seeds."""
    num_edges: Sequence[int]
    """Number of edges drawn at each hop."""

    def num_rows(self, layer: int) -> int:
        """Return how many leading nodes layer `layer` reads, and the layer before it computes."""
        return sum(self.num_nodes[: max(len(self.num_nodes) - layer, 1)])

    def num_edges_of(self, layer: int) -> int:
        """Return how many leading edges layer `layer` uses."""
        return sum(self.num_edges[: max(len(self.num_edges) - layer, 0)])


class SortedEdges:
    """Edges sorted by target once; each layer computes the rows that later layers read.

    Without hops every layer computes all rows, the last one those of the CSC that was given.
    """

    def __init__(self, edges: LayerInput, num_layers: int, hops: Hops | None) -> None:
        """Sort the edges.

        Raises:
            ArgumentError: Edges name nodes that do not exist.
        """
        num_nodes, edge_index = edges.x.size(0), edges.edge_index
        num_dst = edge_index.num_dst if isinstance(edge_index, CSC) else num_nodes
        self.csc, order = to_csc(edge_index, num_nodes, num_dst)
        self.square = self.csc.square() if hops is None and num_layers > 1 else self.csc
        self.edge_weight = reorder(order, edges.edge_weight)
        self.edge_attr = reorder(order, edges.edge_attr)
        self.num_layers = num_layers
        self.hops = hops

    def at(self, layer: int, x: Tensor) -> LayerInput:
        """Return the input of layer `layer` from the rows that the layer before it computed."""
        if self.hops is None:
            csc = self.csc if layer == self.num_layers - 1 else self.square
            return LayerInput(x, csc, self.edge_weight, self.edge_attr)
        num_src, num_edges = self.hops.num_rows(layer), self.hops.num_edges_of(layer)
        num_dst = min(self.hops.num_rows(layer + 1), self.csc.num_dst)
        return LayerInput(
            x[:num_src],
            self.csc.trim(num_dst, num_src, num_edges),
            None if self.edge_weight is None else self.edge_weight[:num_edges],
            None if self.edge_attr is None else self.edge_attr[:num_edges],
        )

    def fit_hops(self) -> bool:
        """Return whether the edges of each hop lead to the nodes of the hop before, and no others.

        Looked up on the CPU only, where it costs nothing.
        """
        if self.hops is None or torch.compiler.is_compiling() or self.csc.indptr.is_cuda:
            return True
        return all(
            int(self.csc.indptr[self.hops.num_rows(layer + 1)]) == self.hops.num_edges_of(layer)
            for layer in range(self.num_layers)
        )


class GivenEdges:
    """Edges in the form that they were given; hops are cut off before each layer, as in PyG."""

    def __init__(self, edges: LayerInput, hops: Hops | None) -> None:
        """Take the edges."""
        self.edges = edges
        self.hops = hops

    def at(self, layer: int, x: Tensor) -> LayerInput:
        """Return the input of layer `layer` from the output `x` of the layer before it."""
        if self.hops is not None:
            nodes, counts, given = self.hops.num_nodes, self.hops.num_edges, self.edges
            weight, attr = given.edge_weight, given.edge_attr
            value = weight if attr is None else attr
            cut, edge_index, value = trim_to_layer(layer, nodes, counts, x, given.edge_index, value)
            weight, attr = (value, None) if attr is None else (None, value)
            self.edges, x = LayerInput(cut, edge_index, weight, attr), cut
        return LayerInput(x, self.edges.edge_index, self.edges.edge_weight, self.edges.edge_attr)


def mixes_rows(norm: nn.Module) -> bool:
    """Return whether the norm of a node depends on which other nodes there are."""
    if isinstance(norm, BatchNorm):
        return norm.training or norm.module.running_mean is None
    if isinstance(norm, LayerNorm):
        return norm.mode != "node"
    return not isinstance(norm, nn.Identity | nn.LayerNorm)


def check_model_input(edges: LayerInput, hops: Hops | None) -> None:
    """Check what a model is given.

    Raises:
        ArgumentError: Features are no matrix, edges have another form or values for another number
            of edges, or the hops do not add up to the nodes.
        NotImplementedError: Both edge_weight and edge_attr of a batch with hops.
    """
    check_edge_index(edges.edge_index)
    if edges.x.dim() < 2:
        msg = f"x has shape {list(edges.x.shape)}, expected [N, in_channels]"
        raise ArgumentError(msg)
    if isinstance(edges.edge_index, Tensor):
        num_edges = edges.edge_index.size(1)
    elif isinstance(edges.edge_index, CSC):
        num_edges = edges.edge_index.num_edges
    else:
        num_edges = edges.edge_index.nnz()
    for name, value in (("edge_weight", edges.edge_weight), ("edge_attr", edges.edge_attr)):
        if value is not None and value.size(0) != num_edges:
            msg = f"{name} has shape {list(value.shape)}, expected [{num_edges}, ...]: one an edge"
            raise ArgumentError(msg)
    if hops is None:
        return
    if edges.edge_weight is not None and edges.edge_attr is not None:
        msg = "a batch with num_sampled_*_per_hop takes edge_weight or edge_attr, not both"
        raise NotImplementedError(msg)
    if sum(hops.num_nodes) != edges.x.size(0):
        msg = (
            f"num_sampled_nodes_per_hop={list(hops.num_nodes)} adds up to {sum(hops.num_nodes)}, "
            f"but x has {edges.x.size(0)} rows"
        )
        raise ArgumentError(msg)
