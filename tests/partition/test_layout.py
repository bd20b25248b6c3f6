import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distgnn.partition import kernels
from distgnn.partition.adjacency import without_edges
from distgnn.partition.layout import node_layout, node_layouts, occupy_every_part
from distgnn.testing.graphs import papers, scholars


def test_parts_own_ranges_in_raw_order():
    made = papers()
    layout = node_layout(np.array(made.owners["paper"], np.int32), 2)
    assert layout.offsets.tolist() == made.offsets["paper"]
    assert layout.order.tolist() == made.index["paper"]
    assert layout.global_id.tolist() == [0, 3, 1, 4, 5, 2]
    assert layout.rows(1).tolist() == [1, 3, 4]
    assert (layout.num_owned(0), layout.num_parts) == (3, 2)


def test_every_type_has_its_own_ids():
    made = scholars()
    assignment = np.array(made.owners["author"] + made.owners["paper"], np.int32)
    layouts = node_layouts(made.raw.schema, without_edges(made.raw), assignment, 2)
    for node_type, layout in layouts.items():
        assert layout.offsets.tolist() == made.offsets[node_type]
        assert layout.order.tolist() == made.index[node_type]


@given(part_of=st.lists(st.integers(0, 3), max_size=20))
def test_grouping_is_a_stable_sort(part_of):
    part_of = np.array(part_of, np.int32)
    offsets, order = kernels.group_by_part(part_of, 4)
    assert order.tolist() == np.argsort(part_of, kind="stable").tolist()
    assert np.diff(offsets).tolist() == np.bincount(part_of, minlength=4).tolist()


@pytest.mark.parametrize(
    ("part_of", "num_parts", "message"),
    [
        ([0, 2], 2, r"part_of\[1\] = 2 is not in \[0, 2\)"),
        ([0, -1], 2, r"part_of\[1\] = -1"),
        ([0, 1], 0, "num_parts = 0 is below 1"),
        ([[0, 1]], 2, "part_of has 2 dimensions"),
    ],
)
def test_grouping_checks_its_arguments(part_of, num_parts, message):
    with pytest.raises(ValueError, match=message):
        kernels.group_by_part(np.array(part_of, np.int32), num_parts)


def test_empty_parts_take_a_node_of_the_largest():
    parts = np.array([1, 1, 1, 3, 1], np.int32)
    assert occupy_every_part(parts, 4).tolist() == [1, 1, 2, 3, 0]
    assert parts.tolist() == [1, 1, 1, 3, 1]
    assert occupy_every_part(np.array([1, 0], np.int32), 2).tolist() == [1, 0]
