"""Small random graphs for hypothesis."""

import torch
from hypothesis import strategies as st


@st.composite
def graphs(draw, max_nodes=7, max_edges=20):
    """Draw (edge_index, number of nodes): repeated edges, self-loops, isolated nodes."""
    num_nodes = draw(st.integers(1, max_nodes))
    node = st.integers(0, num_nodes - 1)
    edges = draw(st.lists(st.tuples(node, node), max_size=max_edges))
    return torch.tensor(edges, dtype=torch.int64).view(-1, 2).t().contiguous(), num_nodes


def pairs_of(edge_index):
    """Return the edges as a list of pairs."""
    return [tuple(pair) for pair in edge_index.t().tolist()]
