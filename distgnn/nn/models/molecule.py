"""What the models on atoms ask of their input, checked; and activations that they share."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
from distgnn.nn.utils.radius import check_batch

_LOG_TINY = math.log(1e-30)


class ShiftedSoftplus(nn.Module):
    r"""Softplus through the origin: :math:`\ln(0.5 e^x + 0.5)`, smooth as forces need it.

    Paper: `"SchNet" <https://arxiv.org/abs/1706.08566>`_.
    """

    def __init__(self) -> None:
        super().__init__()
        # In torch's default type, as where published weights come from: float32 shows at 1e-8.
        self.shift = torch.tensor(2.0).log().item()

    def forward(self, x: Tensor) -> Tensor:
        """Apply it elementwise."""
        return F.softplus(x) - self.shift


def exp_or_zero(exponent: Tensor) -> Tensor:
    """Return exp(exponent), 0 where that is below 1e-30.

    Far from its centre a Gaussian is subnormal (below 1e-38 in float32): a few per cent of such
    values make a matrix product up to 50 times slower.
    """
    return exponent.masked_fill(exponent < _LOG_TINY, -math.inf).exp()


def check_atoms(z: Tensor, pos: Tensor, batch: Tensor | None, num_types: int) -> None:
    """Check what every model on atoms is given.

    Args:
        z: Atomic numbers, int64 [N].
        pos: Positions, float [N, 3].
        batch: Molecule of each atom, int64 [N], or None.
        num_types: Atomic numbers from 0 to `num_types` - 1 are known to the model.

    Raises:
        ArgumentError: A wrong type or shape, an unknown atomic number, an unsorted `batch`.
    """
    if z.dtype not in (torch.int64, torch.int32) or z.dim() != 1:
        msg = f"z is {z.dtype} of shape {list(z.shape)}, expected atomic numbers, int64 [N]"
        raise ArgumentError(msg)
    if not pos.is_floating_point() or pos.shape != (z.numel(), 3):
        msg = (
            f"pos is {pos.dtype} of shape {list(pos.shape)}, expected floats [{z.numel()}, 3]: a "
            f"position for each atom of z"
        )
        raise ArgumentError(msg)
    if batch is not None:
        check_batch(batch, z.numel())
    known = (z >= 0) & (z < num_types)
    if not bool(known.all()):
        atom = int((~known).nonzero()[0])
        msg = (
            f"atom {atom} has the atomic number {int(z[atom])}, the model knows 0 to "
            f"{num_types - 1}; z holds atomic numbers, not classes or masses"
        )
        raise ArgumentError(msg)


def check_apart(dist: Tensor, edge_index: Tensor) -> None:
    """Check that no two neighbours are at the same place.

    Args:
        dist: Length of each edge, float [E].
        edge_index: Edges without loops, int64 [2, E].

    Raises:
        ArgumentError: A length is 0: energies or forces would not be finite.
    """
    if dist.numel() == 0 or float(dist.detach().min()) > 0:
        return
    edge = int((dist == 0).nonzero()[0])
    j, i = edge_index[:, edge].tolist()
    msg = (
        f"atoms {min(i, j)} and {max(i, j)} are at the same place, where forces have no "
        f"direction; look for a repeated or padded atom, or positions that were never set"
    )
    raise ArgumentError(msg)
