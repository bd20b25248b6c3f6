"""Compare a convolution of ours with torch-geometric's, in the three forms of edges."""

import torch

from tests.nn.models.graphs import EDGES, NUM_NODES, ORDER, csc, sparse_tensor
from tests.nn.parity import assert_parity

FORMS = ("edge_index", "sparse_tensor", "csc")
EDGE_DIM = 3
_GENERATOR = torch.Generator().manual_seed(7)
WEIGHT = torch.rand(EDGES.size(1), generator=_GENERATOR, dtype=torch.double) + 0.5
EDGE_ATTR = torch.randn(EDGES.size(1), EDGE_DIM, generator=_GENERATOR, dtype=torch.double)


def features(size, num_nodes=NUM_NODES, seed=3):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(num_nodes, size, generator=generator, dtype=torch.double)


def compare(ours, theirs, x, form="edge_index", *, edge_weight=None, edge_attr=None, **kwargs):
    """Assert equal outputs and gradients; edge values come in the order of each side's edges.

    With a SparseTensor weights are its values; gradients by them are not compared.
    """
    if form == "sparse_tensor":
        edges = sparse_tensor(edge_weight)
        if edge_attr is not None:
            edges = edges.set_value(edge_attr[ORDER], layout="coo")
        assert_parity(ours, theirs, x, edges, **kwargs)
        return
    values = {"edge_weight": edge_weight, "edge_attr": edge_attr}
    values = {name: value for name, value in values.items() if value is not None}

    def call(module, x, **named):
        if module is ours and form == "csc":
            named = {k: v[ORDER] if k in values else v for k, v in named.items()}
            return module(x, csc(), **named)
        return module(x, EDGES, **named)

    assert_parity(ours, theirs, x, call=call, **values, **kwargs)
