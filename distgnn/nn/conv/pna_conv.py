"""The convolution of principal neighbourhood aggregation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
from distgnn.nn.adjacency import reorder
from distgnn.nn.aggr.scaler import DegreeScalerAggregation
from distgnn.nn.aggr.statistics import GroupStatistics
from distgnn.nn.conv.attention import edge_features
from distgnn.nn.conv.features import split
from distgnn.nn.conv.message_passing import MessagePassing
from distgnn.nn.linear import Linear
from distgnn.nn.reset import reset
from distgnn.nn.resolver import activation_resolver
from distgnn.nn.sparse import NeighbourStatistics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from distgnn.csc import CSC
    from distgnn.nn.adjacency import Adjacency
    from distgnn.nn.conv.features import Features


class PNAConv(MessagePassing):
    r"""Principal neighbourhood aggregation: many aggregations, scaled by the degree.

    From `"Principal Neighbourhood Aggregation for Graph Nets" <https://arxiv.org/abs/2004.05718>`_.

    .. math::
        \mathbf{x}_i^{\prime} = \gamma_{\mathbf{\Theta}} \left( \mathbf{x}_i,
        \bigoplus_{j \in \mathcal{N}(i)} h_{\mathbf{\Theta}} \left( \mathbf{x}_i, \mathbf{x}_j,
        \mathbf{e}_{j,i} \right) \right), \quad
        \bigoplus = [1, s_1(d), s_2(d)]^{\top} \otimes [\mathrm{mean}, \mathrm{std}, \max, \min]

    A linear h (`pre_layers` 1) without edge features is split into a part of each end; the
    aggregations are then those of the source's part, and no message is made.

    Args:
        in_channels: Size of each input sample.
        out_channels: Size of each output sample.
        aggregators: Names of aggregations.
        scalers: Names of scalers, see `DegreeScalerAggregation`.
        deg: Histogram of in-degrees in the training data: ``deg[d]`` nodes have degree d. A tensor,
            or a list, as configuration files hold it.
        edge_dim: Size of edge features. Default None: there are none.
        towers: Number of towers, each with networks of its own. Default 1.
        pre_layers: Number of layers of h. Default 1.
        post_layers: Number of layers of gamma. Default 1.
        divide_input: Whether each tower sees its part of the input rather than all. Default False.
        act: Activation between layers. Default ``"relu"``.
        act_kwargs: Arguments of the activation named by `act`. Default None.
        train_norm: Whether the mean degrees of scalers are learned. Default False.
        **kwargs: Arguments of `MessagePassing`.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})`, or a pair of sources and
          targets; edges :math:`(2, |\mathcal{E}|)`, `SparseTensor` or `CSC`; edge features
          :math:`(|\mathcal{E}|, D)` *(optional)*
        - **output:** :math:`(|\mathcal{V_t}|, F_{out})`

    Raises:
        ArgumentError: Sizes are not divisible by `towers`, or (in forward) edge features are
            missing or of another size.
    """

    fuses_csc = True
    # Lists of `torch.nn.Sequential`, which mypy takes for lists of modules.
    pre_nns: Any
    post_nns: Any

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        aggregators: list[str],
        scalers: list[str],
        deg: Tensor | Sequence[int],
        edge_dim: int | None = None,
        towers: int = 1,
        pre_layers: int = 1,
        post_layers: int = 1,
        divide_input: bool = False,
        act: str | Callable[..., Any] | None = "relu",
        act_kwargs: dict[str, Any] | None = None,
        train_norm: bool = False,
        **kwargs: Any,
    ) -> None:
        aggr = DegreeScalerAggregation(list(aggregators), list(scalers), deg, train_norm)
        super().__init__(aggr=aggr, node_dim=0, **kwargs)
        _check_divisible("out_channels", out_channels, towers)
        if divide_input:
            _check_divisible("in_channels", in_channels, towers)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.edge_dim = edge_dim
        self.towers = towers
        self.divide_input = divide_input
        self.F_in = in_channels // towers if divide_input else in_channels
        self.F_out = out_channels // towers
        if edge_dim is not None:
            self.edge_encoder = Linear(edge_dim, self.F_in)

        def network(size_in: int, size_out: int, num_layers: int) -> nn.Sequential:
            layers: list[Any] = [Linear(size_in, size_out)]
            for _ in range(num_layers - 1):
                layers += [
                    activation_resolver(act, **(act_kwargs or {})),
                    Linear(size_out, size_out),
                ]
            return nn.Sequential(*layers)

        message_size = (2 if edge_dim is None else 3) * self.F_in
        update_size = (len(aggregators) * len(scalers) + 1) * self.F_in
        self.pre_nns = nn.ModuleList(
            network(message_size, self.F_in, pre_layers) for _ in range(towers)
        )
        self.post_nns = nn.ModuleList(
            network(update_size, self.F_out, post_layers) for _ in range(towers)
        )
        self.lin = Linear(out_channels, out_channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        super().reset_parameters()
        if self.edge_dim is not None:
            self.edge_encoder.reset_parameters()
        for network in [*self.pre_nns, *self.post_nns]:
            reset(network)
        self.lin.reset_parameters()

    def forward(
        self, x: Features, edge_index: Adjacency, edge_attr: Tensor | None = None
    ) -> Tensor:
        """Convolve.

        Args:
            x: Node features, float [N, in_channels], or of sources and targets.
            edge_index: int64 [2, E], `SparseTensor` or `CSC`.
            edge_attr: Float [E, edge_dim]; None: with `edge_dim`, the values of the `SparseTensor`
                or `CSC`.

        Returns:
            Float [number of targets, out_channels].
        """
        x_src, x_dst = split(x, edge_index)
        x_dst = x_src if x_dst is None else x_dst
        for rows in (x_src, x_dst):
            self._check_features(rows)
        if self.can_fuse(x_src):
            csc, order = self.sorted_edges(edge_index, x_src.size(0), x_dst.size(0))
            if edge_attr is None:
                edge_attr = self._edges(csc.weight, csc.num_edges)
            else:
                edge_attr = reorder(order, self._edges(edge_attr, csc.num_edges))
            groups = self.propagate(csc, x=x_src, x_dst=x_dst, edge_attr=edge_attr)
            outs = self._update_groups(x_dst, groups)
        else:
            pair = (self._per_tower(x_src), self._per_tower(x_dst))
            out = self.propagate(edge_index, x=pair, edge_attr=edge_attr)
            out = torch.cat([pair[1], out], dim=-1)
            outs = [network(out[:, i]) for i, network in enumerate(self.post_nns)]
        return self.lin(torch.cat(outs, dim=1))

    def can_fuse(self, *features: Tensor | None) -> bool:
        """Return whether the aggregations need no messages: see `MessagePassing`."""
        masked = bool(self.explain) or not self._has_fused_path
        known = all(x is None or x.dim() == 2 for x in features)
        linear = self._is_linear() and self.aggr_module.takes_statistics()
        return known and linear and not masked

    def message(self, x_i: Tensor, x_j: Tensor, edge_attr: Tensor | None, index: Tensor) -> Tensor:
        """Return the messages of each tower, [E, towers, F_in]."""
        parts = [x_i, x_j]
        edge_attr = self._edges(edge_attr, index.numel())
        if edge_attr is not None:
            edges = self.edge_encoder(edge_attr).unsqueeze(1)
            parts.append(edges.expand(-1, self.towers, -1))
        h = torch.cat(parts, dim=-1)
        return torch.stack([network(h[:, i]) for i, network in enumerate(self.pre_nns)], dim=1)

    def message_and_aggregate(
        self, edge_index: CSC, x: Tensor, x_dst: Tensor, edge_attr: Tensor | None
    ) -> GroupStatistics:
        """Return the statistics of each target's messages, for towers side by side."""
        size = self.F_in
        bias = torch.cat([network[0].bias for network in self.pre_nns])
        of_target = self._tower_maps(x_dst, 0)
        of_source = self._tower_maps(x, size) + bias
        if edge_attr is None:
            return _SumStatistics(edge_index, of_target, of_source, self.towers)
        targets = edge_index.targets()
        messages = of_source.index_select(0, edge_index.indices)
        messages = messages + of_target.index_select(0, targets) + self._encode_edges(edge_attr)
        messages = messages.view(-1, self.towers, self.F_in)
        return GroupStatistics(messages, targets, edge_index.indptr, edge_index.num_dst, 0)

    def _update_groups(self, x_dst: Tensor, groups: GroupStatistics) -> list[Tensor]:
        """Return the outputs of the towers.

        The first linear map of each is taken apart: a factor per target commutes with it, so that
        scaled aggregates are never written out and concatenated.
        """
        aggr, num_dst = self.aggr_module, x_dst.size(0)
        found = aggr.aggr.of(groups)
        degrees = groups.counts().view(num_dst, 1)
        scales = [aggr.scale(name, degrees) for name in aggr.scaler]
        outs = []
        for i, network in enumerate(self.post_nns):
            own = x_dst[:, i * self.F_in : (i + 1) * self.F_in] if self.divide_input else x_dst
            first = network[0]
            weight_own, *weights = first.weight.split(
                [self.F_in, *[found.size(-1)] * len(scales)], 1
            )
            out = F.linear(own, weight_own, first.bias)
            rows = found[:, i]
            for name, scale, weight in zip(aggr.scaler, scales, weights, strict=True):
                part = F.linear(rows, weight)
                out = out + (part if name == "identity" else part * scale)
            outs.append(network[1:](out))
        return outs

    def _is_linear(self) -> bool:
        return len(self.pre_nns[0]) == 1

    def _tower_maps(self, x: Tensor, start: int) -> Tensor:
        """Apply columns `start` to `start + F_in` of the towers' h: float [N, towers * F_in]."""
        size = self.F_in
        weights = [network[0].weight[:, start : start + size] for network in self.pre_nns]
        if not self.divide_input:
            return F.linear(x, torch.cat(weights))
        return torch.cat(
            [F.linear(x[:, i * size : (i + 1) * size], w) for i, w in enumerate(weights)], dim=1
        )

    def _encode_edges(self, edge_attr: Tensor) -> Tensor:
        """Return the edges' part of h, float [E, towers * F_in], by one product."""
        encoder: Any = self.edge_encoder
        weight = torch.cat([network[0].weight[:, 2 * self.F_in :] for network in self.pre_nns])
        return F.linear(edge_attr, weight @ encoder.weight, weight @ encoder.bias)

    def _per_tower(self, x: Tensor) -> Tensor:
        """Return what each tower sees, [N, towers, F_in]."""
        if self.divide_input:
            return x.view(-1, self.towers, self.F_in)
        return x.unsqueeze(1).expand(-1, self.towers, -1)

    def _edges(self, edge_attr: Tensor | None, num_edges: int) -> Tensor | None:
        if self.edge_dim is None:
            return None
        if edge_attr is None:
            msg = f"edge_attr is missing: edge_dim={self.edge_dim} needs [{num_edges}, edge_dim]"
            raise ArgumentError(msg)
        return edge_features(edge_attr, self.edge_encoder, num_edges)

    def _check_features(self, x: Tensor) -> None:
        if x.dim() != 2 or x.size(1) != self.in_channels:
            msg = f"x has shape {list(x.shape)}, expected [N, in_channels={self.in_channels}]"
            raise ArgumentError(msg)

    @staticmethod
    def get_degree_histogram(loader: Iterable[Any]) -> Tensor:
        """Return the histogram of in-degrees over the batches of a loader, int64 [max + 1].

        Batches have `edge_index`, int64 [2, E], and `num_nodes`.
        """
        found = torch.zeros(1, dtype=torch.int64)
        for batch in loader:
            degrees = torch.bincount(batch.edge_index[1], minlength=batch.num_nodes)
            counts = torch.bincount(degrees)
            size = max(found.numel(), counts.numel())
            found = F.pad(found, (0, size - found.numel())) + F.pad(
                counts, (0, size - counts.numel())
            )
        return found

    def __repr__(self) -> str:
        sizes = f"{self.in_channels}, {self.out_channels}"
        return f"{type(self).__name__}({sizes}, towers={self.towers}, edge_dim={self.edge_dim})"


class _SumStatistics(NeighbourStatistics):
    """Statistics of messages that are the sum of a part of the target and one of the source."""

    def __init__(self, csc: CSC, of_target: Tensor, of_source: Tensor, towers: int) -> None:
        super().__init__(csc, of_source)
        self.towers = towers
        # Without in-edges all statistics are 0.
        self.own = of_target * (csc.indptr.diff() > 0).unsqueeze(1)
        self.neighbours = NeighbourStatistics(csc, of_source)

    def total(self) -> Tensor:
        return self._view(self.neighbours.total() + self.counts() * self.own)

    def mean(self) -> Tensor:
        return self._view(self.neighbours.mean() + self.own)

    def mean_square(self) -> Tensor:
        mean = self.neighbours.mean()
        return self._view(self.neighbours.mean_square() + self.own * (2 * mean + self.own))

    def variance(self, *, semi_grad: bool = False) -> Tensor:
        if semi_grad:
            return super().variance(semi_grad=True)
        return self._view(self.neighbours.variance())  # the target's part is the same in all

    def max(self) -> Tensor:
        return self._view(self.neighbours.max() + self.own)

    def min(self) -> Tensor:
        return self._view(self.neighbours.min() + self.own)

    def _view(self, rows: Tensor) -> Tensor:
        return rows.view(rows.size(0), self.towers, rows.size(1) // self.towers)


def _check_divisible(name: str, size: int, towers: int) -> None:
    if size % towers != 0:
        msg = f"{name}={size} is not divisible by towers={towers}"
        raise ArgumentError(msg)
