"""A directed graph with an isolated node, a self-loop and a repeated edge, in its three forms."""

import torch
from torch_sparse import SparseTensor

from distgnn.csc import CSC

NUM_NODES = 8
EDGES = torch.tensor(
    [
        [0, 1, 2, 3, 4, 5, 6, 1, 1, 3, 6, 2, 0],
        [1, 2, 3, 4, 5, 6, 0, 0, 0, 3, 5, 5, 4],
    ]
)
"""Node 7 has no edges, 3 has a self-loop, 1 -> 0 is there twice."""
ORDER = EDGES[1].argsort(stable=True)
WEIGHT = torch.rand(EDGES.size(1), generator=torch.Generator().manual_seed(0)).double() + 0.5


def sparse_tensor(weight=None):
    value = None if weight is None else weight[ORDER]
    row, col = EDGES[1][ORDER], EDGES[0][ORDER]
    return SparseTensor(row=row, col=col, value=value, sparse_sizes=(NUM_NODES, NUM_NODES))


def csc(weight=None):
    indptr = torch.searchsorted(EDGES[1][ORDER], torch.arange(NUM_NODES + 1))
    return CSC(indptr, EDGES[0][ORDER], NUM_NODES, None if weight is None else weight[ORDER])
