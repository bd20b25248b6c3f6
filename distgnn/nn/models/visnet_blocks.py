"""The layers that ViSNet is built from: norms, embeddings, gated output.

Letters in shapes: N atoms, E edges j -> i (with a loop at each atom), H hidden channels, L
components of a vector feature: 3 for lmax 1, 8 for lmax 2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError, nearest
from distgnn.nn.edge_products import filtered_sum
from distgnn.nn.incidence import Incidence
from distgnn.nn.models.visnet_basis import CosineCutoff
from distgnn.nn.reset import reset

NORM_TYPES = ("max_min",)
_EPSILON = 1e-12


class VecLayerNorm(nn.Module):
    r"""Norm of vector features: lengths are mapped to [0, 1] over the channels, per order.

    .. math::
        v_h \leftarrow w_h \frac{\|v_h\| - \min_k \|v_k\|}{\max_k \|v_k\| - \min_k \|v_k\|}
        \frac{v_h}{\|v_h\|}

    Args:
        hidden_channels: Number of channels H.
        trainable: Whether w is learned; else it is 1.
        norm_type: ``"max_min"``, or None: only w is applied.

    Shapes:
        - **input:** :math:`(N, L, H)`
        - **output:** :math:`(N, L, H)`
    """

    weight: Tensor

    def __init__(
        self, hidden_channels: int, trainable: bool, norm_type: str | None = "max_min"
    ) -> None:
        super().__init__()
        if norm_type is not None and norm_type not in NORM_TYPES:
            msg = f"vecnorm_type={norm_type!r} is unknown{nearest(norm_type, NORM_TYPES)}, or None"
            raise ArgumentError(msg)
        self.hidden_channels = hidden_channels
        self.norm_type = norm_type
        weight = torch.ones(hidden_channels)
        if trainable:
            self.weight = nn.Parameter(weight)
        else:
            self.register_buffer("weight", weight)

    def reset_parameters(self) -> None:
        """Set the weights to 1."""
        nn.init.ones_(self.weight)

    def max_min_norm(self, vec: Tensor) -> Tensor:
        """Map the lengths of one order, [N, components, H], to [0, 1]."""
        length = vector_length(vec, keepdim=True).clamp_min(_EPSILON)
        shortest, longest = length.amin(dim=-1, keepdim=True), length.amax(dim=-1, keepdim=True)
        spread = longest - shortest
        spread = torch.where(spread == 0, torch.ones_like(spread), spread)
        return ((length - shortest) / spread).relu() * (vec / length)

    def forward(self, vec: Tensor) -> Tensor:
        """Normalise `vec`."""
        if vec.dim() != 3 or vec.size(1) not in (3, 8):
            msg = f"vector features have shape {list(vec.shape)}, expected [N, 3 or 8, H]"
            raise ArgumentError(msg)
        if self.norm_type == "max_min":
            orders = [vec] if vec.size(1) == 3 else torch.split(vec, [3, 5], dim=1)
            vec = torch.cat([self.max_min_norm(order) for order in orders], dim=1)
        return vec * self.weight


class NeighborEmbedding(nn.Module):
    r"""Embedding of an atom and its neighbours: :math:`W [x_i \,\|\, \sum_j C W_d \phi_{ij} x'_j]`.

    Args:
        hidden_channels: Size of the embeddings H.
        num_rbf: Size of the radial basis K.
        cutoff: Distance at which neighbours vanish.
        max_z: Number of atom types.

    Shapes:
        - **input:** atomic numbers :math:`(N)`, embeddings :math:`(N, H)`, edges :math:`(2, E)`,
          lengths :math:`(E)`, radial basis :math:`(E, K)`
        - **output:** :math:`(N, H)`
    """

    def __init__(self, hidden_channels: int, num_rbf: int, cutoff: float, max_z: int = 100) -> None:
        super().__init__()
        self.embedding = nn.Embedding(max_z, hidden_channels)
        self.distance_proj = nn.Linear(num_rbf, hidden_channels)
        self.combine = nn.Linear(2 * hidden_channels, hidden_channels)
        self.cutoff = CosineCutoff(cutoff)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew; biases are 0."""
        self.embedding.reset_parameters()
        reset_linear(self.distance_proj, self.combine)

    def forward(
        self, z: Tensor, x: Tensor, edge_index: Tensor, edge_weight: Tensor, edge_attr: Tensor
    ) -> Tensor:
        """Embed atoms with their neighbours; loops are left out."""
        source, target = edge_index
        factor = self.cutoff(edge_weight) * (source != target)
        filters = self.distance_proj(edge_attr) * factor.unsqueeze(-1)
        edges = Incidence(target, source, x.size(0), x.size(0))
        around = filtered_sum(self.embedding(z).unsqueeze(1), filters, edges).squeeze(1)
        return self.combine(torch.cat([x, around], dim=1))


class EdgeEmbedding(nn.Module):
    r"""First embedding of the edges: :math:`(x_i + x_j) \odot (W \phi_{ij} + b)`.

    Args:
        num_rbf: Size of the radial basis K.
        hidden_channels: Size of the embeddings H.

    Shapes:
        - **input:** edges :math:`(2, E)`, radial basis :math:`(E, K)`, embeddings :math:`(N, H)`
        - **output:** :math:`(E, H)`
    """

    def __init__(self, num_rbf: int, hidden_channels: int) -> None:
        super().__init__()
        self.edge_proj = nn.Linear(num_rbf, hidden_channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew; biases are 0."""
        reset_linear(self.edge_proj)

    def forward(self, edge_index: Tensor, edge_attr: Tensor, x: Tensor) -> Tensor:
        """Embed the edges."""
        source, target = edge_index
        ends = x.index_select(0, target) + x.index_select(0, source)
        return ends * self.edge_proj(edge_attr)


class GatedEquivariantBlock(nn.Module):
    r"""Scalars from lengths of vectors, and vectors scaled by scalars.

    Paper: `"Equivariant message passing for the prediction of tensorial properties and molecular
    spectra" <https://arxiv.org/abs/2102.03150>`_, figure 3.

    .. math::
        [x' \,\|\, s] = f([x \,\|\, \|\mathbf{W}_1 v\|]), \quad v' = s \odot \mathbf{W}_2 v

    Args:
        hidden_channels: Size of the input.
        out_channels: Size of the output.
        intermediate_channels: Size of f's hidden layer; None: `hidden_channels`.
        scalar_activation: Whether SiLU is applied to x'.

    Shapes:
        - **input:** scalars :math:`(N, H)`, vectors :math:`(N, L, H)`
        - **output:** scalars :math:`(N, H_{out})`, vectors :math:`(N, L, H_{out})`
    """

    def __init__(
        self,
        hidden_channels: int,
        out_channels: int,
        intermediate_channels: int | None = None,
        scalar_activation: bool = False,
    ) -> None:
        super().__init__()
        inner = intermediate_channels or hidden_channels
        self.out_channels = out_channels
        self.vec1_proj = nn.Linear(hidden_channels, hidden_channels, bias=False)
        self.vec2_proj = nn.Linear(hidden_channels, out_channels, bias=False)
        self.update_net = nn.Sequential(
            nn.Linear(2 * hidden_channels, inner), nn.SiLU(), nn.Linear(inner, 2 * out_channels)
        )
        self.act = nn.SiLU() if scalar_activation else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew; biases are 0."""
        first, _, last = self.update_net
        reset_linear(self.vec1_proj, self.vec2_proj, first, last)

    def forward(self, x: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Apply the block."""
        lengths = vector_length(self.vec1_proj(v))
        x, gate = self.update_net(torch.cat([x, lengths], dim=-1)).chunk(2, dim=-1)
        v = gate.unsqueeze(1) * self.vec2_proj(v)
        return (x if self.act is None else self.act(x)), v


class EquivariantScalar(nn.Module):
    """Output per atom: two gated blocks, to half the channels and to one.

    Args:
        hidden_channels: Size of the input H.

    Shapes:
        - **input:** scalars :math:`(N, H)`, vectors :math:`(N, L, H)`
        - **output:** :math:`(N, 1)`
    """

    def __init__(self, hidden_channels: int) -> None:
        super().__init__()
        half = hidden_channels // 2
        self.output_network = nn.ModuleList(
            [
                GatedEquivariantBlock(hidden_channels, half, scalar_activation=True),
                GatedEquivariantBlock(half, 1),
            ]
        )

    def reset_parameters(self) -> None:
        """Reset both blocks."""
        reset(self.output_network)

    def pre_reduce(self, x: Tensor, v: Tensor) -> Tensor:
        """Return the contribution of each atom."""
        for block in self.output_network:
            x, v = block(x, v)
        # The last vectors serve nobody, but DDP waits for a gradient of every parameter.
        return x + v.sum() * 0


class Atomref(nn.Module):
    """Adds a property of single atoms.

    Args:
        atomref: Its values, [A] or [A, 1]; None: 0 at the start. Learned on.
        max_z: Number of atom types where `atomref` is None.

    Shapes:
        - **input:** :math:`(N, 1)`, atomic numbers :math:`(N)`
        - **output:** :math:`(N, 1)`
    """

    initial_atomref: Tensor

    def __init__(self, atomref: Tensor | None = None, max_z: int = 100) -> None:
        super().__init__()
        values = torch.zeros(max_z, 1) if atomref is None else torch.as_tensor(atomref)
        self.register_buffer("initial_atomref", values.reshape(-1, 1))
        self.atomref = nn.Embedding(self.initial_atomref.size(0), 1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the values to those that were given."""
        with torch.no_grad():
            self.atomref.weight.copy_(self.initial_atomref)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """Add the property of each atom."""
        return x + self.atomref(z)


def vector_length(vec: Tensor, *, keepdim: bool = False) -> Tensor:
    """Return the lengths along the second last dimension; gradients at 0 are 0, of any order."""
    square = vec.square().sum(dim=-2, keepdim=keepdim)
    zero = square == 0
    return torch.where(zero, 0.0, torch.where(zero, 1.0, square).sqrt())


def reset_linear(*lins: nn.Module) -> None:
    """Draw weights anew, Glorot-uniform; biases are 0."""
    for lin in lins:
        assert isinstance(lin, nn.Linear)
        nn.init.xavier_uniform_(lin.weight)
        if lin.bias is not None:
            nn.init.zeros_(lin.bias)
