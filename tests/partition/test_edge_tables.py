import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distgnn.partition import kernels
from distgnn.partition.edge_tables import group_edges, part_edges
from distgnn.partition.layout import node_layout
from distgnn.testing.graphs import CITES, papers, scholars


def layout_of(made, node_type):
    return node_layout(np.array(made.owners[node_type], np.int32), 2)


@pytest.mark.parametrize("made", [papers(), scholars()], ids=["papers", "scholars"])
def test_parts_hold_the_expected_edges(made):
    for edge_type, expected in made.edges.items():
        sources, targets = (layout_of(made, end) for end in (edge_type[0], edge_type[2]))
        groups = group_edges(made.raw.edges[edge_type], sources, targets)
        for part in range(2):
            table = part_edges(groups, part)
            src = table.column("src").combine_chunks()
            assert src.offsets.to_pylist() == expected[part].indptr
            assert src.flatten().to_pylist() == expected[part].src
            eid = table.column("eid").combine_chunks().flatten()
            assert eid.to_pylist() == expected[part].eid
            if expected[part].time is not None:
                time = table.column("time").combine_chunks().flatten()
                assert time.to_pylist() == expected[part].time


def test_every_attribute_travels_with_its_edge():
    made = papers()
    layout = layout_of(made, "paper")
    table = part_edges(group_edges(made.raw.edges[CITES], layout, layout), 1)
    assert table.schema.field("weight").type == pa.large_list(pa.float32())
    assert table.column("weight").to_pylist() == [[0.5, 4.0, 1.0, 2.0], [3.0, 2.5], [3.5]]


EDGES = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 5), st.integers(0, 2)), max_size=40)


@given(edges=EDGES, timed=st.booleans(), first=st.integers(0, 3), num_rows=st.integers(0, 3))
def test_csc_equals_a_plain_sort(edges, timed, first, num_rows):
    src, dst, time = np.array(edges, np.int64).reshape(-1, 3).T.copy()
    src_id = np.array([3, 1, 0, 7, 5, 2, 4, 6])
    dst_id = np.array([5, 3, 1, 0, 2, 4])
    owned = [e for e in range(len(src)) if first <= dst_id[dst[e]] < first + num_rows]
    indptr, found_src, found_eid = kernels.build_csc(
        np.array(owned, np.int64),
        src,
        dst,
        time if timed else None,
        src_id,
        dst_id,
        first,
        num_rows,
    )
    key = {e: (dst_id[dst[e]], time[e] if timed else 0, src[e], e) for e in owned}
    expected = sorted(owned, key=key.__getitem__)
    assert found_eid.tolist() == expected
    assert found_src.tolist() == [src_id[src[e]] for e in expected]
    counts = [sum(dst_id[dst[e]] == first + row for e in owned) for row in range(num_rows)]
    assert indptr.tolist() == np.cumsum([0, *counts]).tolist()


GOOD = {
    "eids": np.array([0, 1]),
    "src": np.array([0, 1]),
    "dst": np.array([0, 1]),
    "time": None,
    "src_id": np.array([0, 1]),
    "dst_id": np.array([0, 1]),
    "first_id": 0,
    "num_rows": 2,
}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"eids": np.array([0, 2])}, r"eids\[1\] = 2 is not in \[0, 2\)"),
        ({"src": np.array([0, 2])}, r"src\[1\] = 2 is not in"),
        ({"dst": np.array([-1, 0])}, r"dst\[0\] = -1 is not in"),
        ({"dst": np.array([0])}, "dst has 1 values: it must have 2"),
        ({"time": np.array([0])}, "time has 1 values: it must have 2"),
        ({"num_rows": 1}, "edge 1 has a destination that the part does not own"),
        ({"first_id": 1}, "edge 0 has a destination that the part does not own"),
        ({"num_rows": -1}, "num_rows = -1 is negative"),
    ],
)
def test_csc_checks_its_arguments(wrong, message):
    with pytest.raises(ValueError, match=message):
        kernels.build_csc(**(GOOD | wrong))
