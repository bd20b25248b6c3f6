"""The base of all convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from distgnn.csc import CSC
from distgnn.exceptions import ArgumentError, nearest
from distgnn.nn.adjacency import Adjacency, check_edge_index, to_csc
from distgnn.nn.conv.arguments import Edges, Parameters, defined_in, edges_of, select
from distgnn.nn.ops import is_sparse_tensor
from distgnn.nn.reset import reset
from distgnn.nn.resolver import aggregation_resolver
from distgnn.nn.sparse import FUSED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

FLOWS = ("source_to_target", "target_to_source")

Aggr = str | list[str] | tuple[str, ...] | nn.Module | None


def _message(self: MessagePassing, x_j: Tensor) -> Tensor:  # noqa: ARG001 -- a method
    return x_j


def _aggregate(
    self: MessagePassing,
    inputs: Tensor,
    index: Tensor,
    ptr: Tensor | None = None,
    dim_size: int | None = None,
) -> Tensor:
    if self.aggr_module is None:
        msg = f"{type(self).__name__} has aggr=None and no aggregate() of its own"
        raise ArgumentError(msg)
    return self.aggr_module(inputs, index, ptr=ptr, dim_size=dim_size, dim=self.node_dim)


def _update(self: MessagePassing, inputs: Tensor) -> Tensor:  # noqa: ARG001 -- a method
    return inputs


def _unimplemented(self: MessagePassing) -> Any:
    msg = f"{type(self).__name__} does not implement this"
    raise NotImplementedError(msg)


class MessagePassing(nn.Module):
    r"""Base of graph convolutions: aggregate messages from neighbours, then update.

    .. math::
        \mathbf{x}_i^{\prime} = \gamma \left( \mathbf{x}_i, \bigoplus_{j \in \mathcal{N}(i)}
        \phi(\mathbf{x}_i, \mathbf{x}_j, \mathbf{e}_{j,i}) \right)

    From `"Neural Message Passing for Quantum Chemistry" <https://arxiv.org/abs/1704.01212>`_. A
    subclass implements :math:`\phi` as `message`, optionally :math:`\bigoplus` as `aggregate` and
    :math:`\gamma` as `update`, and calls `propagate` in its forward. These take any keyword
    argument of `propagate` by name; one whose name ends in ``_j`` (``_i``) gets the rows of each
    edge's source (target). Also known are `edge_index`, `edge_index_i`, `edge_index_j`, `adj_t`,
    `index` (targets of edges), `ptr`, `size`, `size_i`, `size_j` and `dim_size`.

    `message_and_aggregate`, if a subclass implements it, replaces `message` and `aggregate` for a
    `SparseTensor`, or for a `CSC` where the class says `fuses_csc`.

    Args:
        aggr: Aggregation: a name, a module, a list of them (concatenated) or None (the subclass
            aggregates). Default ``"sum"``.
        aggr_kwargs: Arguments of an aggregation given by name. Default None.
        flow: ``"source_to_target"`` or ``"target_to_source"``. Default ``"source_to_target"``.
        node_dim: Dimension of features along which nodes lie. Default -2.

    Raises:
        ArgumentError: `aggr` or `flow` is unknown.
    """

    fuses_csc = False
    """Whether `message_and_aggregate` takes a `CSC`."""
    fuses_statistics = False
    """Whether it also does for aggregations that are functions of `NeighbourStatistics`."""

    # Subclasses choose their own arguments for these, hence the types.
    message: Callable[..., Any] = _message
    """message(x_j): the message of each edge; by default the source's features."""
    aggregate: Callable[..., Any] = _aggregate
    """aggregate(inputs, index, ptr, dim_size): messages by target; by default `aggr_module`."""
    update: Callable[..., Any] = _update
    """update(inputs): new features from the aggregated messages; by default these."""
    message_and_aggregate: Callable[..., Any] = _unimplemented
    """message_and_aggregate(edge_index): the aggregated messages without one held per edge."""
    edge_update: Callable[..., Any] = _unimplemented
    """edge_update(): the values of `edge_updater`."""

    def __init__(
        self,
        aggr: Aggr = "sum",
        *,
        aggr_kwargs: dict[str, Any] | None = None,
        flow: str = "source_to_target",
        node_dim: int = -2,
    ) -> None:
        super().__init__()
        if flow not in FLOWS:
            msg = f"flow={flow!r} is unknown{nearest(flow, FLOWS)}"
            raise ArgumentError(msg)
        self.aggr = _name(aggr)
        self.aggr_module: Any = (
            None if aggr is None else aggregation_resolver(aggr, **(aggr_kwargs or {}))
        )
        self.flow = flow
        self.node_dim = node_dim
        self.explain: bool | None = None
        self._edge_mask: Tensor | None = None
        self._loop_mask: Tensor | None = None
        self._apply_sigmoid = True
        self._parameters_of = Parameters(self)
        self._has_fused_path = defined_in(self, "message_and_aggregate", MessagePassing)

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        if self.aggr_module is not None:
            reset(self.aggr_module)

    def propagate(
        self, edge_index: Adjacency, size: Sequence[int | None] | None = None, **kwargs: Any
    ) -> Any:
        """Compute messages, aggregate them and update.

        Args:
            edge_index: The edges: int64 [2, E], a `SparseTensor` (rows = targets) or a `CSC`.
            size: Numbers of sources and targets; None: from the features and the adjacency.
            **kwargs: What `message`, `aggregate` and `update` take. Node features are one tensor
                or a pair (of sources, of targets).

        Raises:
            ArgumentError: `edge_index` has another type or shape, features do not fit it, or an
                argument is missing.
        """
        sizes = self._sizes(edge_index, size)
        fused = self._takes_fused_path(edge_index, kwargs)
        if not (fused and isinstance(edge_index, CSC)):  # that one was sorted for this flow
            self._check_flow(edge_index)
        if fused:
            found = select(self._parameters_of.fused, self._fused_arguments(sizes, kwargs))
            out = self.message_and_aggregate(edge_index, **found)
            # What update takes is looked up without any gathering, unless it asks for it.
            return self.update(out, **self._for_update(edge_index, sizes, kwargs))
        edges = edges_of(edge_index)
        values = self._lifted(self._parameters_of.user, edges, sizes, kwargs)
        out = self.message(**select(self._parameters_of.message, values))
        if self.explain:
            out = self.explain_message(out, values["dim_size"])
        out = self.aggregate(out, **select(self._parameters_of.aggregate, values))
        return self.update(out, **select(self._parameters_of.update, values))

    def edge_updater(
        self, edge_index: Adjacency, size: Sequence[int | None] | None = None, **kwargs: Any
    ) -> Any:
        """Compute edge values by `edge_update`, which takes the same arguments as `message`."""
        self._check_flow(edge_index)
        sizes = self._sizes(edge_index, size)
        edges = edges_of(edge_index)
        values = self._lifted(self._parameters_of.edge_update, edges, sizes, kwargs)
        return self.edge_update(**select(self._parameters_of.edge_update, values))

    def explain_message(self, inputs: Tensor, dim_size: int | None) -> Tensor:
        """Multiply the messages by the edge mask that an explainer has set.

        A layer that added self-loops has more messages than the mask entries: loops of the input
        lose theirs, and the loops that the layer added weigh 1.
        """
        mask = self._edge_mask
        if mask is None:
            msg = f"explain=True, but no edge mask was set on {self!r}"
            raise ArgumentError(msg)
        if self._apply_sigmoid:
            mask = mask.sigmoid()
        num_messages = inputs.size(self.node_dim)
        if num_messages != mask.size(0):
            if self._loop_mask is not None:
                mask = mask[self._loop_mask]
            mask = torch.cat([mask, mask.new_ones(dim_size or 0)])
        if num_messages != mask.size(0):
            msg = f"the edge mask has {mask.size(0)} entries for {num_messages} messages"
            raise ArgumentError(msg)
        shape = [1] * inputs.dim()
        shape[self.node_dim] = -1
        return inputs * mask.view(shape)

    def can_fuse(self, *features: Tensor | None) -> bool:
        """Return whether messages of these node features can be aggregated without making them.

        Not so while an explainer masks messages, or where a subclass changed `message`,
        `aggregate` or `update` of the class that has the fused path.
        """
        return (
            self._has_fused_path
            and self.fuses_csc
            and not self.explain
            and self.node_dim in (-2, 0)
            and self._has_fused_aggregation()
            and all(x is None or x.dim() == 2 for x in features)
        )

    def sorted_edges(
        self, edge_index: Adjacency, num_src: int, num_dst: int
    ) -> tuple[CSC, Tensor | None]:
        """Return the edges as CSC, and where each of them lies in `edge_index` (see `to_csc`)."""
        check_edge_index(edge_index)
        self._check_flow(edge_index)
        return to_csc(edge_index, num_src, num_dst, self.flow)

    def _check_flow(self, edge_index: Adjacency) -> None:
        if self.flow == "target_to_source" and not isinstance(edge_index, Tensor):
            msg = (
                f"flow='target_to_source' does not go with a {type(edge_index).__name__}, whose "
                f"rows are targets: transpose it and use flow='source_to_target', or pass an int64 "
                f"edge_index"
            )
            raise ArgumentError(msg)

    def _sizes(self, edge_index: Adjacency, size: Sequence[int | None] | None) -> list[int | None]:
        check_edge_index(edge_index)
        if isinstance(edge_index, CSC):
            return [edge_index.num_src, edge_index.num_dst]
        if not isinstance(edge_index, Tensor):
            return [edge_index.size(1), edge_index.size(0)]
        return [None, None] if size is None else list(size)

    def _has_fused_aggregation(self) -> bool:
        if self.aggr is None or (isinstance(self.aggr, str) and self.aggr in FUSED):
            return True
        return self.fuses_statistics and self.aggr_module.takes_statistics()

    def _takes_fused_path(self, edge_index: Adjacency, kwargs: Mapping[str, Any]) -> bool:
        if self.fuses_csc:  # the layer sorts its edges where its features allow for it
            x = kwargs.get("x")
            return isinstance(edge_index, CSC) and isinstance(x, Tensor) and self.can_fuse(x)
        return self._has_fused_path and not self.explain and is_sparse_tensor(edge_index)

    def _lifted(
        self,
        names: Iterable[str],
        edges: Edges,
        sizes: list[int | None],
        kwargs: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Return the value of each name, gathered per edge where it ends in _i or _j."""
        ends = {"_i": 1, "_j": 0} if self.flow == "source_to_target" else {"_i": 0, "_j": 1}
        values = dict(kwargs)
        for name in names:
            if name[-2:] in ends and name[:-2] in kwargs and name not in kwargs:
                end = ends[name[-2:]]
                rows = edges.rows_of(kwargs[name[:-2]], name[:-2], end, sizes, self.node_dim)
                values[name] = edges.lift(rows, name, end, self.node_dim)
        return edges.complete(values, sizes, ends)

    def _fused_arguments(
        self, sizes: list[int | None], kwargs: Mapping[str, Any]
    ) -> dict[str, Any]:
        return {**kwargs, "size": sizes, "dim_size": sizes[1]}

    def _for_update(
        self, edge_index: Adjacency, sizes: list[int | None], kwargs: Mapping[str, Any]
    ) -> dict[str, Any]:
        wanted = self._parameters_of.update
        if all(name in kwargs for name in wanted):
            return select(wanted, kwargs)
        return select(wanted, self._lifted(wanted, edges_of(edge_index), sizes, kwargs))

    def __repr__(self) -> str:
        sizes = [getattr(self, name, None) for name in ("in_channels", "out_channels")]
        inside = ", ".join(str(size) for size in sizes) if None not in sizes else ""
        return f"{type(self).__name__}({inside})"


def _name(aggr: Any) -> Any:
    if aggr is None or isinstance(aggr, str):
        return aggr
    if isinstance(aggr, list | tuple):
        return [str(member) for member in aggr]
    return str(aggr)
