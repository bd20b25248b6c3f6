"""What the examples trained on a whole graph at once share. Not an example itself."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from support import NodeGraph, accuracy

if TYPE_CHECKING:
    from torch import Tensor, nn


def with_sparse_features(graph: NodeGraph) -> NodeGraph:
    """Return the graph with its features in CSR layout, which layers multiply as they are."""
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # torch calls it beta
        return replace(graph, x=graph.x.to_sparse_csr())


def drop_features(x: Tensor, p: float, *, training: bool) -> Tensor:
    """Drop out stored entries of a sparse matrix in CSR layout; zeros need no drawing."""
    values = F.dropout(x.values(), p, training)
    return torch.sparse_csr_tensor(
        x.crow_indices(), x.col_indices(), values, x.shape, check_invariants=False
    )


def fit(
    model: nn.Module,
    graph: NodeGraph,
    optimizer: torch.optim.Optimizer,
    *,
    epochs: int,
    patience: int,
) -> float:
    """Train `model(x, edge_index)`; return the test accuracy in % of the best epoch.

    The best epoch has the highest validation accuracy and, among equals, the lowest validation
    loss. Training ends after `patience` epochs in which neither got better than ever before.
    """
    train, val = graph.mask("train"), graph.mask("val")
    best, test = (-math.inf, -math.inf), 0.0
    highest, lowest, waited = -math.inf, math.inf, 0
    for _ in range(epochs):
        model.train()
        optimizer.zero_grad()
        F.cross_entropy(model(graph.x, graph.edge_index)[train], graph.y[train]).backward()
        optimizer.step()
        model.eval()
        with torch.no_grad():
            scores = model(graph.x, graph.edge_index)
            loss = float(F.cross_entropy(scores[val], graph.y[val]))
        found = accuracy(scores, graph, "val")
        if (found, -loss) > best:
            best, test = (found, -loss), accuracy(scores, graph, "test")
        waited = 0 if found > highest or loss < lowest else waited + 1
        highest, lowest = max(highest, found), min(lowest, loss)
        if waited >= patience:
            break
    return test
