"""Recurrent event network: predict the next facts of a temporal knowledge graph."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
from distgnn.nn.kge.ranking import mrr_and_hits, ranks
from distgnn.nn.models.events import check_nodes
from distgnn.nn.models.re_net_history import History
from distgnn.nn.utils.scatter import scatter

if TYPE_CHECKING:
    from collections.abc import Callable


class RENet(nn.Module):
    r"""Recurrent event network (https://arxiv.org/abs/1904.05530).

    The probability of the object of an event (s, r, ?, t), and likewise of the subject of
    (?, r, o, t), is

    .. math::
        f(\mathbf{e}_s, \mathbf{e}_r, \mathbf{h}^{(t-1)}(s, r)), \quad
        \mathbf{h}^{(t)}(s, r) = \mathrm{GRU}(\mathbf{e}_s, \mathbf{e}_r,
        g(\mathcal{O}^{(t)}_r(s)), \mathbf{h}^{(t-1)}(s, r))

    where :math:`\mathcal{O}^{(t)}_r(s)` are the objects of s under relation r at time step t, g is
    the mean of their embeddings (0 without any) and f a linear map.

    Args:
        num_nodes: Number of entities N.
        num_rels: Number of relations.
        hidden_channels: Size of the embeddings of entities and relations and of the hidden state.
        seq_len: Number of past time steps.
        num_layers: Number of recurrent layers; the last one's state is used. Default 1.
        dropout: Dropout probability before the linear map. Default 0.
        bias: If False, recurrent and linear layers have no bias. Default True.

    Shapes:
        - **input:** a batch of B events with histories (`EventBatch`, or torch-geometric's with
          ``follow_batch=['h_sub', 'h_obj']``)
        - **output:** log-probabilities of objects and of subjects, :math:`(B, N)` each

    Raises:
        ArgumentError: An entity or relation is out of range, a history is longer than `seq_len`.
    """

    def __init__(
        self,
        num_nodes: int,
        num_rels: int,
        hidden_channels: int,
        seq_len: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_nodes = num_nodes
        self.num_rels = num_rels
        self.hidden_channels = hidden_channels
        self.seq_len = seq_len
        self.dropout = dropout
        self.ent = nn.Parameter(torch.empty(num_nodes, hidden_channels))
        self.rel = nn.Parameter(torch.empty(num_rels, hidden_channels))
        width = 3 * hidden_channels
        gru = {"num_layers": num_layers, "bias": bias, "batch_first": True}
        self.sub_gru = nn.GRU(width, hidden_channels, **gru)
        self.obj_gru = nn.GRU(width, hidden_channels, **gru)
        self.sub_lin = nn.Linear(width, num_nodes, bias=bias)
        self.obj_lin = nn.Linear(width, num_nodes, bias=bias)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        nn.init.xavier_uniform_(self.ent, gain=math.sqrt(2.0))
        nn.init.xavier_uniform_(self.rel, gain=math.sqrt(2.0))
        for layer in (self.sub_gru, self.obj_gru, self.sub_lin, self.obj_lin):
            layer.reset_parameters()

    @staticmethod
    def pre_transform(seq_len: int) -> Callable[[Any], Any]:
        """Return a function that gives events, called on them in time order, their histories.

        Args:
            seq_len: Number of time steps looked back, as for the model.
        """
        return History(seq_len)

    def forward(self, data: Any) -> tuple[Tensor, Tensor]:
        """Predict objects and subjects.

        Args:
            data: Has `sub`, `rel`, `obj`, int64 [B], the histories `h_sub` and `h_obj`, their
                buckets (`h_sub_t`) and the event that each entry belongs to (`h_sub_batch`).

        Returns:
            log p(object | subject, relation) and log p(subject | object, relation), [B, N] each.
        """
        check_nodes("sub", data.sub, self.num_nodes)
        check_nodes("obj", data.obj, self.num_nodes)
        check_nodes("rel", data.rel, self.num_rels)
        sub = self._state(
            self.sub_gru, data.sub, data.rel, data.h_sub, data.h_sub_t, data.h_sub_batch
        )
        obj = self._state(
            self.obj_gru, data.obj, data.rel, data.h_obj, data.h_obj_t, data.h_obj_batch
        )
        return self._predict(self.sub_lin, sub), self._predict(self.obj_lin, obj)

    def test(self, logits: Tensor, y: Tensor, known: Tensor | None = None) -> Tensor:
        """Rank the true entities.

        Args:
            logits: Scores, float [B, N].
            y: The true entity of each row, int64 [B].
            known: Pairs (row, entity), int64 [2, K]: other true answers, left out of the ranking
                (filtered). None: ranks among all entities (raw).

        Returns:
            Mean reciprocal rank and hits@1, hits@3, hits@10, float [4].
        """
        return mrr_and_hits(ranks(logits, y, known), (1, 3, 10)).to(logits.dtype)

    def _state(
        self, gru: nn.GRU, node: Tensor, rel: Tensor, past: Tensor, bucket: Tensor, batch: Tensor
    ) -> Tensor:
        """Return [entity, final hidden state, relation], float [B, 3 * hidden_channels]."""
        check_nodes("a history", past, self.num_nodes)
        num_events = node.numel()
        if bucket.numel() > 0 and int(bucket.max()) >= self.seq_len:
            msg = (
                f"a history names time step {int(bucket.max())}, but seq_len={self.seq_len}: give "
                f"pre_transform and the model the same seq_len"
            )
            raise ArgumentError(msg)
        slot = batch * self.seq_len + bucket
        means = scatter(self.ent[past], slot, 0, num_events * self.seq_len, "mean")
        entity, relation = self.ent[node], self.rel[rel]
        steps = (num_events, self.seq_len, self.hidden_channels)
        inputs = [entity.unsqueeze(1).expand(steps), means.view(steps)]
        _, hidden = gru(torch.cat([*inputs, relation.unsqueeze(1).expand(steps)], dim=-1))
        return torch.cat([entity, hidden[-1], relation], dim=-1)

    def _predict(self, lin: nn.Linear, state: Tensor) -> Tensor:
        return lin(F.dropout(state, self.dropout, self.training)).log_softmax(dim=-1)
