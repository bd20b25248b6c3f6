"""ViSNet: equivariant vector features, energies and forces."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError, nearest
from distgnn.nn.models.molecule import check_atoms
from distgnn.nn.models.visnet_basis import CosineCutoff, Distance, ExpNormalSmearing, Sphere
from distgnn.nn.models.visnet_blocks import (
    Atomref,
    EdgeEmbedding,
    EquivariantScalar,
    GatedEquivariantBlock,
    NeighborEmbedding,
    VecLayerNorm,
)
from distgnn.nn.models.visnet_layers import Views, ViS_MP, ViS_MP_Vertex
from distgnn.nn.reset import reset
from distgnn.nn.utils.scatter import scatter

__all__ = [
    "Atomref",
    "CosineCutoff",
    "Distance",
    "EdgeEmbedding",
    "EquivariantScalar",
    "ExpNormalSmearing",
    "GatedEquivariantBlock",
    "NeighborEmbedding",
    "Sphere",
    "VecLayerNorm",
    "ViSNet",
    "ViSNetBlock",
    "ViS_MP",
    "ViS_MP_Vertex",
]

REDUCTIONS = ("sum", "add", "mean")


class ViSNetBlock(nn.Module):
    """ViSNet without its output: scalars and vectors of each atom.

    Args:
        lmax: Highest order of spherical harmonics, 1 or 2.
        vecnorm_type: ``"max_min"`` or None, see `VecLayerNorm`.
        trainable_vecnorm: Whether its weights are learned.
        num_heads: Number of attention heads.
        num_layers: Number of layers.
        hidden_channels: Size of the embeddings H, a multiple of `num_heads`.
        num_rbf: Size of the radial basis.
        trainable_rbf: Whether its means and betas are learned.
        max_z: Number of atom types: atomic numbers 0 to `max_z` - 1.
        cutoff: Distance up to which atoms interact, in the unit of positions.
        max_num_neighbors: Greatest number of neighbours of an atom, see `radius_graph`.
        vertex: Whether edges also see their target's vectors twice, see `ViS_MP_Vertex`.

    Shapes:
        - **input:** atomic numbers :math:`(N)`, positions :math:`(N, 3)`, molecules :math:`(N)`
        - **output:** scalars :math:`(N, H)`, vectors :math:`(N, L, H)` with L = 3 or 8
    """

    def __init__(
        self,
        lmax: int = 1,
        vecnorm_type: str | None = None,
        trainable_vecnorm: bool = False,
        num_heads: int = 8,
        num_layers: int = 6,
        hidden_channels: int = 128,
        num_rbf: int = 32,
        trainable_rbf: bool = False,
        max_z: int = 100,
        cutoff: float = 5.0,
        max_num_neighbors: int = 32,
        vertex: bool = False,
    ) -> None:
        super().__init__()
        if num_layers < 1:
            msg = f"num_layers={num_layers}, expected at least 1"
            raise ArgumentError(msg)
        self.lmax = lmax
        self.hidden_channels = hidden_channels
        self.max_z = max_z
        self.embedding = nn.Embedding(max_z, hidden_channels)
        self.distance = Distance(cutoff, max_num_neighbors)
        self.sphere = Sphere(lmax)
        self.distance_expansion = ExpNormalSmearing(cutoff, num_rbf, trainable_rbf)
        self.neighbor_embedding = NeighborEmbedding(hidden_channels, num_rbf, cutoff, max_z)
        self.edge_embedding = EdgeEmbedding(num_rbf, hidden_channels)
        layer = ViS_MP_Vertex if vertex else ViS_MP
        sizes = (num_heads, hidden_channels, cutoff)
        self.vis_mp_layers = nn.ModuleList(
            layer(*sizes, vecnorm_type, trainable_vecnorm, last_layer=n == num_layers - 1)
            for n in range(num_layers)
        )
        self.out_norm = nn.LayerNorm(hidden_channels)
        self.vec_out_norm = VecLayerNorm(hidden_channels, trainable_vecnorm, vecnorm_type)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Reset all learnable parameters."""
        for part in self.children():
            reset(part)

    def forward(self, z: Tensor, pos: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Return scalars and vectors of each atom."""
        edge_index, edge_weight, vector = self.distance(pos, batch)
        is_loop = edge_weight == 0
        length = edge_weight.masked_fill(is_loop, 1.0)
        direction = self.sphere(vector / length.unsqueeze(-1))
        edge_attr = self.distance_expansion(edge_weight)
        x = self.embedding(z)
        x = self.neighbor_embedding(z, x, edge_index, edge_weight, edge_attr)
        edges = self.edge_embedding(edge_index, edge_attr, x)
        views = Views.of(edge_index, x.size(0))
        vec = x.new_zeros(x.size(0), (self.lmax + 1) ** 2 - 1, x.size(1))
        for layer in self.vis_mp_layers:
            dx, dvec, dedges = layer(x, vec, edge_index, edge_weight, edges, direction, views)
            x, vec = x + dx, vec + dvec
            edges = edges if dedges is None else edges + dedges
        return self.out_norm(x), self.vec_out_norm(vec)


class ViSNet(nn.Module):
    r"""Energies, and forces as their derivative, from vector-scalar interactive message passing.

    Paper: `"Enhancing Geometric Representations for Molecules with Equivariant Vector-Scalar
    Interactive Message Passing" <https://arxiv.org/abs/2210.16518>`_.

    .. math::
        y = \text{mean} + \sum_i \left(\text{std} \cdot g(x_i, \vec{v}_i) + a_{z_i}\right), \quad
        \mathbf{F}_i = -\partial y / \partial \mathbf{r}_i

    with scalars x and vectors v of each atom that `ViS_MP` updates, and a learned property a of
    single atoms. Energies do not change under rotations and translations, forces rotate along. An
    atom without neighbours within the cutoff, a single atom too, has an energy by its type and no
    force. As published, the bias of `s_proj`, 0 at the start, is not cut off: once it is trained,
    energies make a small step where an atom passes the cutoff.

    Args:
        lmax: Highest order of spherical harmonics, 1 or 2.
        vecnorm_type: Norm of the vectors: ``"max_min"`` or None.
        trainable_vecnorm: Whether the norm's weights are learned.
        num_heads: Number of attention heads.
        num_layers: Number of layers.
        hidden_channels: Size of the embeddings, a multiple of `num_heads`.
        num_rbf: Size of the radial basis.
        trainable_rbf: Whether the radial basis is learned.
        max_z: Number of atom types: atomic numbers 0 to `max_z` - 1.
        cutoff: Distance up to which atoms interact, in the unit of positions.
        max_num_neighbors: Greatest number of neighbours of an atom, see `radius_graph`.
        vertex: Whether edges also see their target's vectors twice.
        atomref: Property of single atoms, float [A] or [A, 1]; None: 0 at the start.
        reduce_op: How a molecule's atoms are reduced: ``"sum"`` or ``"mean"``.
        mean: Mean of the outputs, added to each molecule.
        std: Standard deviation of the outputs, a factor of each atom's contribution.
        derivative: Whether forces are returned too.

    Shapes:
        - **input:** atomic numbers :math:`(N)`, positions :math:`(N, 3)`, molecule of each atom
          :math:`(N)`, ascending
        - **output:** :math:`(B, 1)`, and forces :math:`(N, 3)` or None

    Raises:
        ArgumentError: A wrong argument; in forward unknown atomic numbers, atoms at the same place,
            positions that are not finite.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        lmax: int = 1,
        vecnorm_type: str | None = None,
        trainable_vecnorm: bool = False,
        num_heads: int = 8,
        num_layers: int = 6,
        hidden_channels: int = 128,
        num_rbf: int = 32,
        trainable_rbf: bool = False,
        max_z: int = 100,
        cutoff: float = 5.0,
        max_num_neighbors: int = 32,
        vertex: bool = False,
        atomref: Tensor | None = None,
        reduce_op: str = "sum",
        mean: float = 0.0,
        std: float = 1.0,
        derivative: bool = False,
    ) -> None:
        super().__init__()
        if reduce_op not in REDUCTIONS:
            msg = f"reduce_op={reduce_op!r} is unknown{nearest(reduce_op, REDUCTIONS)}"
            raise ArgumentError(msg)
        self.representation_model = ViSNetBlock(
            lmax=lmax,
            vecnorm_type=vecnorm_type,
            trainable_vecnorm=trainable_vecnorm,
            num_heads=num_heads,
            num_layers=num_layers,
            hidden_channels=hidden_channels,
            num_rbf=num_rbf,
            trainable_rbf=trainable_rbf,
            max_z=max_z,
            cutoff=cutoff,
            max_num_neighbors=max_num_neighbors,
            vertex=vertex,
        )
        self.output_model = EquivariantScalar(hidden_channels)
        self.prior_model = Atomref(atomref, max_z)
        self.reduce_op = reduce_op
        self.derivative = derivative
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("std", torch.tensor(std))

    def reset_parameters(self) -> None:
        """Reset all learnable parameters."""
        for part in self.children():
            reset(part)

    def forward(self, z: Tensor, pos: Tensor, batch: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the property of each molecule, and the forces if `derivative` is set.

        With `derivative`, `pos` is made to require its gradient. Forces are differentiable where
        gradients are enabled; under `torch.no_grad` both results are plain values.

        Args:
            z: Atomic numbers, int64 [N].
            pos: Positions, float [N, 3].
            batch: Molecule of each atom, int64 [N], ascending.

        Returns:
            Float [B, 1], and float [N, 3] or None.
        """
        num_types = min(self.representation_model.max_z, self.prior_model.atomref.num_embeddings)
        check_atoms(z, pos, batch, num_types)
        if not self.derivative:
            return self._energy(z, pos, batch), None
        differentiable = torch.is_grad_enabled()
        with torch.enable_grad():
            pos.requires_grad_()
            y = self._energy(z, pos, batch)
            (slope,) = torch.autograd.grad(
                [y], [pos], [torch.ones_like(y)], create_graph=differentiable
            )
        return (y, -slope) if differentiable else (y.detach(), -slope)

    def _energy(self, z: Tensor, pos: Tensor, batch: Tensor) -> Tensor:
        x, vec = self.representation_model(z, pos, batch)
        x = self.output_model.pre_reduce(x, vec) * self.std
        x = self.prior_model(x, z)
        return scatter(x, batch, reduce=self.reduce_op) + self.mean
