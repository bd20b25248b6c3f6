"""AttentiveFP: attention over atoms, then over the molecule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distgnn.nn.conv.gat_conv import GATConv
from distgnn.nn.conv.gate_conv import GATEConv
from distgnn.nn.linear import Linear
from distgnn.nn.pool.glob import global_add_pool
from distgnn.nn.reset import reset

if TYPE_CHECKING:
    from distgnn.nn.adjacency import Adjacency

SLOPE = 0.01
"""Negative slope of the leaky ReLU in all attention scores."""


class AttentiveFP(nn.Module):
    r"""Attentive fingerprint (https://pubs.acs.org/doi/10.1021/acs.jmedchem.9b00959).

    .. math::
        \mathbf{H}^{(\ell)} = \mathrm{GRU}(\mathrm{elu}(\mathrm{attention}(
        \mathbf{H}^{(\ell - 1)}, \mathbf{A})), \mathbf{H}^{(\ell - 1)}), \quad
        \mathbf{g}^{(t)} = \mathrm{GRU}(\mathrm{elu}(\mathrm{attention}(
        \mathbf{g}^{(t - 1)}, \mathbf{H})), \mathbf{g}^{(t - 1)})

    The first attention over atoms also sees the bonds. The molecule's state starts as the sum of
    its atoms and attends over them `num_timesteps` times, with shared weights.

    Args:
        in_channels: Size of each input sample.
        hidden_channels: Size of each hidden sample.
        out_channels: Size of each output sample.
        edge_dim: Size of an edge's features.
        num_layers: Number of attention layers over atoms.
        num_timesteps: Number of attention steps over the molecule.
        dropout: Dropout probability. Default 0.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})`, edges
          :math:`(2, |\mathcal{E}|)`, `SparseTensor` or `CSC`; edge features
          :math:`(|\mathcal{E}|, D)`, batch vector :math:`(|\mathcal{V}|)`
        - **output:** :math:`(B, F_{out})`
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        edge_dim: int,
        num_layers: int,
        num_timesteps: int,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.hidden_channels = hidden_channels
        self.out_channels = out_channels
        self.edge_dim = edge_dim
        self.num_layers = num_layers
        self.num_timesteps = num_timesteps
        self.dropout = dropout
        self.lin1 = Linear(in_channels, hidden_channels)
        self.gate_conv = GATEConv(hidden_channels, hidden_channels, edge_dim, dropout)
        self.gru = nn.GRUCell(hidden_channels, hidden_channels)
        self.atom_convs = nn.ModuleList(self._attention() for _ in range(num_layers - 1))
        self.atom_grus = nn.ModuleList(
            nn.GRUCell(hidden_channels, hidden_channels) for _ in range(num_layers - 1)
        )
        self.mol_conv = self._attention()
        self.mol_conv.explain = False  # its edges lead from atoms to molecules
        self.mol_gru = nn.GRUCell(hidden_channels, hidden_channels)
        self.lin2 = Linear(hidden_channels, out_channels)

    def _attention(self) -> GATConv:
        size = self.hidden_channels
        return GATConv(size, size, dropout=self.dropout, add_self_loops=False, negative_slope=SLOPE)

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for part in self.children():
            reset(part)

    def forward(self, x: Tensor, edge_index: Adjacency, edge_attr: Tensor, batch: Tensor) -> Tensor:
        """Predict properties of molecules.

        Args:
            x: Node features, float [N, in_channels].
            edge_index: int64 [2, E], `SparseTensor` or `CSC`.
            edge_attr: Edge features, float [E, edge_dim].
            batch: The molecule of each node, int64 [N].

        Returns:
            Float [B, out_channels].
        """
        x = F.leaky_relu(self.lin1(x))
        x = self._step(self.gru, self.gate_conv(x, edge_index, edge_attr), x)
        for conv, gru in zip(self.atom_convs, self.atom_grus, strict=True):
            x = self._step(gru, conv(x, edge_index), x)
        atoms = torch.stack([torch.arange(batch.numel(), device=batch.device), batch])
        molecule = global_add_pool(x, batch).relu()
        for _ in range(self.num_timesteps):
            molecule = self._step(self.mol_gru, self.mol_conv((x, molecule), atoms), molecule)
        return self.lin2(F.dropout(molecule, p=self.dropout, training=self.training))

    def _step(self, gru: nn.Module, message: Tensor, state: Tensor) -> Tensor:
        message = F.dropout(F.elu(message), p=self.dropout, training=self.training)
        return gru(message, state).relu()

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(in_channels={self.in_channels}, "
            f"hidden_channels={self.hidden_channels}, out_channels={self.out_channels}, "
            f"edge_dim={self.edge_dim}, num_layers={self.num_layers}, "
            f"num_timesteps={self.num_timesteps})"
        )
