import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.nn.models.dimenet import triplets as their_triplets

from distgnn.nn.utils.triplets import triplets

GRAPHS = st.integers(1, 7).flatmap(
    lambda n: st.tuples(
        st.just(n),
        st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=25),
    )
)


def slow_triplets(edges):
    """Return (kj, ji) of all paths k -> j -> i with k != i, in order of ji, then of k."""
    found = []
    for ji, (j, i) in enumerate(edges):
        into = [(k, kj) for kj, (k, j_) in enumerate(edges) if j_ == j and k != i]
        found += [(kj, ji) for _, kj in sorted(into)]
    return found


@settings(max_examples=60, deadline=None)
@given(graph=GRAPHS)
def test_equals_a_slow_search(graph):
    num_nodes, edges = graph
    edge_index = torch.tensor(edges, dtype=torch.int64).reshape(-1, 2).T
    found = triplets(edge_index, num_nodes)
    assert list(zip(found.idx_kj.tolist(), found.idx_ji.tolist(), strict=True)) == slow_triplets(
        edges
    )
    assert torch.equal(found.i, edge_index[1])
    assert torch.equal(found.j, edge_index[0])
    assert torch.equal(found.idx_i, found.i[found.idx_ji])
    assert torch.equal(found.idx_j, found.j[found.idx_ji])
    assert torch.equal(found.idx_j, found.i[found.idx_kj])
    assert torch.equal(found.idx_k, found.j[found.idx_kj])


def test_by_hand():
    # 0 -> 1 -> 2, 2 -> 1 -> 0 and 3 -> 1.
    edge_index = torch.tensor([[0, 1, 2, 1, 3], [1, 2, 1, 0, 1]])
    found = triplets(edge_index, 4)
    assert list(
        zip(found.idx_k.tolist(), found.idx_j.tolist(), found.idx_i.tolist(), strict=True)
    ) == [
        (0, 1, 2),
        (3, 1, 2),
        (2, 1, 0),
        (3, 1, 0),
    ]


def test_equals_theirs():
    generator = torch.Generator().manual_seed(0)
    dense = torch.rand(20, 20, generator=generator) < 0.3
    edge_index = dense.fill_diagonal_(False).nonzero().T
    edge_index = edge_index[:, torch.randperm(edge_index.size(1), generator=generator)]
    for mine, expected in zip(
        triplets(edge_index, 20), their_triplets(edge_index, 20), strict=True
    ):
        assert torch.equal(mine, expected)
