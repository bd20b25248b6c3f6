"""Neural fingerprints of molecules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
from distgnn.nn.conv.mf_conv import MFConv
from distgnn.nn.linear import Linear
from distgnn.nn.pool.glob import global_add_pool
from distgnn.nn.reset import reset

if TYPE_CHECKING:
    from distgnn.nn.adjacency import Adjacency


class NeuralFingerprint(nn.Module):
    r"""A differentiable circular fingerprint (https://arxiv.org/abs/1509.09292).

    .. math::
        \mathbf{X}^{(\ell)} &= \sigma(\mathrm{MFConv}(\mathbf{X}^{(\ell - 1)}, \mathbf{A}))

        \mathbf{f} &= \sum_{\ell} \sum_{v} \mathrm{softmax}(\mathbf{x}_v^{(\ell)}
        \mathbf{W}_{\ell}^{\top})

    with a sigmoid :math:`\sigma`.

    Args:
        in_channels: Size of each input sample.
        hidden_channels: Size of each hidden sample.
        out_channels: Size of the fingerprint.
        num_layers: Number of layers, at least 1.
        **kwargs: Arguments of `MFConv`.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})`, edges
          :math:`(2, |\mathcal{E}|)`, `SparseTensor` or `CSC`; batch vector :math:`(|\mathcal{V}|)`
          *(optional)*
        - **output:** :math:`(B, F_{out})`
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        num_layers: int,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        if num_layers < 1:
            msg = f"num_layers={num_layers} of NeuralFingerprint must be 1 or more"
            raise ArgumentError(msg)
        self.in_channels = in_channels
        self.hidden_channels = hidden_channels
        self.out_channels = out_channels
        self.num_layers = num_layers
        self.convs = nn.ModuleList(
            MFConv(size, hidden_channels, **kwargs)
            for size in [in_channels, *[hidden_channels] * (num_layers - 1)]
        )
        self.lins = nn.ModuleList(
            Linear(hidden_channels, out_channels, bias=False) for _ in range(num_layers)
        )

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for part in [*self.convs, *self.lins]:
            reset(part)

    def forward(
        self,
        x: Tensor,
        edge_index: Adjacency,
        batch: Tensor | None = None,
        batch_size: int | None = None,
    ) -> Tensor:
        """Compute fingerprints.

        Args:
            x: Node features, float [N, in_channels].
            edge_index: int64 [2, E], `SparseTensor` or `CSC`.
            batch: The molecule of each node, int64 [N]; None: all are one molecule.
            batch_size: Number of molecules B; None: one more than the largest of `batch`.

        Returns:
            Float [B, out_channels].
        """
        shares = None
        for conv, lin in zip(self.convs, self.lins, strict=True):
            x = conv(x, edge_index).sigmoid()
            share = lin(x).softmax(dim=-1)
            shares = share if shares is None else shares + share
        assert shares is not None  # there is a layer at least
        return global_add_pool(shares, batch, batch_size)

    def __repr__(self) -> str:
        sizes = f"{self.in_channels}, {self.out_channels}, num_layers={self.num_layers}"
        return f"{type(self).__name__}({sizes})"
