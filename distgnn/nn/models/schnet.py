"""SchNet: continuous-filter convolutions over the distances between atoms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError, nearest
from distgnn.nn.aggr.basic import MeanAggregation, SumAggregation
from distgnn.nn.conv.cf_conv import CFConv, Shared
from distgnn.nn.models.atomic_mass import ATOMIC_MASSES
from distgnn.nn.models.molecule import (
    ShiftedSoftplus,
    check_apart,
    check_atoms,
    exp_or_zero,
)
from distgnn.nn.models.schnet_qm9 import load_schnet
from distgnn.nn.reset import reset
from distgnn.nn.utils.radius import radius_graph, undirected_pairs

if TYPE_CHECKING:
    from collections.abc import Callable

    from distgnn.nn.models.qm9 import Qm9, Subsets

    InteractionGraph = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

NUM_ATOM_TYPES = 100
READOUTS = ("add", "sum", "mean")


class RadiusInteractionGraph(nn.Module):
    """Edges between all atoms of a molecule within a distance, and their lengths.

    Args:
        cutoff: Greatest length of an edge.
        max_num_neighbors: Greatest number of neighbours of an atom, see `radius_graph`.

    Shapes:
        - **input:** positions :math:`(N, 3)`, molecule of each atom :math:`(N)`, ascending
        - **output:** edges :math:`(2, E)`, lengths :math:`(E)`
    """

    def __init__(self, cutoff: float = 10.0, max_num_neighbors: int = 32) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.max_num_neighbors = max_num_neighbors

    def forward(self, pos: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Return edge_index, int64 [2, E], and the length of each edge, float [E]."""
        edge_index = self._edges(pos, batch)
        return edge_index, _lengths(pos, edge_index)

    def pairs(self, pos: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Return all edges, and lengths of those in the first half, the second being its reverse.

        If some edges come in one direction only, which happens at `max_num_neighbors`, the result
        is that of `forward`.
        """
        edge_index = self._edges(pos, batch)
        half = undirected_pairs(edge_index, pos.size(0))
        if half is None:
            return edge_index, _lengths(pos, edge_index)
        return torch.cat([half, half.flip(0)], dim=1), _lengths(pos, half)

    def _edges(self, pos: Tensor, batch: Tensor) -> Tensor:
        return radius_graph(pos, self.cutoff, batch, max_num_neighbors=self.max_num_neighbors)

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}(cutoff={self.cutoff}, max_num_neighbors={self.max_num_neighbors})"


class GaussianSmearing(nn.Module):
    r"""Radial basis :math:`\exp(-(d - \mu_k)^2 / 2 \Delta^2)`, centres a step Delta apart.

    Args:
        start: First centre.
        stop: Last centre.
        num_gaussians: Number of centres K, at least 2.

    Shapes:
        - **input:** distances :math:`(E)`
        - **output:** :math:`(E, K)`
    """

    offset: Tensor

    def __init__(self, start: float = 0.0, stop: float = 5.0, num_gaussians: int = 50) -> None:
        super().__init__()
        if num_gaussians < 2:
            msg = f"num_gaussians={num_gaussians}, expected at least 2: their distance is the width"
            raise ArgumentError(msg)
        offset = torch.linspace(start, stop, num_gaussians)
        self.coeff = -0.5 / (offset[1] - offset[0]).item() ** 2
        self.register_buffer("offset", offset)

    def forward(self, dist: Tensor) -> Tensor:
        """Evaluate the basis."""
        return exp_or_zero(self.coeff * (dist.view(-1, 1) - self.offset).square())


class InteractionBlock(nn.Module):
    r"""One interaction of SchNet: a continuous-filter convolution, softplus, a linear map.

    Args:
        hidden_channels: Size of the atoms' embeddings H.
        num_gaussians: Size of the radial basis K.
        num_filters: Number of filters.
        cutoff: Distance at which messages vanish.

    Shapes:
        - **input:** embeddings :math:`(N, H)`, edges :math:`(2, E)`, their lengths :math:`(P)` and
          radial basis :math:`(P, K)`, as `CFConv` takes them
        - **output:** :math:`(N, H)`
    """

    def __init__(
        self, hidden_channels: int, num_gaussians: int, num_filters: int, cutoff: float
    ) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(num_gaussians, num_filters),
            ShiftedSoftplus(),
            nn.Linear(num_filters, num_filters),
        )
        self.conv = CFConv(hidden_channels, hidden_channels, num_filters, self.mlp, cutoff)
        self.act = ShiftedSoftplus()
        self.lin = nn.Linear(hidden_channels, hidden_channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew, Glorot-uniform; biases are 0."""
        _reset_linear(self.mlp[0], self.mlp[2], self.lin)
        self.conv.reset_parameters()

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor,
        edge_weight: Tensor,
        edge_attr: Tensor,
        shared: Shared | None = None,
    ) -> Tensor:
        """Return what the neighbours add to each embedding."""
        x = self.conv(x, edge_index, edge_weight, edge_attr, shared)
        return self.lin(self.act(x))


class SchNet(nn.Module):
    r"""Energies of molecules from continuous-filter convolutions.

    Paper: `"SchNet: A Continuous-filter Convolutional Neural Network for Modeling Quantum
    Interactions" <https://arxiv.org/abs/1706.08566>`_.

    .. math::
        \mathbf{x}^{\prime}_i = \sum_{j \in \mathcal{N}(i)} \mathbf{x}_j \odot
        h_{\Theta}(\exp(-\gamma (d_{ji} - \mu)^2))

    Forces are ``-grad(y, pos)``. Radial basis and cutoff are computed once per pair of atoms, and
    filters once per pair and block, since both directions share them. An atom without neighbours
    within the cutoff contributes what follows from its type alone; so does a single atom.

    Args:
        hidden_channels: Size of the atoms' embeddings.
        num_filters: Number of filters.
        num_interactions: Number of interaction blocks.
        num_gaussians: Size of the radial basis, at least 2.
        cutoff: Distance up to which atoms interact, in the unit of positions.
        interaction_graph: Called with (pos, batch), returns (edge_index [2, E], lengths [E]): for
            periodic cells and the like, gradients flow through the lengths. None: all atoms within
            the cutoff.
        max_num_neighbors: Greatest number of neighbours of an atom, see `radius_graph`.
        readout: Sum the atoms' contributions (``"add"``) or average them (``"mean"``).
        dipole: Predict the magnitude of the dipole moment: the length of the sum of the atoms'
            contributions times their positions from the centre of mass.
        mean: Mean of the atoms' contributions; taken with `std` only.
        std: Standard deviation of the atoms' contributions; taken with `mean` only.
        atomref: A property of single atoms that is added, float [A] or [A, 1], A at most 100;
            learned on.

    Shapes:
        - **input:** atomic numbers :math:`(N)` from 0 to 99, positions :math:`(N, 3)`, molecule of
          each atom :math:`(N)`, ascending, or None: one molecule
        - **output:** :math:`(B, 1)`

    Raises:
        ArgumentError: A wrong argument; in forward unknown atomic numbers, atoms at the same place,
            positions that are not finite, edges from `interaction_graph` of a wrong shape.
    """

    initial_atomref: Tensor | None
    atomic_mass: Tensor
    url = "http://www.quantum-machine.org/datasets/trained_schnet_models.zip"

    def __init__(
        self,
        hidden_channels: int = 128,
        num_filters: int = 128,
        num_interactions: int = 6,
        num_gaussians: int = 50,
        cutoff: float = 10.0,
        interaction_graph: InteractionGraph | None = None,
        max_num_neighbors: int = 32,
        readout: str = "add",
        dipole: bool = False,
        mean: float | None = None,
        std: float | None = None,
        atomref: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.hidden_channels = hidden_channels
        self.num_filters = num_filters
        self.num_interactions = num_interactions
        self.num_gaussians = num_gaussians
        self.cutoff = cutoff
        self.dipole = dipole
        self.readout = _readout("add" if dipole else readout)
        self.mean = mean
        self.std = std
        self.scale: float | None = None
        self.register_buffer("initial_atomref", None if atomref is None else _column(atomref))
        if dipole:
            masses = torch.tensor(ATOMIC_MASSES, dtype=torch.float64)
            self.register_buffer("atomic_mass", masses)
        self.embedding = nn.Embedding(NUM_ATOM_TYPES, hidden_channels, padding_idx=0)
        if interaction_graph is None:
            interaction_graph = RadiusInteractionGraph(cutoff, max_num_neighbors)
        self.interaction_graph = interaction_graph
        self.distance_expansion = GaussianSmearing(0.0, cutoff, num_gaussians)
        self.interactions = nn.ModuleList(
            InteractionBlock(hidden_channels, num_gaussians, num_filters, cutoff)
            for _ in range(num_interactions)
        )
        self.lin1 = nn.Linear(hidden_channels, hidden_channels // 2)
        self.act = ShiftedSoftplus()
        self.lin2 = nn.Linear(hidden_channels // 2, 1)
        self.atomref = None if atomref is None else nn.Embedding(NUM_ATOM_TYPES, 1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Reset all learnable parameters, the single-atom property to what was given."""
        self.embedding.reset_parameters()
        reset(self.interactions)
        _reset_linear(self.lin1, self.lin2)
        if self.atomref is not None and self.initial_atomref is not None:
            with torch.no_grad():
                self.atomref.weight.zero_()
                self.atomref.weight[: self.initial_atomref.size(0)] = self.initial_atomref

    @staticmethod
    def from_qm9_pretrained(root: str, dataset: Qm9, target: int) -> tuple[SchNet, Subsets]:
        """Return a model with the published weights for a target of QM9.

        The archive that `url` names must have been unpacked in `root`; nothing is downloaded.

        Args:
            root: Folder that holds the folder ``trained_schnet_models``.
            dataset: QM9, as torch-geometric's class gives it.
            target: Number of the target, 0 to 11.

        Returns:
            The model, and the subsets that it was trained, validated and tested on.

        Raises:
            ArgumentError: No weights were published for `target`.
            CheckpointError: The weights are not in `root`, damaged, or of another model.
        """
        return load_schnet(SchNet, root, dataset, target)

    def forward(self, z: Tensor, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        """Return the property of each molecule.

        Args:
            z: Atomic numbers, int64 [N].
            pos: Positions, float [N, 3].
            batch: Molecule of each atom, int64 [N], ascending; None: one molecule.

        Returns:
            Float [B, 1].
        """
        check_atoms(z, pos, batch, NUM_ATOM_TYPES)
        if batch is None:
            batch = torch.zeros_like(z, dtype=torch.int64)
        edge_index, edge_weight = self._interactions(pos, batch)
        edge_attr = self.distance_expansion(edge_weight)
        shared = Shared.of(edge_index, edge_weight, self.cutoff, z.numel())
        h = self.embedding(z)
        for interaction in self.interactions:
            h = h + interaction(h, edge_index, edge_weight, edge_attr, shared)
        h = self.lin2(self.act(self.lin1(h)))
        if self.dipole:
            out = self._dipole(h, z, pos, batch)
        else:
            if self.mean is not None and self.std is not None:
                h = h * self.std + self.mean
            if self.atomref is not None:
                h = h + self.atomref(z)
            out = self.readout(h, batch, dim=0)
        return out if self.scale is None else self.scale * out

    def _interactions(self, pos: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
        if isinstance(self.interaction_graph, RadiusInteractionGraph):
            edge_index, edge_weight = self.interaction_graph.pairs(pos, batch)
            check_apart(edge_weight, edge_index)
            return edge_index, edge_weight
        edge_index, edge_weight = self.interaction_graph(pos, batch)
        if edge_index.dim() != 2 or edge_weight.shape != edge_index.shape[1:]:
            msg = (
                f"interaction_graph returned edges of shape {list(edge_index.shape)} and lengths "
                f"of shape {list(edge_weight.shape)}, expected [2, E] and [E]"
            )
            raise ArgumentError(msg)
        return edge_index, edge_weight

    def _dipole(self, h: Tensor, z: Tensor, pos: Tensor, batch: Tensor) -> Tensor:
        mass = self.atomic_mass[z].view(-1, 1)
        total = self.readout(mass, batch, dim=0)
        centre = self.readout(mass * pos, batch, dim=0) / total
        moment = self.readout(h * (pos - centre.index_select(0, batch)), batch, dim=0)
        return moment.norm(dim=-1, keepdim=True)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(hidden_channels={self.hidden_channels}, "
            f"num_filters={self.num_filters}, num_interactions={self.num_interactions}, "
            f"num_gaussians={self.num_gaussians}, cutoff={self.cutoff})"
        )


def _lengths(pos: Tensor, edge_index: Tensor) -> Tensor:
    vector = pos.index_select(0, edge_index[0]) - pos.index_select(0, edge_index[1])
    return vector.norm(dim=-1)


def _readout(name: str) -> nn.Module:
    if name not in READOUTS:
        msg = f"readout={name!r} is unknown{nearest(name, READOUTS)}"
        raise ArgumentError(msg)
    return MeanAggregation() if name == "mean" else SumAggregation()


def _column(atomref: Tensor) -> Tensor:
    if atomref.numel() > NUM_ATOM_TYPES or atomref.numel() not in atomref.shape:
        msg = (
            f"atomref has shape {list(atomref.shape)}, expected [A] or [A, 1], a value for each "
            f"atomic number from 0 to at most {NUM_ATOM_TYPES - 1}"
        )
        raise ArgumentError(msg)
    return atomref.reshape(-1, 1)


def _reset_linear(*lins: nn.Module) -> None:
    for lin in lins:
        assert isinstance(lin, nn.Linear)
        nn.init.xavier_uniform_(lin.weight)
        nn.init.zeros_(lin.bias)
