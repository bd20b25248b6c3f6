"""GNNFF: forces predicted along the edges between atoms, without energies."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
from distgnn.nn.models.molecule import ShiftedSoftplus, check_apart, check_atoms
from distgnn.nn.models.schnet import GaussianSmearing
from distgnn.nn.reset import reset
from distgnn.nn.utils.radius import radius_graph
from distgnn.nn.utils.scatter import scatter
from distgnn.nn.utils.triplets import Triplets, triplets

NUM_ATOM_TYPES = 95
_LAST_CENTRE = 5.0  # whatever the cutoff, as in the published model


class GaussianFilter(GaussianSmearing):
    """The radial basis `GaussianSmearing`, under the name that GNNFF gives it."""

    def reset_parameters(self) -> None:
        """Nothing is learned."""


class NodeBlock(nn.Module):
    r"""Update of the atoms from their edges.

    .. math::
        h'_i = \tanh\left(h_i + BN\left(\sum_j \sigma(f_{ij}) \odot \tanh(c_{ij})\right)\right),
        \quad [f_{ij} \,\|\, c_{ij}] = BN(\mathbf{W} [h_i \,\|\, e_{ij}] + b)

    Args:
        hidden_node_channels: Size of the atoms' embeddings.
        hidden_edge_channels: Size of the edges' embeddings.
    """

    def __init__(self, hidden_node_channels: int, hidden_edge_channels: int) -> None:
        super().__init__()
        self.sizes = [hidden_node_channels, hidden_edge_channels]
        self.lin_c1 = nn.Linear(sum(self.sizes), 2 * hidden_node_channels)
        self.bn_c1 = nn.BatchNorm1d(2 * hidden_node_channels)
        self.bn = nn.BatchNorm1d(hidden_node_channels)

    def reset_parameters(self) -> None:
        """Reset all learnable parameters."""
        for layer in self.children():
            reset(layer)

    def forward(self, node_emb: Tensor, edge_emb: Tensor, i: Tensor) -> Tensor:
        """Return the new embeddings of the atoms, [N, hidden_node_channels]."""
        of_node, of_edge = torch.split(self.lin_c1.weight, self.sizes, dim=1)
        c1 = F.linear(edge_emb, of_edge, self.lin_c1.bias)
        c1 = c1 + F.linear(node_emb, of_node).index_select(0, i)
        messages = _gate(self.bn_c1(c1))
        total = scatter(messages, i, dim_size=node_emb.size(0))
        return torch.tanh(node_emb + self.bn(total))


class EdgeBlock(nn.Module):
    r"""Update of the edges from their two atoms, and from the edges that lead to them.

    .. math::
        e'_{ji} = \tanh\left(e_{ji} + g_2(h_i \odot h_j) + \sum_k
        g_3([h_i \,\|\, h_j \,\|\, h_k \,\|\, e_{ji} \,\|\, e_{kj}])\right)

    Both g are a linear map, BN, the product of a sigmoid and a tanh half, and (after the sum) BN.
    The linear map of triplets is taken once per edge, not per triplet.

    Args:
        hidden_node_channels: Size of the atoms' embeddings.
        hidden_edge_channels: Size of the edges' embeddings.
    """

    def __init__(self, hidden_node_channels: int, hidden_edge_channels: int) -> None:
        super().__init__()
        size = 2 * hidden_edge_channels
        self.sizes = [hidden_node_channels] * 3 + [hidden_edge_channels] * 2
        self.lin_c2 = nn.Linear(hidden_node_channels, size)
        self.lin_c3 = nn.Linear(sum(self.sizes), size)
        self.bn_c2 = nn.BatchNorm1d(size)
        self.bn_c3 = nn.BatchNorm1d(size)
        self.bn_c2_2 = nn.BatchNorm1d(hidden_edge_channels)
        self.bn_c3_2 = nn.BatchNorm1d(hidden_edge_channels)

    def reset_parameters(self) -> None:
        """Reset all learnable parameters."""
        for layer in self.children():
            reset(layer)

    def forward(self, node_emb: Tensor, edge_emb: Tensor, path: Triplets) -> Tensor:
        """Return the new embeddings of the edges, [E, hidden_edge_channels]."""
        pairs = node_emb.index_select(0, path.i) * node_emb.index_select(0, path.j)
        two_body = self.bn_c2_2(_gate(self.bn_c2(self.lin_c2(pairs))))
        gated = _gate(self.bn_c3(self._three_body(node_emb, edge_emb, path)))
        three_body = scatter(gated, path.idx_ji, dim_size=edge_emb.size(0))
        return torch.tanh(edge_emb + two_body + self.bn_c3_2(three_body))

    def _three_body(self, node_emb: Tensor, edge_emb: Tensor, path: Triplets) -> Tensor:
        of_i, of_j, of_k, of_ji, of_kj = torch.split(self.lin_c3.weight, self.sizes, dim=1)
        towards = F.linear(edge_emb, of_ji, self.lin_c3.bias)
        towards = towards + F.linear(node_emb, of_i).index_select(0, path.i)
        towards = towards + F.linear(node_emb, of_j).index_select(0, path.j)
        before = F.linear(edge_emb, of_kj) + F.linear(node_emb, of_k).index_select(0, path.j)
        return towards.index_select(0, path.idx_ji) + before.index_select(0, path.idx_kj)


class GNNFF(nn.Module):
    r"""Force field without energies: every edge exerts a force along its direction.

    Paper: `"Accurate and scalable graph neural network force field and molecular dynamics with
    direct force architecture" <https://www.nature.com/articles/s41524-021-00543-3>`_.

    .. math::
        \mathbf{F}_i = \sum_{j \in \mathcal{N}(i)} n(e_{ji}) \frac{\mathbf{r}_i - \mathbf{r}_j}
        {\|\mathbf{r}_i - \mathbf{r}_j\|}

    with edge embeddings e that start as Gaussians of the distance (centres always from 0 to 5) and
    that `NodeBlock` and `EdgeBlock` update in turn. Forces rotate with the molecule, and do not
    change when it is moved. They need not sum to 0, nor follow from an energy.

    The result has a row for each atom up to the last one that has a neighbour within the cutoff:
    isolated atoms at the very end of the batch get none, isolated atoms before them get 0.

    Args:
        hidden_node_channels: Size of the atoms' embeddings.
        hidden_edge_channels: Size of the edges' embeddings, at least 2.
        num_layers: Number of pairs of blocks.
        cutoff: Distance up to which atoms interact, in the unit of positions.
        max_num_neighbors: Greatest number of neighbours of an atom, see `radius_graph`.

    Shapes:
        - **input:** atomic numbers :math:`(N)` from 0 to 94, positions :math:`(N, 3)`, molecule of
          each atom :math:`(N)`, ascending, or None: one molecule
        - **output:** forces :math:`(N, 3)`, see above

    Raises:
        ArgumentError: A wrong argument; in forward unknown atomic numbers, atoms at the same place,
            positions that are not finite, or in training too few angles to normalise over.
    """

    def __init__(
        self,
        hidden_node_channels: int,
        hidden_edge_channels: int,
        num_layers: int,
        cutoff: float = 5.0,
        max_num_neighbors: int = 32,
    ) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.max_num_neighbors = max_num_neighbors
        self.node_emb = nn.Sequential(
            nn.Embedding(NUM_ATOM_TYPES, hidden_node_channels),
            ShiftedSoftplus(),
            nn.Linear(hidden_node_channels, hidden_node_channels),
            ShiftedSoftplus(),
            nn.Linear(hidden_node_channels, hidden_node_channels),
        )
        self.edge_emb = GaussianFilter(0.0, _LAST_CENTRE, hidden_edge_channels)
        sizes = (hidden_node_channels, hidden_edge_channels)
        self.node_blocks = nn.ModuleList(NodeBlock(*sizes) for _ in range(num_layers))
        self.edge_blocks = nn.ModuleList(EdgeBlock(*sizes) for _ in range(num_layers))
        self.force_predictor = nn.Sequential(
            nn.Linear(hidden_edge_channels, hidden_edge_channels),
            ShiftedSoftplus(),
            nn.Linear(hidden_edge_channels, hidden_edge_channels),
            ShiftedSoftplus(),
            nn.Linear(hidden_edge_channels, 1),
        )

    def reset_parameters(self) -> None:
        """Reset all learnable parameters."""
        for part in self.children():
            reset(part)

    def forward(self, z: Tensor, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        """Return the force on each atom.

        Args:
            z: Atomic numbers, int64 [N].
            pos: Positions, float [N, 3].
            batch: Molecule of each atom, int64 [N], ascending; None: one molecule.

        Returns:
            Float [N, 3], or less rows if the last atoms have no neighbours.
        """
        check_atoms(z, pos, batch, NUM_ATOM_TYPES)
        edge_index = radius_graph(pos, self.cutoff, batch, max_num_neighbors=self.max_num_neighbors)
        path = triplets(edge_index, pos.size(0))
        vector = pos.index_select(0, path.i) - pos.index_select(0, path.j)
        dist = vector.norm(dim=-1)
        check_apart(dist, edge_index)
        if self.training and len(self.node_blocks) > 0:
            _check_angles(path, self.cutoff)

        node_emb = self.node_emb(z)
        edge_emb = self.edge_emb(dist)
        for node_block, edge_block in zip(self.node_blocks, self.edge_blocks, strict=True):
            node_emb = node_block(node_emb, edge_emb, path.i)
            edge_emb = edge_block(node_emb, edge_emb, path)
        forces = self.force_predictor(edge_emb) * (vector / dist.unsqueeze(-1))
        return scatter(forces, path.i)


def _gate(x: Tensor) -> Tensor:
    gate, core = x.chunk(2, dim=1)
    return gate.sigmoid() * core.tanh()


def _check_angles(path: Triplets, cutoff: float) -> None:
    if path.idx_ji.numel() < 2:
        msg = (
            f"this batch has {path.i.numel()} edges and {path.idx_ji.numel()} angles within the "
            f"cutoff of {cutoff}: GNNFF normalises over the angles of a batch while it trains and "
            f"needs 2 or more. Use larger molecules, larger batches or a larger cutoff"
        )
        raise ArgumentError(msg)
