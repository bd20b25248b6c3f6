"""ViSNet's message passing: scalars, vectors and edges that update one another."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
from distgnn.nn.models.visnet_basis import CosineCutoff
from distgnn.nn.models.visnet_blocks import VecLayerNorm, reset_linear
from distgnn.nn.utils.scatter import scatter


class ViS_MP(nn.Module):  # noqa: N801 -- the name of the published layer
    r"""Vector-scalar interactive message passing.

    Paper: `"Enhancing Geometric Representations for Molecules with Equivariant Vector-Scalar
    Interactive Message Passing" <https://arxiv.org/abs/2210.16518>`_, equations 4 to 10.

    .. math::
        \alpha_{ij} &= C(r_{ij})\, \sigma\left(\textstyle\sum q_i \odot k_j \odot
        \sigma(\mathbf{W}_{dk} f_{ij})\right), \quad
        m_{ij} = \alpha_{ij}\, v_j \odot \sigma(\mathbf{W}_{dv} f_{ij}) \\
        \vec{m}_{ij} &= s^1_{ij} \odot \vec{v}_j + s^2_{ij} \odot \vec{d}_{ij}, \quad
        [s^1_{ij} \,\|\, s^2_{ij}] = \sigma(\mathbf{W}_s m_{ij}) \\
        \Delta x_i &= \langle \mathbf{W}_1 \vec{v}_i, \mathbf{W}_2 \vec{v}_i \rangle \odot o^2_i +
        o^3_i, \quad
        \Delta \vec{v}_i = o^1_i \odot \mathbf{W}_3 \vec{v}_i + \textstyle\sum_j \vec{m}_{ij},
        \quad o_i = \mathbf{W}_o \textstyle\sum_j m_{ij} \\
        \Delta f_{ij} &= \sigma(\mathbf{W}_f f_{ij}) \odot \langle
        Rej_{\vec{d}_{ij}}(\mathbf{W}_t \vec{v}_i), Rej_{\vec{d}_{ij}}(\mathbf{W}_s \vec{v}_j)
        \rangle

    Args:
        num_heads: Number of attention heads.
        hidden_channels: Size of all embeddings H, a multiple of `num_heads`.
        cutoff: Distance at which messages vanish.
        vecnorm_type: See `VecLayerNorm`.
        trainable_vecnorm: Whether its weights are learned.
        last_layer: Whether edges are left alone.

    Shapes:
        - **input:** scalars :math:`(N, H)`, vectors :math:`(N, L, H)`, edges :math:`(2, E)`,
          lengths :math:`(E)`, edge embeddings :math:`(E, H)`, harmonics of directions
          :math:`(E, L)`, of norm 1 for each order or 0
        - **output:** changes of scalars, of vectors, and of edge embeddings (None in the last
          layer)
    """

    def __init__(
        self,
        num_heads: int,
        hidden_channels: int,
        cutoff: float,
        vecnorm_type: str | None,
        trainable_vecnorm: bool,
        last_layer: bool = False,
    ) -> None:
        super().__init__()
        if hidden_channels % num_heads != 0:
            msg = (
                f"hidden_channels={hidden_channels} is not a multiple of num_heads={num_heads}: "
                f"every head takes the same share"
            )
            raise ArgumentError(msg)
        self.num_heads = num_heads
        self.hidden_channels = hidden_channels
        self.last_layer = last_layer
        self.layernorm = nn.LayerNorm(hidden_channels)
        self.vec_layernorm = VecLayerNorm(hidden_channels, trainable_vecnorm, vecnorm_type)
        self.cutoff = CosineCutoff(cutoff)
        self.vec_proj = nn.Linear(hidden_channels, 3 * hidden_channels, bias=False)
        self.q_proj = nn.Linear(hidden_channels, hidden_channels)
        self.k_proj = nn.Linear(hidden_channels, hidden_channels)
        self.v_proj = nn.Linear(hidden_channels, hidden_channels)
        self.dk_proj = nn.Linear(hidden_channels, hidden_channels)
        self.dv_proj = nn.Linear(hidden_channels, hidden_channels)
        self.s_proj = nn.Linear(hidden_channels, 2 * hidden_channels)
        if not last_layer:
            self.f_proj = nn.Linear(hidden_channels, self._edge_size())
            self.w_src_proj = nn.Linear(hidden_channels, hidden_channels, bias=False)
            self.w_trg_proj = nn.Linear(hidden_channels, hidden_channels, bias=False)
        self.o_proj = nn.Linear(hidden_channels, 3 * hidden_channels)
        self.reset_parameters()

    def _edge_size(self) -> int:
        return self.hidden_channels

    def reset_parameters(self) -> None:
        """Draw all weights anew, Glorot-uniform; biases are 0."""
        self.layernorm.reset_parameters()
        self.vec_layernorm.reset_parameters()
        reset_linear(*(layer for layer in self.children() if type(layer) is nn.Linear))

    def forward(
        self,
        x: Tensor,
        vec: Tensor,
        edge_index: Tensor,
        r_ij: Tensor,
        f_ij: Tensor,
        d_ij: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return the changes of scalars, vectors and edge embeddings."""
        x = self.layernorm(x)
        vec = self.vec_layernorm(vec)
        vec1, vec2, vec3 = self.vec_proj(vec).chunk(3, dim=-1)
        scalars, vectors = self._messages(x, vec, edge_index, self.cutoff(r_ij), f_ij, d_ij)
        o1, o2, o3 = self.o_proj(scalars).chunk(3, dim=1)
        dx = (vec1 * vec2).sum(dim=1) * o2 + o3
        dvec = vec3 * o1.unsqueeze(1) + vectors
        df = None if self.last_layer else self.edge_update(vec, edge_index, f_ij, d_ij)
        return dx, dvec, df

    def _messages(
        self,
        x: Tensor,
        vec: Tensor,
        edge_index: Tensor,
        factor: Tensor,
        f_ij: Tensor,
        d_ij: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Return the summed messages: scalars [N, H] and vectors [N, L, H]."""
        j, i = edge_index
        keys = F.silu(self.dk_proj(f_ij)) * self.k_proj(x).index_select(0, j)
        scores = (keys * self.q_proj(x).index_select(0, i)).unflatten(1, (self.num_heads, -1))
        attention = F.silu(scores.sum(dim=-1)) * factor.unsqueeze(1)
        values = F.silu(self.dv_proj(f_ij)) * self.v_proj(x).index_select(0, j)
        values = values.unflatten(1, (self.num_heads, -1)) * attention.unsqueeze(2)
        messages = values.flatten(1)
        s1, s2 = F.silu(self.s_proj(messages)).unsqueeze(1).chunk(2, dim=2)
        vectors = vec.index_select(0, j) * s1 + s2 * d_ij.unsqueeze(2)
        size = x.size(0)
        return scatter(messages, i, dim_size=size), scatter(vectors, i, dim_size=size)

    def edge_update(self, vec: Tensor, edge_index: Tensor, f_ij: Tensor, d_ij: Tensor) -> Tensor:
        """Return the change of the edge embeddings, [E, H]."""
        return F.silu(self.f_proj(f_ij)) * self._rejections(vec, edge_index, d_ij)

    def _rejections(self, vec: Tensor, edge_index: Tensor, d_ij: Tensor) -> Tensor:
        j, i = edge_index
        of_i = self.w_trg_proj(vec).index_select(0, i)
        of_j = self.w_src_proj(vec).index_select(0, j)
        return rejection_product(of_i, of_j, d_ij)


class ViS_MP_Vertex(ViS_MP):  # noqa: N801 -- the name of the published layer
    r"""`ViS_MP` whose edges also see their target's vectors twice.

    .. math::
        \Delta f_{ij} = f^1_{ij} \odot \langle Rej(\mathbf{W}_t \vec{v}_i),
        Rej(\mathbf{W}_s \vec{v}_j) \rangle + f^2_{ij} \odot \langle Rej(\mathbf{T}_t \vec{v}_i),
        Rej(\mathbf{T}_s \vec{v}_i) \rangle, \quad
        [f^1_{ij} \,\|\, f^2_{ij}] = \sigma(\mathbf{W}_f f_{ij})

    Args:
        num_heads: Number of attention heads.
        hidden_channels: Size of all embeddings H, a multiple of `num_heads`.
        cutoff: Distance at which messages vanish.
        vecnorm_type: See `VecLayerNorm`.
        trainable_vecnorm: Whether its weights are learned.
        last_layer: Whether edges are left alone.
    """

    def __init__(
        self,
        num_heads: int,
        hidden_channels: int,
        cutoff: float,
        vecnorm_type: str | None,
        trainable_vecnorm: bool,
        last_layer: bool = False,
    ) -> None:
        super().__init__(
            num_heads, hidden_channels, cutoff, vecnorm_type, trainable_vecnorm, last_layer
        )
        if not last_layer:
            self.t_src_proj = nn.Linear(hidden_channels, hidden_channels, bias=False)
            self.t_trg_proj = nn.Linear(hidden_channels, hidden_channels, bias=False)
            reset_linear(self.t_src_proj, self.t_trg_proj)

    def _edge_size(self) -> int:
        return 2 * self.hidden_channels

    def edge_update(self, vec: Tensor, edge_index: Tensor, f_ij: Tensor, d_ij: Tensor) -> Tensor:
        """Return the change of the edge embeddings, [E, H]."""
        _, i = edge_index
        f1, f2 = F.silu(self.f_proj(f_ij)).chunk(2, dim=1)
        first = self.t_trg_proj(vec).index_select(0, i)
        second = self.t_src_proj(vec).index_select(0, i)
        at_target = rejection_product(first, second, d_ij)
        return f1 * self._rejections(vec, edge_index, d_ij) + f2 * at_target


def rejection_product(a: Tensor, b: Tensor, d: Tensor) -> Tensor:
    r"""Return the inner product of what is left of a and b without their parts along d.

    .. math::
        \langle a - \langle a, d \rangle d,\; b - \langle b, d \rangle d \rangle =
        \langle a, b \rangle + (\|d\|^2 - 2) \langle a, d \rangle \langle b, d \rangle

    Args:
        a: Vector features, [E, L, H].
        b: Vector features, [E, L, H].
        d: Harmonics of directions, [E, L]. Of norm 1 (or 0) for each of their orders, so that
            for two orders (L = 8) the second term is 0.

    Returns:
        [E, H].
    """
    product = (a * b).sum(dim=1)
    if d.size(1) == 8:
        return product
    direction = d.unsqueeze(2)
    return product - (a * direction).sum(dim=1) * (b * direction).sum(dim=1)
