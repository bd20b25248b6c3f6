import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.partition import kernels
from tests.partition.graphs import adjacency_of, ones


def rebalance(graph, parts, num_parts, weights, slack=1.0):
    parts = np.array(parts, np.int32)
    return kernels.rebalance(graph.indptr, graph.indices, weights, parts, num_parts, slack).tolist()


def test_balanced_parts_stay():
    graph = adjacency_of([(0, 1), (0, 2), (0, 3)], 4)
    assert rebalance(graph, [0, 1, 1, 0], 2, ones(4)) == [0, 1, 1, 0]


def test_the_node_with_the_least_to_lose_moves_to_its_neighbours():
    # Part 0 holds a triangle and node 3, whose one neighbour is in part 2.
    graph = adjacency_of([(0, 1), (1, 2), (0, 2), (3, 4)], 6)
    assert rebalance(graph, [0, 0, 0, 0, 2, 1], 3, ones(6), 1.5) == [0, 0, 0, 2, 2, 1]


def test_only_nodes_that_count_are_moved():
    # Nodes 0 and 1 alone weigh under the constraint that part 0 breaks; part 1 has room for one.
    graph = adjacency_of([], 5)
    weights = np.array([[1, 1], [1, 1], [0, 1], [0, 1], [0, 1]])
    assert rebalance(graph, [0, 0, 0, 1, 1], 2, weights) == [1, 0, 0, 1, 1]


def test_what_fits_nowhere_stays():
    graph = adjacency_of([(0, 1)], 3)
    assert rebalance(graph, [0, 0, 1], 2, np.array([[9], [9], [9]])) == [0, 0, 1]


@settings(max_examples=60)
@given(
    parts=st.lists(st.integers(0, 3), min_size=12, max_size=12),
    edges=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=30),
)
def test_equal_weights_can_always_be_balanced(parts, edges):
    balanced = rebalance(adjacency_of(edges, 12), parts, 4, ones(12))
    assert np.bincount(balanced, minlength=4).tolist() == [3, 3, 3, 3]


def excess(parts, weights, slack):
    total = 0
    for constraint in weights.T:
        share = constraint.sum() / 3
        capacity = max(np.floor(slack * share), np.ceil(share))
        over = np.bincount(parts, constraint, 3) - capacity
        total += over[over > 0].sum() / max(share, 1e-9)
    return total


@settings(max_examples=60)
@given(
    parts=st.lists(st.integers(0, 2), min_size=10, max_size=10),
    weights=st.lists(st.tuples(st.integers(0, 5), st.just(1)), min_size=10, max_size=10),
)
def test_the_excess_never_grows(parts, weights):
    weights = np.array(weights)
    balanced = rebalance(adjacency_of([(0, 5)], 10), parts, 3, weights, 1.1)
    assert excess(balanced, weights, 1.1) <= excess(parts, weights, 1.1) + 1e-9


def test_nodes_are_exchanged_where_no_part_has_room():
    # Part 0 has both nodes that count, and every part is full.
    weights = np.array([[1, 1], [1, 1], [0, 1], [0, 1]])
    balanced = rebalance(adjacency_of([], 4), [0, 0, 1, 1], 2, weights)
    assert np.bincount(balanced, weights[:, 0]).tolist() == [1, 1]
    assert np.bincount(balanced).tolist() == [2, 2]


def test_kernel_checks_the_assignment():
    with pytest.raises(ValueError, match=r"assignment\[1\] = 2 is not in \[0, 2\)"):
        rebalance(adjacency_of([], 2), [0, 2], 2, ones(2))
    with pytest.raises(ValueError, match="assignment has 1 values: it must have 2"):
        rebalance(adjacency_of([], 2), [0], 2, ones(2))
