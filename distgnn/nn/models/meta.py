"""A graph network from user-defined edge, node and global models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from distgnn.nn.reset import reset

if TYPE_CHECKING:
    from collections.abc import Callable


class MetaLayer(nn.Module):
    r"""Graph network block (https://arxiv.org/abs/1806.01261): edges, then nodes, then graphs.

    .. math::
        \mathbf{e}_{ji}^{\prime} &= \phi_e(\mathbf{x}_j, \mathbf{x}_i, \mathbf{e}_{ji}, \mathbf{u})

        \mathbf{X}^{\prime} &= \phi_v(\mathbf{X}, \mathbf{A}, \mathbf{E}^{\prime}, \mathbf{u})

        \mathbf{u}^{\prime} &= \phi_u(\mathbf{X}^{\prime}, \mathbf{A}, \mathbf{E}^{\prime},
        \mathbf{u})

    A model that is missing leaves its part as it is. The parameters of the given models are drawn
    anew.

    Args:
        edge_model: Called as ``edge_model(x[src], x[dst], edge_attr, u, batch[src])``, returns new
            edge features. Default None.
        node_model: Called as ``node_model(x, edge_index, edge_attr, u, batch)``, returns new node
            features. Default None.
        global_model: Called as ``global_model(x, edge_index, edge_attr, u, batch)``, returns new
            features of graphs. Default None.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F)`, edge_index :math:`(2, |E|)`, edge
          features :math:`(|E|, D)` *(optional)*, features of graphs :math:`(B, G)` *(optional)*,
          batch vector :math:`(|\mathcal{V}|)` *(optional)*
        - **output:** node features, edge features, features of graphs
    """

    def __init__(
        self,
        edge_model: Callable[..., Any] | None = None,
        node_model: Callable[..., Any] | None = None,
        global_model: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__()
        self.edge_model = edge_model
        self.node_model = node_model
        self.global_model = global_model
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters of the given models anew."""
        for model in (self.edge_model, self.node_model, self.global_model):
            reset(model)

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor,
        edge_attr: Tensor | None = None,
        u: Tensor | None = None,
        batch: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Update edge, node and graph features.

        Args:
            x: Node features, [N, F].
            edge_index: int64 [2, E].
            edge_attr: Edge features, [E, D].
            u: Features of graphs, [B, G].
            batch: The graph of each node, int64 [N].

        Returns:
            The new x, edge_attr and u.
        """
        if self.edge_model is not None:
            source, target = edge_index[0], edge_index[1]
            graph = None if batch is None else batch[source]
            edge_attr = self.edge_model(x[source], x[target], edge_attr, u, graph)
        if self.node_model is not None:
            x = self.node_model(x, edge_index, edge_attr, u, batch)
        if self.global_model is not None:
            u = self.global_model(x, edge_index, edge_attr, u, batch)
        return x, edge_attr, u

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(\n  edge_model={self.edge_model},\n"
            f"  node_model={self.node_model},\n  global_model={self.global_model}\n)"
        )
