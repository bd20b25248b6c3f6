"""The base of networks that stack one kind of convolution."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from distgnn.csc import CSC
from distgnn.exceptions import ArgumentError
from distgnn.nn.conv.message_passing import MessagePassing
from distgnn.nn.linear import Linear
from distgnn.nn.models.jumping_knowledge import JumpingKnowledge
from distgnn.nn.models.layer_edges import (
    GivenEdges,
    Hops,
    LayerInput,
    SortedEdges,
    check_model_input,
    mixes_rows,
)
from distgnn.nn.models.layer_inference import embed_all
from distgnn.nn.models.mlp import takes_batch
from distgnn.nn.reset import reset
from distgnn.nn.resolver import activation_resolver, normalization_resolver

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from distgnn.nn.adjacency import Adjacency


class BasicGNN(nn.Module):
    r"""Base of networks of `num_layers` convolutions: conv, norm, activation, dropout, repeated.

    Without `jk` the last layer is the bare convolution. With `jk` it is like the others, their
    outputs are combined, and a linear map follows. A subclass implements `init_conv`.

    Args:
        in_channels: Size of each input sample, or -1: taken from the first input; for some, a pair
            of sizes of sources and targets.
        hidden_channels: Size of each hidden sample.
        num_layers: Number of convolutions.
        out_channels: Size of each output sample; None: `hidden_channels`. Default None.
        dropout: Probability of dropout after each hidden layer. Default 0.
        act: Activation, by name or callable; None for none. Default ``"relu"``.
        act_first: Whether the activation comes before the norm. Default False.
        act_kwargs: Arguments of the activation named by `act`. Default None.
        norm: Norm, by name or module (which is copied per layer); None for none. Default None.
        norm_kwargs: Arguments of the norm named by `norm`. Default None.
        jk: Jumping knowledge: None, ``"last"``, ``"cat"``, ``"max"`` or ``"lstm"``. Default None.
        **kwargs: Arguments of the convolution.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})`, edges
          :math:`(2, |\mathcal{E}|)`, `SparseTensor` or `CSC`
        - **output:** :math:`(|\mathcal{V}|, F_{out})`; with `num_sampled_nodes_per_hop` or a
          rectangular `CSC`, a row per target of the last layer

    Raises:
        ArgumentError: An unknown name of activation, norm or jumping knowledge.
    """

    supports_edge_weight = False
    """Whether convolutions take edge weights; if not, they are ignored."""
    supports_edge_attr = False
    """Whether convolutions take edge attributes; if not, they are ignored."""
    supports_norm_batch: bool
    """Whether the norm takes the batch vector."""
    jk: JumpingKnowledge
    lin: Linear

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        num_layers: int,
        out_channels: int | None = None,
        dropout: float = 0.0,
        act: str | Callable[..., Any] | None = "relu",
        act_first: bool = False,
        act_kwargs: dict[str, Any] | None = None,
        norm: str | Callable[..., Any] | None = None,
        norm_kwargs: dict[str, Any] | None = None,
        jk: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        if num_layers < 1:
            msg = f"num_layers={num_layers} must be at least 1"
            raise ArgumentError(msg)
        self.in_channels = in_channels
        self.hidden_channels = hidden_channels
        self.num_layers = num_layers
        self.out_channels = hidden_channels if out_channels is None else out_channels
        self.dropout = nn.Dropout(p=dropout)
        self.act = None if act is None else activation_resolver(act, **(act_kwargs or {}))
        self.act_first = act_first
        self.jk_mode = jk
        self.norm = norm if isinstance(norm, str) else None
        self.norm_kwargs = norm_kwargs
        self._is_conv_to_out = False
        self.convs = self._build_convs(in_channels, out_channels, kwargs)
        self._build_norms(norm)
        if jk is not None and jk != "last":
            self.jk = JumpingKnowledge(jk, hidden_channels, num_layers)
        if jk is not None:
            size = num_layers * hidden_channels if jk == "cat" else hidden_channels
            self.lin = Linear(size, self.out_channels)

    def _build_convs(
        self, in_channels: Any, out_channels: int | None, kwargs: dict[str, Any]
    ) -> nn.ModuleList:
        hidden = self.hidden_channels
        convs = nn.ModuleList()
        for layer in range(self.num_layers):
            last = layer == self.num_layers - 1
            self._is_conv_to_out = last and out_channels is not None and self.jk_mode is None
            size = out_channels if self._is_conv_to_out and out_channels is not None else hidden
            convs.append(self.init_conv(in_channels, size, **kwargs))
            in_channels = (hidden, hidden) if isinstance(in_channels, tuple | list) else hidden
        return convs

    def _build_norms(self, norm: Any) -> None:
        layer = nn.Identity()
        if norm is not None:
            layer = normalization_resolver(norm, self.hidden_channels, **(self.norm_kwargs or {}))
        self.supports_norm_batch = takes_batch(layer)
        count = self.num_layers - 1 if self.jk_mode is None else self.num_layers
        self.norms = nn.ModuleList(copy.deepcopy(layer) for _ in range(count))
        if self.jk_mode is None:
            self.norms.append(nn.Identity())

    def init_conv(self, in_channels: Any, out_channels: int, **kwargs: Any) -> MessagePassing:
        """Return a convolution from `in_channels` to `out_channels`."""
        raise NotImplementedError

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for module in [*self.convs, *self.norms]:
            reset(module)
        for name in ("jk", "lin"):
            if hasattr(self, name):
                getattr(self, name).reset_parameters()

    def forward(
        self,
        x: Tensor,
        edge_index: Adjacency,
        edge_weight: Tensor | None = None,
        edge_attr: Tensor | None = None,
        batch: Tensor | None = None,
        batch_size: int | None = None,
        num_sampled_nodes_per_hop: Sequence[int] | None = None,
        num_sampled_edges_per_hop: Sequence[int] | None = None,
    ) -> Tensor:
        """Compute node embeddings.

        Args:
            x: Node features, float [N, in_channels].
            edge_index: int64 [2, E], `SparseTensor` or `CSC`.
            edge_weight: Float [E], for `supports_edge_weight`.
            edge_attr: Float [E, D], for `supports_edge_attr`.
            batch: The graph of each node, int64 [N], for `supports_norm_batch`.
            batch_size: Number of graphs.
            num_sampled_nodes_per_hop: Nodes first visited at each hop of a sampled batch, seeds
                first. Each layer then computes only the rows that later ones read.
            num_sampled_edges_per_hop: Edges drawn at each hop.

        Returns:
            Float [N, out_channels]; with hops the rows of the seeds (more, if there are fewer
            layers than hops).

        Raises:
            ArgumentError: An argument has the wrong type or shape.
        """
        hops = None
        if num_sampled_nodes_per_hop is not None and num_sampled_edges_per_hop is not None:
            hops = Hops(num_sampled_nodes_per_hop, num_sampled_edges_per_hop)
        edges = LayerInput(x, edge_index, edge_weight, edge_attr)
        check_model_input(edges, hops)
        layers = self._edges_of_layers(edges, hops)
        outs = []
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            x = self._convolve(conv, layers.at(i, x))
            if i < self.num_layers - 1 or self.jk_mode is not None:
                rows = None if batch is None else batch[: x.size(0)]
                x = self.dropout(self._activate(x, norm, rows, batch_size))
                outs.append(x)
        return self._combine(x, outs)

    def _edges_of_layers(self, edges: LayerInput, hops: Hops | None) -> SortedEdges | GivenEdges:
        """Sort edges where layers gain by it and none needs them as they were given."""
        if isinstance(edges.edge_index, CSC):
            return SortedEdges(edges, self.num_layers, hops)
        layers = [conv for conv in self.convs if isinstance(conv, MessagePassing)]
        masked = any(conv.explain for conv in layers)
        if not isinstance(edges.edge_index, Tensor) or masked or edges.x.dim() != 2:
            return GivenEdges(edges, hops)  # a SparseTensor's diagonal is special to some layers
        if hops is None:
            gains = len(layers) == self.num_layers and all(conv.can_fuse() for conv in layers)
            return SortedEdges(edges, self.num_layers, None) if gains else GivenEdges(edges, None)
        if not any(mixes_rows(norm) for norm in self.norms):
            found = SortedEdges(edges, self.num_layers, hops)
            if found.fit_hops():
                return found
        return GivenEdges(edges, hops)

    def _convolve(self, conv: nn.Module, given: LayerInput) -> Tensor:
        values: dict[str, Tensor | None] = {}
        if self.supports_edge_weight:
            values["edge_weight"] = given.edge_weight
        if self.supports_edge_attr:
            values["edge_attr"] = given.edge_attr
        return conv(given.x, given.edge_index, **values)

    def _activate(
        self, x: Tensor, norm: nn.Module, batch: Tensor | None, batch_size: int | None
    ) -> Tensor:
        if self.act is not None and self.act_first:
            x = self.act(x)
        x = norm(x, batch, batch_size) if self.supports_norm_batch else norm(x)
        if self.act is not None and not self.act_first:
            x = self.act(x)
        return x

    def _combine(self, x: Tensor, outs: list[Tensor]) -> Tensor:
        if hasattr(self, "jk"):
            num_rows = outs[-1].size(0)
            x = self.jk([out[:num_rows] for out in outs])
        return self.lin(x) if hasattr(self, "lin") else x

    @torch.no_grad()
    def inference_per_layer(
        self, layer: int, x: Tensor, edge_index: Adjacency, batch_size: int
    ) -> Tensor:
        """Return the output of layer number `layer` for the first `batch_size` nodes of a batch.

        Args:
            layer: Number of the layer.
            x: Its input, float [N, F].
            edge_index: Edges of the batch, with all in-edges of these first nodes.
            batch_size: Number of rows to return.
        """
        x = self.convs[layer](x, edge_index)[:batch_size]
        if layer < self.num_layers - 1 or self.jk_mode is not None:
            x = self._activate(x, self.norms[layer], None, None)
        if layer == self.num_layers - 1 and hasattr(self, "lin"):
            x = self.lin(x)
        return x

    @torch.no_grad()
    def inference(
        self,
        loader: Any,
        device: torch.device | str | None = None,
        embedding_device: torch.device | str = "cpu",
        progress_bar: bool = False,
        cache: bool = False,
    ) -> Tensor:
        """Compute embeddings of all nodes layer by layer: every node once a layer.

        Args:
            loader: Batches of one hop with all neighbours, each node a seed once, in any order.
                Batches have `n_id`, `batch_size` and `adj`, `adj_t` or `edge_index`; the loader
                has ``data.x``, or its batches have `x`.
            device: Where layers compute; None: where the parameters are.
            embedding_device: Where embeddings of all nodes are kept between layers.
            progress_bar: Show progress on standard error.
            cache: Keep the batches (on `device`) from the first layer to the last.

        Returns:
            Float [N, out_channels] on `embedding_device`.

        Raises:
            ArgumentError: The model is in training mode, or its jumping knowledge needs the outputs
                of all layers at once.
        """
        if self.training:
            msg = "inference() is for a model in evaluation mode: call eval() first"
            raise ArgumentError(msg)
        if self.jk_mode not in (None, "last"):
            msg = f"inference() does not go with jk={self.jk_mode!r}: it keeps one layer at a time"
            raise ArgumentError(msg)
        if device is None:
            device = next(self.parameters()).device
        return embed_all(self, loader, device, embedding_device, progress_bar, cache)

    def __repr__(self) -> str:
        sizes = f"{self.in_channels}, {self.out_channels}, num_layers={self.num_layers}"
        return f"{type(self).__name__}({sizes})"
