"""DimeNet and DimeNet++: messages between atoms that know the angles between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from distgnn.nn.incidence import Incidence
from distgnn.nn.models.dimenet_basis import BesselBasisLayer, Envelope, SphericalBasisLayer
from distgnn.nn.models.dimenet_blocks import (
    NUM_ATOM_TYPES,
    EmbeddingBlock,
    InteractionBlock,
    InteractionPPBlock,
    OutputBlock,
    OutputPPBlock,
    ResidualLayer,
)
from distgnn.nn.models.dimenet_qm9 import load_dimenet
from distgnn.nn.models.molecule import check_apart, check_atoms
from distgnn.nn.reset import reset
from distgnn.nn.resolver import activation_resolver
from distgnn.nn.silu import faster
from distgnn.nn.utils.radius import radius_graph
from distgnn.nn.utils.scatter import scatter
from distgnn.nn.utils.triplets import Triplets, triplets

if TYPE_CHECKING:
    from collections.abc import Callable

    from distgnn.nn.models.qm9 import Qm9, Subsets

__all__ = [
    "BesselBasisLayer",
    "DimeNet",
    "DimeNetPlusPlus",
    "EmbeddingBlock",
    "Envelope",
    "InteractionBlock",
    "InteractionPPBlock",
    "OutputBlock",
    "OutputPPBlock",
    "ResidualLayer",
    "SphericalBasisLayer",
    "triplets",
]


class DimeNet(nn.Module):
    r"""Directional message passing: embeddings of edges, updated by the edges before them.

    Paper: `"Directional Message Passing for Molecular Graphs" <https://arxiv.org/abs/2003.03123>`_.

    .. math::
        m^{(b + 1)}_{ji} = f_b\left(m^{(b)}_{ji},
        \sum_{k \in \mathcal{N}(j) \setminus i} g_b(m^{(b)}_{kj}, e_{kj}, a_{kji})\right), \quad
        y = \sum_i \sum_b h_b\left(\sum_j e_{ji} \odot m^{(b)}_{ji}\right)

    with radial basis e of the distances and spherical basis a of distances and angles, each
    computed once per edge or triplet. As in the published weights, the angle is the one at atom i
    between j and k. Energies and forces are smooth; forces are ``-grad(y, pos)``.

    An atom without neighbours within the cutoff, a single atom too, contributes a constant that
    does not depend on its type: the biases of the output blocks, 0 at the start.

    Args:
        hidden_channels: Size of the messages.
        out_channels: Size of the output of each molecule.
        num_blocks: Number of interaction blocks.
        num_bilinear: Size of the bilinear layer.
        num_spherical: Number of angular basis functions, at least 2.
        num_radial: Number of radial basis functions.
        cutoff: Distance up to which atoms interact, in the unit of positions.
        max_num_neighbors: Greatest number of neighbours of an atom, see `radius_graph`.
        envelope_exponent: Shape of the smooth cutoff, see `Envelope`.
        num_before_skip: Residual layers of a block before its skip connection.
        num_after_skip: Residual layers of a block after it.
        num_output_layers: Number of layers of an output block.
        act: Activation, by name or a function.
        output_initializer: Of the last layers: ``"zeros"`` (the first output is 0) or
            ``"glorot_orthogonal"``.

    Shapes:
        - **input:** atomic numbers :math:`(N)` from 0 to 94, positions :math:`(N, 3)`, molecule of
          each atom :math:`(N)`, ascending, or None: one molecule
        - **output:** :math:`(B, F_{out})`, without `batch` :math:`(F_{out})`

    Raises:
        ArgumentError: A wrong argument; in forward unknown atomic numbers, atoms at the same place,
            positions that are not finite.
    """

    url = "https://github.com/klicperajo/dimenet/raw/master/pretrained/dimenet"

    def __init__(
        self,
        hidden_channels: int,
        out_channels: int,
        num_blocks: int,
        num_bilinear: int,
        num_spherical: int,
        num_radial: int,
        cutoff: float = 5.0,
        max_num_neighbors: int = 32,
        envelope_exponent: int = 5,
        num_before_skip: int = 1,
        num_after_skip: int = 2,
        num_output_layers: int = 3,
        act: str | Callable[[Tensor], Tensor] = "swish",
        output_initializer: str = "zeros",
    ) -> None:
        super().__init__()
        activation = faster(activation_resolver(act))
        self.cutoff = cutoff
        self.max_num_neighbors = max_num_neighbors
        self.num_blocks = num_blocks
        self.rbf = BesselBasisLayer(num_radial, cutoff, envelope_exponent)
        self.sbf = SphericalBasisLayer(num_spherical, num_radial, cutoff, envelope_exponent)
        self.emb = EmbeddingBlock(num_radial, hidden_channels, activation)
        output = (num_radial, hidden_channels, out_channels, num_output_layers, activation)
        self.output_blocks = nn.ModuleList(
            OutputBlock(*output, output_initializer) for _ in range(num_blocks + 1)
        )
        basis = (num_bilinear, num_spherical, num_radial)
        skip = (num_before_skip, num_after_skip)
        self.interaction_blocks = nn.ModuleList(
            InteractionBlock(hidden_channels, *basis, *skip, activation) for _ in range(num_blocks)
        )

    @classmethod
    def from_qm9_pretrained(cls, root: str, dataset: Qm9, target: int) -> tuple[DimeNet, Subsets]:
        """Return a model with the published weights for a target of QM9.

        The folder of the target (``mu``, ``alpha``, ``homo``, ...) at `url` must have been copied
        into ``pretrained_dimenet`` in `root`; nothing is downloaded.

        Args:
            root: Folder of weights.
            dataset: QM9, as torch-geometric's class gives it.
            target: Number of the target, 0 to 11 but not 4.

        Returns:
            The model, and the subsets that it was trained, validated and tested on.

        Raises:
            ArgumentError: No weights were published for `target`.
            CheckpointError: The weights are not in `root`, damaged, or of another model.
        """
        model = cls(
            hidden_channels=128,
            out_channels=1,
            num_blocks=6,
            num_bilinear=8,
            num_spherical=7,
            num_radial=6,
        )
        return load_dimenet(model, "pretrained_dimenet", cls.url, root, dataset, target)

    def reset_parameters(self) -> None:
        """Reset all learnable parameters."""
        reset(self.rbf)
        reset(self.emb)
        reset(self.output_blocks)
        reset(self.interaction_blocks)

    def forward(self, z: Tensor, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        """Return the property of each molecule.

        Args:
            z: Atomic numbers, int64 [N].
            pos: Positions, float [N, 3].
            batch: Molecule of each atom, int64 [N], ascending; None: one molecule.

        Returns:
            Float [B, out_channels]; without `batch` [out_channels].
        """
        check_atoms(z, pos, batch, NUM_ATOM_TYPES)
        edge_index = radius_graph(pos, self.cutoff, batch, max_num_neighbors=self.max_num_neighbors)
        path = triplets(edge_index, pos.size(0))
        vector = pos.index_select(0, path.i) - pos.index_select(0, path.j)
        dist = vector.norm(dim=-1)
        check_apart(dist, edge_index)

        rbf = self.rbf(dist)
        sbf = self.sbf.of_cosines(dist, self._cosines(vector, dist, path), path.idx_kj)
        edges = Incidence(path.idx_ji, path.idx_kj, dist.numel(), dist.numel())
        x = self.emb(z, rbf, path.i, path.j)
        out = self.output_blocks[0](x, rbf, path.i, num_nodes=pos.size(0))
        blocks = zip(self.interaction_blocks, self.output_blocks[1:], strict=True)
        for interact, output in blocks:
            x = interact(x, rbf, sbf, edges)
            out = out + output(x, rbf, path.i, num_nodes=pos.size(0))
        return out.sum(dim=0) if batch is None else scatter(out, batch)

    def _cosines(self, vector: Tensor, dist: Tensor, path: Triplets) -> Tensor:
        """Cosine at atom i between j and k, [T]; `vector` is pos_i - pos_j."""
        to_j = vector.index_select(0, path.idx_ji)
        to_k = to_j + vector.index_select(0, path.idx_kj)
        lengths = dist.index_select(0, path.idx_ji) * to_k.norm(dim=-1)
        return (to_j * to_k).sum(dim=-1) / lengths


class DimeNetPlusPlus(DimeNet):
    r"""DimeNet++: DimeNet with products of narrow embeddings in place of the bilinear layer.

    Paper: `"Fast and Uncertainty-Aware Directional Message Passing for Non-Equilibrium Molecules"
    <https://arxiv.org/abs/2011.14115>`_. Formula and behaviour are those of `DimeNet`, with other
    blocks; the angle is the one between the edges k -> j and j -> i.

    Args:
        hidden_channels: Size of the messages.
        out_channels: Size of the output of each molecule.
        num_blocks: Number of interaction blocks.
        int_emb_size: Size of the embeddings that meet in a triplet.
        basis_emb_size: Size between the two maps of each basis.
        out_emb_channels: Size of the layers of the output blocks.
        num_spherical: Number of angular basis functions, at least 2.
        num_radial: Number of radial basis functions.
        cutoff: Distance up to which atoms interact, in the unit of positions.
        max_num_neighbors: Greatest number of neighbours of an atom, see `radius_graph`.
        envelope_exponent: Shape of the smooth cutoff, see `Envelope`.
        num_before_skip: Residual layers of a block before its skip connection.
        num_after_skip: Residual layers of a block after it.
        num_output_layers: Number of layers of an output block.
        act: Activation, by name or a function.
        output_initializer: Of the last layers: ``"zeros"`` (the first output is 0) or
            ``"glorot_orthogonal"``.

    Shapes:
        - **input:** atomic numbers :math:`(N)` from 0 to 94, positions :math:`(N, 3)`, molecule of
          each atom :math:`(N)`, ascending, or None: one molecule
        - **output:** :math:`(B, F_{out})`, without `batch` :math:`(F_{out})`

    Raises:
        ArgumentError: As `DimeNet`.
    """

    url = "https://raw.githubusercontent.com/gasteigerjo/dimenet/master/pretrained/dimenet_pp"

    def __init__(
        self,
        hidden_channels: int,
        out_channels: int,
        num_blocks: int,
        int_emb_size: int,
        basis_emb_size: int,
        out_emb_channels: int,
        num_spherical: int,
        num_radial: int,
        cutoff: float = 5.0,
        max_num_neighbors: int = 32,
        envelope_exponent: int = 5,
        num_before_skip: int = 1,
        num_after_skip: int = 2,
        num_output_layers: int = 3,
        act: str | Callable[[Tensor], Tensor] = "swish",
        output_initializer: str = "zeros",
    ) -> None:
        activation = faster(activation_resolver(act))
        super().__init__(
            hidden_channels=hidden_channels,
            out_channels=out_channels,
            num_blocks=0,
            num_bilinear=1,
            num_spherical=num_spherical,
            num_radial=num_radial,
            cutoff=cutoff,
            max_num_neighbors=max_num_neighbors,
            envelope_exponent=envelope_exponent,
            num_output_layers=0,
            act=activation,
            output_initializer=output_initializer,
        )
        self.num_blocks = num_blocks
        output = (num_radial, hidden_channels, out_emb_channels, out_channels, num_output_layers)
        self.output_blocks = nn.ModuleList(
            OutputPPBlock(*output, activation, output_initializer) for _ in range(num_blocks + 1)
        )
        sizes = (int_emb_size, basis_emb_size, num_spherical, num_radial)
        skip = (num_before_skip, num_after_skip)
        self.interaction_blocks = nn.ModuleList(
            InteractionPPBlock(hidden_channels, *sizes, *skip, activation)
            for _ in range(num_blocks)
        )

    @classmethod
    def from_qm9_pretrained(cls, root: str, dataset: Qm9, target: int) -> tuple[DimeNet, Subsets]:
        """Return a model with the published weights for a target of QM9.

        As `DimeNet.from_qm9_pretrained`, from the folder ``pretrained_dimenet_pp`` in `root`.

        Args:
            root: Folder of weights.
            dataset: QM9, as torch-geometric's class gives it.
            target: Number of the target, 0 to 11 but not 4.

        Returns:
            The model, and the subsets that it was trained, validated and tested on.

        Raises:
            ArgumentError: No weights were published for `target`.
            CheckpointError: The weights are not in `root`, damaged, or of another model.
        """
        model = cls(
            hidden_channels=128,
            out_channels=1,
            num_blocks=4,
            int_emb_size=64,
            basis_emb_size=8,
            out_emb_channels=256,
            num_spherical=7,
            num_radial=6,
        )
        return load_dimenet(model, "pretrained_dimenet_pp", cls.url, root, dataset, target)

    def _cosines(self, vector: Tensor, dist: Tensor, path: Triplets) -> Tensor:
        """Cosine between the edges k -> j and j -> i, [T]."""
        unit = vector / dist.unsqueeze(-1)
        first, second = unit.index_select(0, path.idx_kj), unit.index_select(0, path.idx_ji)
        return (first * second).sum(dim=-1)
