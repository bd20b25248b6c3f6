"""Layer-wise inference: all nodes through one layer before the next."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from rich.progress import Progress

from distgnn.exceptions import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import torch
    from torch import Tensor

    from distgnn.nn.adjacency import Adjacency


class LayerwiseModel(Protocol):
    """A network that can be run layer by layer."""

    num_layers: int

    def inference_per_layer(
        self, layer: int, x: Tensor, edge_index: Adjacency, batch_size: int
    ) -> Tensor:
        """Return the output of a layer for the first `batch_size` nodes."""
        ...


def embed_all(
    model: LayerwiseModel,
    loader: Any,
    device: torch.device | str,
    embedding_device: torch.device | str,
    progress_bar: bool,
    cache: bool,
) -> Tensor:
    """Return the output of the last layer for all nodes; see `BasicGNN.inference`.

    Rows are written where `n_id` says, so that a loader may give nodes in any order.
    """
    kept: list[Any] = []
    x_all = _features(loader)
    with _progress(progress_bar, model.num_layers * len(loader)) as advance:
        for layer in range(model.num_layers):
            parts = []
            for batch in kept if cache and layer > 0 else _batches(loader):
                edge_index = _edges(batch).to(device)
                if cache and layer == 0:
                    kept.append(_Kept(batch.n_id, batch.batch_size, edge_index))
                rows = batch.x if x_all is None else x_all[batch.n_id.to(x_all.device)]
                out = model.inference_per_layer(
                    layer, rows.to(device), edge_index, batch.batch_size
                )
                parts.append((batch.n_id[: batch.batch_size], out.to(embedding_device)))
                advance()
            x_all = _assemble(parts, _num_nodes(loader, parts), embedding_device)
    if x_all is None:
        msg = "inference() of a model without layers"
        raise ArgumentError(msg)
    return x_all


class _Kept:
    """What later layers need of a batch."""

    def __init__(self, n_id: Tensor, batch_size: int, adj: Adjacency) -> None:
        self.n_id = n_id
        self.batch_size = batch_size
        self.adj = adj


def _features(loader: Any) -> Tensor | None:
    data = getattr(loader, "data", None)
    return getattr(data, "x", None)


def _batches(loader: Any) -> Iterable[Any]:
    return loader if hasattr(loader, "__iter__") else loader.epoch(0)


def _edges(batch: Any) -> Adjacency:
    for name in ("adj", "adj_t", "edge_index"):
        found = getattr(batch, name, None)
        if found is not None:
            return found
    msg = "batches of the loader have neither adj, adj_t nor edge_index"
    raise ArgumentError(msg)


def _num_nodes(loader: Any, parts: list[tuple[Tensor, Tensor]]) -> int:
    x = _features(loader)
    return x.size(0) if x is not None else 1 + max(int(ids.max()) for ids, _ in parts)


def _assemble(
    parts: list[tuple[Tensor, Tensor]], num_nodes: int, device: torch.device | str
) -> Tensor:
    out = parts[0][1].new_zeros(num_nodes, *parts[0][1].shape[1:], device=device)
    for ids, rows in parts:
        out[ids.to(out.device)] = rows
    return out


@contextmanager
def _progress(show: bool, total: int) -> Iterator[Callable[[], None]]:
    if not show:
        yield lambda: None
        return
    with Progress(transient=True) as progress:
        task = progress.add_task("Inference", total=total)
        yield lambda: progress.advance(task)
