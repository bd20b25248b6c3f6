import numpy as np

from distgnn.partition.adjacency import without_edges
from distgnn.partition.range import RangePartitioner
from distgnn.testing.graphs import scholars
from tests.partition.graphs import ones, raw_of


def assign(weights, num_parts):
    weights = np.array(weights, np.int64).reshape(-1, 1)
    return (
        RangePartitioner()
        .assign(without_edges(raw_of([], len(weights))), num_parts, weights, 0)
        .tolist()
    )


def test_equal_counts_in_order():
    assert assign([1] * 6, 3) == [0, 0, 1, 1, 2, 2]
    assert assign([1] * 7, 3) == [0, 0, 1, 1, 1, 2, 2]
    assert assign([1, 1], 2) == [0, 1]


def test_equal_weights_in_order():
    assert assign([4, 1, 1, 1, 1], 2) == [0, 1, 1, 1, 1]
    assert assign([0, 0, 5, 0, 5], 2) == [0, 0, 0, 1, 1]


def test_without_any_weight_rows_count():
    assert assign([0, 0, 0, 0], 2) == [0, 0, 1, 1]


def test_every_type_is_cut_by_itself():
    parts = RangePartitioner().assign(without_edges(scholars().raw), 2, ones(7), 0)
    assert parts.tolist() == [0, 1, 1, 0, 0, 1, 1]
    assert parts.dtype == np.int32


def test_no_part_is_off_by_more_than_one_row():
    for num_nodes in range(1, 40):
        for num_parts in range(1, num_nodes + 1):
            counts = np.bincount(assign([1] * num_nodes, num_parts), minlength=num_parts)
            assert counts.max() - counts.min() <= 1
