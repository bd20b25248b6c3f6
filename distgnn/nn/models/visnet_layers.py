"""ViSNet's message passing: scalars, vectors and edges that update one another."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
from distgnn.nn.edge_products import (
    filtered_sum,
    filtered_weight,
    outer_project,
    outer_sum,
)
from distgnn.nn.incidence import Incidence
from distgnn.nn.models.visnet_basis import CosineCutoff
from distgnn.nn.models.visnet_blocks import VecLayerNorm, reset_linear
from distgnn.nn.silu import silu
from distgnn.nn.utils.scatter import scatter


@dataclass(frozen=True, kw_only=True, slots=True)
class Views:
    """The edges of a molecule as sums of its layers need them, made once for all layers."""

    nodes: Incidence
    """Atom j to atom i."""
    at_i: Incidence
    """Edge to its atom i."""
    at_j: Incidence
    """Edge to its atom j."""

    @classmethod
    def of(cls, edge_index: Tensor, num_nodes: int) -> Views:
        """Make the views of edges, int64 [2, E]."""
        j, i = edge_index
        return cls(
            nodes=Incidence(i, j, num_nodes, num_nodes),
            at_i=Incidence.at(i, num_nodes),
            at_j=Incidence.at(j, num_nodes),
        )


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
        views: Views | None = None,
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return the changes of scalars, vectors and edge embeddings.

        `views` are ``Views.of(edge_index, N)``, where they are known already.
        """
        views = views or Views.of(edge_index, x.size(0))
        x = self.layernorm(x)
        vec = self.vec_layernorm(vec)
        vec1, vec2, vec3 = self.vec_proj(vec).chunk(3, dim=-1)
        scalars, vectors = self._messages(x, vec, views, self.cutoff(r_ij), f_ij, d_ij)
        o1, o2, o3 = self.o_proj(scalars).chunk(3, dim=1)
        dx = (vec1 * vec2).sum(dim=1) * o2 + o3
        dvec = vec3 * o1.unsqueeze(1) + vectors
        df = None if self.last_layer else self.edge_update(vec, views, f_ij, d_ij)
        return dx, dvec, df

    def _messages(
        self,
        x: Tensor,
        vec: Tensor,
        views: Views,
        factor: Tensor,
        f_ij: Tensor,
        d_ij: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Return the summed messages: scalars [N, H] and vectors [N, L, H]."""
        i, j = views.nodes.i, views.nodes.j
        queries, keys = self.q_proj(x).unsqueeze(1), self.k_proj(x).unsqueeze(1)
        scores = filtered_weight(queries, keys, views.nodes) * silu(self.dk_proj(f_ij))
        scores = scores.unflatten(1, (self.num_heads, -1)).sum(dim=-1)
        attention = (silu(scores) * factor.unsqueeze(1)).unsqueeze(2)
        values = self.v_proj(x).index_select(0, j) * silu(self.dv_proj(f_ij))
        messages = (values.unflatten(1, (self.num_heads, -1)) * attention).flatten(1)
        s1, s2 = silu(self.s_proj(messages)).chunk(2, dim=1)
        vectors = filtered_sum(vec, s1, views.nodes) + outer_sum(s2, d_ij, views.at_i)
        return scatter(messages, i, dim_size=x.size(0)), vectors

    def edge_update(self, vec: Tensor, views: Views, f_ij: Tensor, d_ij: Tensor) -> Tensor:
        """Return the change of the edge embeddings, [E, H]."""
        return silu(self.f_proj(f_ij)) * self._rejections(vec, views, d_ij)

    def _rejections(self, vec: Tensor, views: Views, d_ij: Tensor) -> Tensor:
        of_i, of_j = self.w_trg_proj(vec), self.w_src_proj(vec)
        product = filtered_weight(of_i, of_j, views.nodes)
        return product - _parallel(of_i, views.at_i, of_j, views.at_j, d_ij)


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

    def edge_update(self, vec: Tensor, views: Views, f_ij: Tensor, d_ij: Tensor) -> Tensor:
        """Return the change of the edge embeddings, [E, H]."""
        f1, f2 = silu(self.f_proj(f_ij)).chunk(2, dim=1)
        first, second = self.t_trg_proj(vec), self.t_src_proj(vec)
        product = (first * second).sum(dim=1).index_select(0, views.nodes.i)
        at_target = product - _parallel(first, views.at_i, second, views.at_i, d_ij)
        return f1 * self._rejections(vec, views, d_ij) + f2 * at_target


def _parallel(
    a: Tensor, edges_of_a: Incidence, b: Tensor, edges_of_b: Incidence, d: Tensor
) -> Tensor | float:
    r"""Return what the inner product of a and b loses when their parts along d are taken away.

    .. math::
        \langle a - \langle a, d \rangle d,\; b - \langle b, d \rangle d \rangle =
        \langle a, b \rangle - (2 - \|d\|^2) \langle a, d \rangle \langle b, d \rangle

    Args:
        a: Vector features of atoms, [N, L, H].
        edges_of_a: From each edge to its atom in `a`.
        b: Vector features of atoms, [N, L, H].
        edges_of_b: From each edge to its atom in `b`.
        d: Harmonics of directions, [E, L]: of norm 1 for each of their orders, or 0. For two orders
            (L = 8) the term is 0.

    Returns:
        [E, H], or 0.
    """
    if d.size(1) == 8:
        return 0.0
    along_a = outer_project(a, d, edges_of_a.flipped)
    return along_a * outer_project(b, d, edges_of_b.flipped)
