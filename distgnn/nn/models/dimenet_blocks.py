"""The blocks of DimeNet and DimeNet++: embedding, interaction along triplets, output per atom.

Letters in shapes: N atoms, E edges j -> i, T triplets k -> j -> i, H hidden channels, R radial and
L angular basis functions.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError, nearest
from distgnn.nn.edge_products import low_rank_sum, outer_sum
from distgnn.nn.inits import glorot_orthogonal
from distgnn.nn.reset import reset
from distgnn.nn.utils.scatter import scatter

if TYPE_CHECKING:
    from collections.abc import Callable

    from distgnn.nn.incidence import Incidence
    from distgnn.nn.models.dimenet_basis import TripletBasis

    Activation = Callable[[Tensor], Tensor]

NUM_ATOM_TYPES = 95
OUTPUT_INITIALIZERS = ("zeros", "glorot_orthogonal")
_SCALE = 2.0


class EmbeddingBlock(nn.Module):
    r"""First embedding of each edge, from its two atoms and its length.

    .. math::
        m_{ji} = \sigma(\mathbf{W} [h_j \,\|\, h_i \,\|\, \sigma(\mathbf{W}_{rbf} e_{ji})] + b)

    The linear map of the atoms' part is taken per atom, not per edge.

    Args:
        num_radial: Number of radial basis functions R.
        hidden_channels: Size H of all embeddings.
        act: Activation.

    Shapes:
        - **input:** atomic numbers :math:`(N)`, radial basis :math:`(E, R)`, targets and sources of
          edges :math:`(E)`
        - **output:** :math:`(E, H)`
    """

    def __init__(self, num_radial: int, hidden_channels: int, act: Activation) -> None:
        super().__init__()
        self.act = act
        self.emb = nn.Embedding(NUM_ATOM_TYPES, hidden_channels)
        self.lin_rbf = nn.Linear(num_radial, hidden_channels)
        self.lin = nn.Linear(3 * hidden_channels, hidden_channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw embeddings from U(-sqrt 3, sqrt 3), which has variance 1, and reset both maps."""
        nn.init.uniform_(self.emb.weight, -math.sqrt(3), math.sqrt(3))
        self.lin_rbf.reset_parameters()
        self.lin.reset_parameters()

    def forward(self, x: Tensor, rbf: Tensor, i: Tensor, j: Tensor) -> Tensor:
        """Embed the edges."""
        atoms = self.emb(x)
        weight_i, weight_j, weight_rbf = self.lin.weight.chunk(3, dim=1)
        edges = F.linear(self.act(self.lin_rbf(rbf)), weight_rbf, self.lin.bias)
        of_i = F.linear(atoms, weight_i).index_select(0, i)
        of_j = F.linear(atoms, weight_j).index_select(0, j)
        return self.act(edges + of_i + of_j)


class ResidualLayer(nn.Module):
    r"""Two linear maps beside an identity: :math:`x + \sigma(W_2 \sigma(W_1 x + b_1) + b_2)`.

    Args:
        hidden_channels: Size H of input and output.
        act: Activation.

    Shapes:
        - **input:** :math:`(*, H)`
        - **output:** :math:`(*, H)`
    """

    def __init__(self, hidden_channels: int, act: Activation) -> None:
        super().__init__()
        self.act = act
        self.lin1 = nn.Linear(hidden_channels, hidden_channels)
        self.lin2 = nn.Linear(hidden_channels, hidden_channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Make the maps orthogonal, their biases 0."""
        reset_orthogonal(self.lin1, self.lin2)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        return x + self.act(self.lin2(self.act(self.lin1(x))))


class _Skip(nn.Module):
    """What both interaction blocks end with: residual layers around a skip connection."""

    def __init__(
        self, hidden_channels: int, num_before_skip: int, num_after_skip: int, act: Activation
    ) -> None:
        super().__init__()
        self.act = act
        self.layers_before_skip = _residual_layers(num_before_skip, hidden_channels, act)
        self.lin = nn.Linear(hidden_channels, hidden_channels)
        self.layers_after_skip = _residual_layers(num_after_skip, hidden_channels, act)

    def reset_parameters(self) -> None:
        """Make the maps orthogonal, their biases 0."""
        reset(self.layers_before_skip)
        reset_orthogonal(self.lin)
        reset(self.layers_after_skip)

    def finish(self, h: Tensor, x: Tensor) -> Tensor:
        """Lead the new messages `h` through the layers, and add the old ones `x` between."""
        for layer in self.layers_before_skip:
            h = layer(h)
        h = self.act(self.lin(h)) + x
        for layer in self.layers_after_skip:
            h = layer(h)
        return h


class InteractionBlock(_Skip):
    r"""DimeNet's interaction: messages k -> j, seen under their angle, add to message j -> i.

    Paper: `"Directional Message Passing for Molecular Graphs" <https://arxiv.org/abs/2003.03123>`_,
    equation 9 and figure 4.

    .. math::
        m'_{ji} = f\left(m_{ji}, \sum_k (\mathbf{W}_{sbf} a_{kji})^{\top} \mathbf{W}
        \left(\sigma(\mathbf{W}_{kj} m_{kj}) \odot \mathbf{W}_{rbf} e_{kj}\right)\right)

    Args:
        hidden_channels: Size H of the messages.
        num_bilinear: Size of the bilinear layer B.
        num_spherical: Number of angular functions L.
        num_radial: Number of radial functions R.
        num_before_skip: Residual layers before the skip connection.
        num_after_skip: Residual layers after it.
        act: Activation.

    Shapes:
        - **input:** messages :math:`(E, H)`, radial basis :math:`(E, R)`, spherical basis of the
          triplets, and the triplets as edges between edges
        - **output:** :math:`(E, H)`
    """

    def __init__(
        self,
        hidden_channels: int,
        num_bilinear: int,
        num_spherical: int,
        num_radial: int,
        num_before_skip: int,
        num_after_skip: int,
        act: Activation,
    ) -> None:
        super().__init__(hidden_channels, num_before_skip, num_after_skip, act)
        self.lin_rbf = nn.Linear(num_radial, hidden_channels, bias=False)
        self.lin_sbf = nn.Linear(num_spherical * num_radial, num_bilinear, bias=False)
        self.lin_kj = nn.Linear(hidden_channels, hidden_channels)
        self.lin_ji = nn.Linear(hidden_channels, hidden_channels)
        self.W = nn.Parameter(torch.empty(hidden_channels, num_bilinear, hidden_channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Make the maps orthogonal, their biases 0, and draw W with standard deviation 2 / H."""
        super().reset_parameters()
        reset_orthogonal(self.lin_rbf, self.lin_sbf, self.lin_kj, self.lin_ji)
        nn.init.normal_(self.W, std=2 / self.W.size(0))

    def forward(self, x: Tensor, rbf: Tensor, sbf: TripletBasis, edges: Incidence) -> Tensor:
        """Pass messages along the triplets, `edges` from k -> j to j -> i."""
        x_kj = self.act(self.lin_kj(x)) * self.lin_rbf(rbf)
        # Summed before the bilinear map, which is then taken per edge and not per triplet.
        summed = outer_sum(x_kj, sbf.mapped(self.lin_sbf.weight), edges)
        seen = F.linear(summed.flatten(1), self.W.flatten(1))
        return self.finish(self.act(self.lin_ji(x)) + seen, x)


class InteractionPPBlock(_Skip):
    r"""DimeNet++'s interaction: a product of narrow embeddings in place of the bilinear layer.

    Paper: `"Fast and Uncertainty-Aware Directional Message Passing for Non-Equilibrium Molecules"
    <https://arxiv.org/abs/2011.14115>`_, section 3.

    .. math::
        m'_{ji} = f\left(m_{ji}, \sigma\left(\mathbf{W}_{up} \sum_k \sigma\left(\mathbf{W}_{down}
        (\sigma(\mathbf{W}_{kj} m_{kj}) \odot \mathbf{W}_{r2} \mathbf{W}_{r1} e_{kj})\right) \odot
        \mathbf{W}_{s2} \mathbf{W}_{s1} a_{kji}\right)\right)

    Args:
        hidden_channels: Size H of the messages.
        int_emb_size: Size of the embeddings that meet in a triplet.
        basis_emb_size: Size between the two maps of each basis.
        num_spherical: Number of angular functions L.
        num_radial: Number of radial functions R.
        num_before_skip: Residual layers before the skip connection.
        num_after_skip: Residual layers after it.
        act: Activation.

    Shapes:
        - **input:** messages :math:`(E, H)`, radial basis :math:`(E, R)`, spherical basis of the
          triplets, and the triplets as edges between edges
        - **output:** :math:`(E, H)`
    """

    def __init__(
        self,
        hidden_channels: int,
        int_emb_size: int,
        basis_emb_size: int,
        num_spherical: int,
        num_radial: int,
        num_before_skip: int,
        num_after_skip: int,
        act: Activation,
    ) -> None:
        super().__init__(hidden_channels, num_before_skip, num_after_skip, act)
        self.lin_rbf1 = nn.Linear(num_radial, basis_emb_size, bias=False)
        self.lin_rbf2 = nn.Linear(basis_emb_size, hidden_channels, bias=False)
        self.lin_sbf1 = nn.Linear(num_spherical * num_radial, basis_emb_size, bias=False)
        self.lin_sbf2 = nn.Linear(basis_emb_size, int_emb_size, bias=False)
        self.lin_kj = nn.Linear(hidden_channels, hidden_channels)
        self.lin_ji = nn.Linear(hidden_channels, hidden_channels)
        self.lin_down = nn.Linear(hidden_channels, int_emb_size, bias=False)
        self.lin_up = nn.Linear(int_emb_size, hidden_channels, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Make the maps orthogonal, their biases 0."""
        super().reset_parameters()
        reset_orthogonal(self.lin_rbf1, self.lin_rbf2, self.lin_sbf1, self.lin_sbf2)
        reset_orthogonal(self.lin_kj, self.lin_ji, self.lin_down, self.lin_up)

    def forward(self, x: Tensor, rbf: Tensor, sbf: TripletBasis, edges: Incidence) -> Tensor:
        """Pass messages along the triplets, `edges` from k -> j to j -> i."""
        x_kj = self.act(self.lin_kj(x)) * self.lin_rbf2(self.lin_rbf1(rbf))
        x_kj = self.act(self.lin_down(x_kj))
        summed = low_rank_sum(
            x_kj, sbf.mapped(self.lin_sbf1.weight), self.lin_sbf2.weight.t(), edges
        )
        return self.finish(self.act(self.lin_ji(x)) + self.act(self.lin_up(summed)), x)


class OutputBlock(nn.Module):
    r"""DimeNet's contribution of one block to each atom's output.

    .. math::
        t_i = \mathbf{W} \sigma(\ldots \sigma(\mathbf{W}_1 \sum_j
        (\mathbf{W}_{rbf} e_{ji}) \odot m_{ji} + b_1))

    Args:
        num_radial: Number of radial basis functions R.
        hidden_channels: Size H of the messages.
        out_channels: Size of the output.
        num_layers: Number of layers before the last one.
        act: Activation.
        output_initializer: Of the last layer: ``"zeros"`` or ``"glorot_orthogonal"``.

    Shapes:
        - **input:** messages :math:`(E, H)`, radial basis :math:`(E, R)`, targets :math:`(E)`
        - **output:** :math:`(N, F_{out})`
    """

    def __init__(
        self,
        num_radial: int,
        hidden_channels: int,
        out_channels: int,
        num_layers: int,
        act: Activation,
        output_initializer: str = "zeros",
    ) -> None:
        super().__init__()
        _check_initializer(output_initializer)
        self.act = act
        self.output_initializer = output_initializer
        self.lin_rbf = nn.Linear(num_radial, hidden_channels, bias=False)
        self.lins = nn.ModuleList(
            nn.Linear(hidden_channels, hidden_channels) for _ in range(num_layers)
        )
        self.lin = nn.Linear(hidden_channels, out_channels, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Make the maps orthogonal, their biases 0; the last one as `output_initializer` says."""
        reset_orthogonal(self.lin_rbf)
        _reset_head(self.lins, self.lin, self.output_initializer)

    def forward(self, x: Tensor, rbf: Tensor, i: Tensor, num_nodes: int | None = None) -> Tensor:
        """Sum the edges at each atom and map them to the output."""
        x = scatter(self.lin_rbf(rbf) * x, i, dim_size=num_nodes)
        for lin in self.lins:
            x = self.act(lin(x))
        return self.lin(x)


class OutputPPBlock(OutputBlock):
    """DimeNet++'s contribution of one block to each atom's output, in a wider embedding.

    As `OutputBlock`, with a linear map (`lin_up`) to `out_emb_channels` after the sum.

    Args:
        num_radial: Number of radial basis functions R.
        hidden_channels: Size H of the messages.
        out_emb_channels: Size of the layers.
        out_channels: Size of the output.
        num_layers: Number of layers before the last one.
        act: Activation.
        output_initializer: Of the last layer: ``"zeros"`` or ``"glorot_orthogonal"``.
    """

    def __init__(
        self,
        num_radial: int,
        hidden_channels: int,
        out_emb_channels: int,
        out_channels: int,
        num_layers: int,
        act: Activation,
        output_initializer: str = "zeros",
    ) -> None:
        nn.Module.__init__(self)
        _check_initializer(output_initializer)
        self.act = act
        self.output_initializer = output_initializer
        self.lin_rbf = nn.Linear(num_radial, hidden_channels, bias=False)
        self.lin_up = nn.Linear(hidden_channels, out_emb_channels, bias=False)
        self.lins = nn.ModuleList(
            nn.Linear(out_emb_channels, out_emb_channels) for _ in range(num_layers)
        )
        self.lin = nn.Linear(out_emb_channels, out_channels, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Make the maps orthogonal, their biases 0; the last one as `output_initializer` says."""
        super().reset_parameters()
        reset_orthogonal(self.lin_up)

    def forward(self, x: Tensor, rbf: Tensor, i: Tensor, num_nodes: int | None = None) -> Tensor:
        """Sum the edges at each atom and map them to the output."""
        x = self.lin_up(scatter(self.lin_rbf(rbf) * x, i, dim_size=num_nodes))
        for lin in self.lins:
            x = self.act(lin(x))
        return self.lin(x)


def reset_orthogonal(*lins: nn.Linear) -> None:
    """Make linear maps orthogonal with variance 2 / (in + out), and their biases 0."""
    for lin in lins:
        glorot_orthogonal(lin.weight, scale=_SCALE)
        if lin.bias is not None:
            nn.init.zeros_(lin.bias)


def _reset_head(lins: nn.ModuleList, last: nn.Linear, output_initializer: str) -> None:
    for lin in lins:
        assert isinstance(lin, nn.Linear)
        reset_orthogonal(lin)
    if output_initializer == "zeros":
        nn.init.zeros_(last.weight)
    else:
        glorot_orthogonal(last.weight, scale=_SCALE)


def _residual_layers(number: int, channels: int, act: Any) -> nn.ModuleList:
    return nn.ModuleList(ResidualLayer(channels, act) for _ in range(number))


def _check_initializer(name: str) -> None:
    if name not in OUTPUT_INITIALIZERS:
        msg = f"output_initializer={name!r} is unknown{nearest(name, OUTPUT_INITIALIZERS)}"
        raise ArgumentError(msg)
