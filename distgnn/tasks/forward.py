"""Calling any model on a batch: the adjacency in the form that the model's `forward` asks for."""

from __future__ import annotations

import inspect
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.parallel import DistributedDataParallel

from distgnn.csc import CSC

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn


def seed_rows(model: nn.Module, batch: Any, node_type: str | None = None) -> Tensor:
    """Return the model's output for the seeds of `batch`, [B, out_channels].

    What the model is called with follows from the arguments of its `forward`:

    * ``(x, edge_index, ..., num_sampled_nodes_per_hop, num_sampled_edges_per_hop)``: the models of
      `distgnn.nn` compute at each layer the rows that the next one needs and no others; they get
      the adjacency as a `CSC`. Of an induced subgraph, in which every node has a row, every layer
      computes all of them.
    * ``(x, adj)``: the square adjacency of all nodes of the batch, as a `CSC` (fast).
    * ``(x, edge_index)``: the same as int64 [2, E], for models written for other libraries;
      ``edge_weight`` is passed if there is such an argument and the edges have weights.

    Of a heterogeneous graph the first two arguments are dictionaries by type, and `node_type`
    names the seeds' one.
    """
    output = node_rows(model, batch, homogeneous=node_type is None)
    if isinstance(output, dict):
        assert node_type is not None  # dictionaries are of heterogeneous graphs
        output = output[node_type]
    return output[: batch.batch_size]


def node_rows(model: nn.Module, batch: Any, *, homogeneous: bool) -> Tensor | dict[str, Tensor]:
    """Return the model's output for the seeds of `batch`, perhaps followed by that of other nodes.

    The model is called as `seed_rows` says. Of a heterogeneous graph the output may be a dictionary
    by node type.
    """
    arguments = _forward_arguments(type(unwrap(model)).forward)
    call = _homogeneous if homogeneous else _heterogeneous
    output: Tensor | dict[str, Tensor] = call(model, batch, arguments)
    return output


def unwrap(model: nn.Module) -> nn.Module:
    """Return the model inside a DDP wrapper, or the model itself."""
    return model.module if isinstance(model, DistributedDataParallel) else model


def square(adj: CSC) -> CSC:
    """Return `adj` with an empty row for every source that has none: num_src targets."""
    missing = adj.num_src - adj.num_dst
    indptr = torch.nn.functional.pad(adj.indptr, (0, missing), value=adj.num_edges)
    return CSC(indptr, adj.indices, adj.num_src, adj.weight)


def _homogeneous(model: nn.Module, batch: Any, arguments: tuple[str, ...]) -> Any:
    if "num_sampled_nodes_per_hop" in arguments:
        if _is_induced(batch):
            return model(batch.x, batch.adj)
        return model(
            batch.x,
            batch.adj,
            num_sampled_nodes_per_hop=batch.num_sampled_nodes_per_hop,
            num_sampled_edges_per_hop=batch.num_sampled_edges_per_hop,
        )
    if "adj" in arguments:
        return model(batch.x, square(batch.adj))
    weight = batch.adj.weight
    if weight is not None and "edge_weight" in arguments:
        return model(batch.x, batch.adj.edge_index(), edge_weight=weight)
    return model(batch.x, batch.adj.edge_index())


def _is_induced(batch: Any) -> bool:
    return len(batch.num_sampled_edges_per_hop) == 1 and batch.adj.num_dst == batch.adj.num_src


def _heterogeneous(model: nn.Module, batch: Any, arguments: tuple[str, ...]) -> Any:
    if "adj_dict" in arguments:
        return model(batch.x_dict, batch.adj_dict)
    edges = {edge_type: adj.edge_index() for edge_type, adj in batch.adj_dict.items()}
    return model(batch.x_dict, edges)


@lru_cache
def _forward_arguments(forward: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(forward).parameters)
