"""The bases in which DimeNet sees distances and angles; they vanish smoothly at the cutoff."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
from distgnn.nn.edge_products import outer_project
from distgnn.nn.incidence import Incidence
from distgnn.nn.models.dimenet_utils import legendre, spherical_bessel, spherical_bessel_zeros

if TYPE_CHECKING:
    import numpy.typing as npt


class Envelope(nn.Module):
    r"""Polynomial that takes a function and two derivatives to 0 at 1, divided by its argument.

    Paper: `"Directional Message Passing for Molecular Graphs" <https://arxiv.org/abs/2003.03123>`_,
    equation 8.

    .. math::
        u(x) = \frac{1}{x} - \frac{(p + 1)(p + 2)}{2} x^{p - 1} + p (p + 2) x^p
        - \frac{p (p + 1)}{2} x^{p + 1}, \quad 0 \text{ from } x = 1 \text{ on}

    Args:
        exponent: p - 1; a larger one keeps the function longer.

    Shapes:
        - **input:** distances in units of the cutoff :math:`(*)`, above 0
        - **output:** :math:`(*)`
    """

    def __init__(self, exponent: int) -> None:
        super().__init__()
        self.p = exponent + 1
        self.a = -(self.p + 1) * (self.p + 2) / 2
        self.b = self.p * (self.p + 2)
        self.c = -self.p * (self.p + 1) / 2

    def forward(self, x: Tensor) -> Tensor:
        """Evaluate the envelope at `x`."""
        polynomial = x.pow(self.p - 1) * (self.a + x * (self.b + x * self.c))
        return (x.reciprocal() + polynomial) * (x < 1)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(exponent={self.p - 1})"


class BesselBasisLayer(nn.Module):
    r"""Radial basis: Bessel functions of order 0 with learned frequencies.

    Paper: `"Directional Message Passing for Molecular Graphs" <https://arxiv.org/abs/2003.03123>`_,
    equation 7.

    .. math::
        \tilde{e}_n(d) = u(d / c) \sin(f_n d / c), \quad f_n = n \pi \text{ at the start}

    Args:
        num_radial: Number of basis functions R.
        cutoff: Distance c at which they vanish.
        envelope_exponent: See `Envelope`.

    Shapes:
        - **input:** distances :math:`(E)`, above 0
        - **output:** :math:`(E, R)`
    """

    def __init__(self, num_radial: int, cutoff: float = 5.0, envelope_exponent: int = 5) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.envelope = Envelope(envelope_exponent)
        self.freq = nn.Parameter(torch.empty(num_radial))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the frequencies to pi, 2 pi, ..."""
        with torch.no_grad():
            self.freq.copy_(torch.arange(1, self.freq.numel() + 1) * math.pi)

    def forward(self, dist: Tensor) -> Tensor:
        """Evaluate the basis at the distances `dist`."""
        x = dist.unsqueeze(-1) / self.cutoff
        return self.envelope(x) * (self.freq * x).sin()


class SphericalBasisLayer(nn.Module):
    r"""Basis of distance and angle: standing waves within a sphere.

    Paper: `"Directional Message Passing for Molecular Graphs" <https://arxiv.org/abs/2003.03123>`_,
    equation 6.

    .. math::
        \tilde{a}_{ln}(d, \alpha) = u(d / c)\, \frac{\sqrt{2}}{|j_{l+1}(z_{ln})|}\,
        j_l(z_{ln} d / c)\, Y_{l0}(\alpha)

    with the n-th zero :math:`z_{ln}` of :math:`j_l` and
    :math:`Y_{l0}(\alpha) = \sqrt{(2l + 1) / 4 \pi}\, P_l(\cos \alpha)`. The radial part is taken
    once per edge. Zeros and factors are rounded to float32, as they were when the published weights
    were trained.

    Args:
        num_spherical: Number of orders L, at least 2.
        num_radial: Number of functions R of each.
        cutoff: Distance c at which they vanish.
        envelope_exponent: See `Envelope`.

    Shapes:
        - **input:** distances :math:`(E)`, above 0, angles :math:`(T)`, edge of each triplet
          :math:`(T)`
        - **output:** :math:`(T, L \cdot R)`, l-major
    """

    zeros: Tensor
    norm: Tensor

    def __init__(
        self, num_spherical: int, num_radial: int, cutoff: float = 5.0, envelope_exponent: int = 5
    ) -> None:
        super().__init__()
        if num_spherical < 2:
            msg = f"num_spherical={num_spherical}, expected at least 2: 1 would ignore the angles"
            raise ArgumentError(msg)
        self.num_spherical = num_spherical
        self.num_radial = num_radial
        self.cutoff = cutoff
        self.envelope = Envelope(envelope_exponent)
        zeros, norm = _published_constants(num_spherical, num_radial)
        # float64, so that a model which is turned to float64 has them in full.
        self.register_buffer("zeros", torch.from_numpy(zeros), persistent=False)
        self.register_buffer("norm", torch.from_numpy(norm), persistent=False)

    def radial(self, dist: Tensor) -> Tensor:
        """Evaluate the radial parts at the distances `dist` [E]: [E, L, R]."""
        x = (dist / self.cutoff).view(-1, 1, 1)
        waves = spherical_bessel(x * self.zeros.to(x.dtype))
        return self.envelope(x) * self.norm.to(x.dtype) * waves

    def of_cosines(self, dist: Tensor, cosine: Tensor, idx_kj: Tensor) -> TripletBasis:
        """Evaluate the basis given the cosine of each angle; smooth where atoms are in line."""
        triplets = torch.arange(idx_kj.numel(), device=idx_kj.device)
        return TripletBasis(
            radial=self.radial(dist),
            angular=legendre(cosine, self.num_spherical),
            edges=Incidence(triplets, idx_kj, idx_kj.numel(), dist.numel()),
        )

    def forward(self, dist: Tensor, angle: Tensor, idx_kj: Tensor) -> Tensor:
        """Evaluate the basis at the distance of edge `idx_kj` and the angle of each triplet."""
        basis = self.of_cosines(dist, angle.cos(), idx_kj)
        product = basis.radial.index_select(0, idx_kj) * basis.angular.unsqueeze(-1)
        return product.flatten(1)


@dataclass(frozen=True, kw_only=True, slots=True)
class TripletBasis:
    """A spherical basis in its two factors: as T x L R numbers it would be the largest array."""

    radial: Tensor
    """Per edge, float [E, L, R]."""
    angular: Tensor
    """Per triplet, float [T, L]."""
    edges: Incidence
    """From the edge that the radial part belongs to, to the triplet."""

    def mapped(self, weight: Tensor) -> Tensor:
        """Return the basis times ``weight.T``, [T, B], for a weight [B, L R].

        The radial part is mapped per edge; what is left to do per triplet is a sum over L.
        """
        per_edge = torch.einsum(
            "eln,bln->elb", self.radial, weight.view(-1, *self.radial.shape[1:])
        )
        return outer_project(per_edge, self.angular, self.edges)


def _published_constants(
    num_orders: int, num_zeros: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the zeros and the factor of each basis function, both [L, R].

    Rounded to float32 where the published models are: checkpoints then give the same numbers in
    float64 too. j_l(x) = sqrt(pi / 2x) J_(l + 1/2)(x) is DLMF 10.47.3.
    """
    from scipy.special import jv  # slow to import

    zeros = spherical_bessel_zeros(num_orders, num_zeros).astype(np.float32)
    orders = np.arange(num_orders, dtype=np.float32)[:, None]
    peaks = np.sqrt(np.float32(np.pi / 2) / zeros) * jv(orders + np.float32(1.5), zeros)
    norm = np.float32(1) / np.sqrt(np.float32(0.5) * peaks**2)
    constant = np.sqrt((2 * np.arange(num_orders)[:, None] + 1) / (4 * np.pi))
    return zeros.astype(np.float64), norm.astype(np.float64) * constant
