"""ViSNet's view of a molecule: edges, radial basis, spherical harmonics.

Letters in shapes: E edges j -> i (with a loop at each atom), K radial functions, L components of a
vector feature: 3 for lmax 1, 8 for lmax 2.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
from distgnn.nn.models.molecule import check_apart, exp_or_zero
from distgnn.nn.utils.radius import radius_graph

LMAX = (1, 2)


class CosineCutoff(nn.Module):
    r"""Smooth cutoff: :math:`\frac{1}{2} (\cos(\pi d / c) + 1)` for :math:`d < c`, else 0.

    Args:
        cutoff: Distance c.

    Shapes:
        - **input:** :math:`(*)`
        - **output:** :math:`(*)`
    """

    def __init__(self, cutoff: float) -> None:
        super().__init__()
        self.cutoff = cutoff

    def forward(self, distances: Tensor) -> Tensor:
        """Evaluate the cutoff."""
        return (0.5 * (distances * (math.pi / self.cutoff)).cos() + 0.5) * (distances < self.cutoff)


class ExpNormalSmearing(nn.Module):
    r"""Radial basis: Gaussians of :math:`e^{-5 d / c}`, times the cosine cutoff.

    Paper: `"PhysNet" <https://arxiv.org/abs/1902.08408>`_, equation 7.

    .. math::
        \phi_k(d) = C(d)\, \exp\left(-\beta_k (e^{-5 d / c} - \mu_k)^2\right)

    Args:
        cutoff: Distance c.
        num_rbf: Number of functions K.
        trainable: Whether means and betas are learned.

    Shapes:
        - **input:** distances :math:`(E)`
        - **output:** :math:`(E, K)`
    """

    means: Tensor
    betas: Tensor

    def __init__(self, cutoff: float = 5.0, num_rbf: int = 128, trainable: bool = True) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.num_rbf = num_rbf
        self.trainable = trainable
        self.cutoff_fn = CosineCutoff(cutoff)
        self.alpha = 5.0 / cutoff
        means, betas = self._initial_values()
        if trainable:
            self.means, self.betas = nn.Parameter(means), nn.Parameter(betas)
        else:
            self.register_buffer("means", means)
            self.register_buffer("betas", betas)

    def _initial_values(self) -> tuple[Tensor, Tensor]:
        last = math.exp(-self.cutoff)
        means = torch.linspace(last, 1, self.num_rbf)
        beta = (2 / self.num_rbf * (1 - last)) ** -2
        return means, torch.full([self.num_rbf], beta)

    def reset_parameters(self) -> None:
        """Set means and betas to their initial values."""
        means, betas = self._initial_values()
        with torch.no_grad():
            self.means.copy_(means)
            self.betas.copy_(betas)

    def forward(self, dist: Tensor) -> Tensor:
        """Evaluate the basis."""
        dist = dist.unsqueeze(-1)
        decay = (-self.alpha * dist).exp()
        gaussians = exp_or_zero(-self.betas * (decay - self.means).square())
        return self.cutoff_fn(dist) * gaussians


class Sphere(nn.Module):
    r"""Real spherical harmonics of a direction, each order of norm 1.

    Order 1 is (x, y, z); order 2 is :math:`\sqrt{3}` times (xz, xy,
    :math:`(2 y^2 - x^2 - z^2) / 2 \sqrt{3}`, yz, :math:`(z^2 - x^2) / 2`).

    Args:
        lmax: Highest order, 1 or 2.

    Shapes:
        - **input:** unit vectors, or 0, :math:`(E, 3)`
        - **output:** :math:`(E, L)`
    """

    def __init__(self, lmax: int = 2) -> None:
        super().__init__()
        if lmax not in LMAX:
            msg = f"lmax={lmax}, expected 1 or 2"
            raise ArgumentError(msg)
        self.lmax = lmax

    def forward(self, edge_vec: Tensor) -> Tensor:
        """Evaluate the harmonics."""
        if self.lmax == 1:
            return edge_vec
        x, y, z = edge_vec.unbind(-1)
        root = math.sqrt(3.0)
        x2, y2, z2 = x * x, y * y, z * z
        second = [root * x * z, root * x * y, y2 - 0.5 * (x2 + z2), root * y * z]
        return torch.stack([x, y, z, *second, root / 2 * (z2 - x2)], dim=-1)


class Distance(nn.Module):
    """Edges between all atoms of a molecule within a distance, and a loop at each atom.

    Args:
        cutoff: Greatest length of an edge.
        max_num_neighbors: Greatest number of neighbours of an atom, see `radius_graph`.
        add_self_loops: Whether to add loops; they have length 0.

    Shapes:
        - **input:** positions :math:`(N, 3)`, molecule of each atom :math:`(N)`, ascending
        - **output:** edges :math:`(2, E)`, lengths :math:`(E)`, vectors from target to source
          :math:`(E, 3)`
    """

    def __init__(
        self, cutoff: float, max_num_neighbors: int = 32, add_self_loops: bool = True
    ) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.max_num_neighbors = max_num_neighbors
        self.add_self_loops = add_self_loops

    def forward(self, pos: Tensor, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return edges, their lengths and vectors."""
        edge_index = radius_graph(
            pos,
            self.cutoff,
            batch,
            loop=self.add_self_loops,
            max_num_neighbors=self.max_num_neighbors,
        )
        source, target = edge_index
        vector = pos.index_select(0, source) - pos.index_select(0, target)
        is_edge = source != target
        length = vector.new_zeros(source.numel())
        apart = vector[is_edge].norm(dim=-1)
        check_apart(apart, edge_index[:, is_edge])
        return edge_index, length.masked_scatter(is_edge, apart), vector
