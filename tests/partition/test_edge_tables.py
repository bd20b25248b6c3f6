import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distgnn.partition import kernels
from distgnn.partition.edge_tables import part_edges, sort_edges
from distgnn.partition.layout import node_layout
from distgnn.testing.graphs import CITES, papers, scholars


def layout_of(made, node_type):
    return node_layout(np.array(made.owners[node_type], np.int32), 2)


@pytest.mark.parametrize("made", [papers(), scholars()], ids=["papers", "scholars"])
def test_parts_hold_the_expected_edges(made):
    for edge_type, expected in made.edges.items():
        sources, targets = (layout_of(made, end) for end in (edge_type[0], edge_type[2]))
        edges = sort_edges(made.raw.edges[edge_type], sources, targets)
        for part in range(2):
            table = part_edges(edges, part)
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
    table = part_edges(sort_edges(made.raw.edges[CITES], layout, layout), 1)
    assert table.schema.field("weight").type == pa.large_list(pa.float32())
    assert table.column("weight").to_pylist() == [[0.5, 4.0, 1.0, 2.0], [3.0, 2.5], [3.5]]


def test_chunks_with_dictionaries_of_their_own_are_joined():
    kinds = [pa.array(values).dictionary_encode() for values in (["a", "b"], ["c", "a"])]
    ends = pa.table({"src": [0, 1], "dst": [1, 0]})
    table = pa.concat_tables([ends.append_column("kind", kind) for kind in kinds])
    layout = node_layout(np.zeros(2, np.int32), 1)
    part = part_edges(sort_edges(table, layout, layout), 0)
    assert part.column("kind").combine_chunks().flatten().to_pylist() == ["b", "a", "a", "c"]
    assert part.column("eid").to_pylist() == [[1, 3], [0, 2]]


EDGES = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 5), st.integers(0, 2)), max_size=40)


@given(edges=EDGES, timed=st.booleans(), num_threads=st.integers(1, 9))
def test_csc_equals_a_plain_sort(edges, timed, num_threads):
    src, dst, time = np.array(edges, np.int64).reshape(-1, 3).T.copy()
    dst_id = np.array([5, 3, 1, 0, 2, 4])
    indptr, entries = kernels.build_csc(src, dst, time if timed else None, 8, dst_id, num_threads)
    key = [(dst_id[dst[e]], time[e] if timed else 0, src[e], e) for e in range(len(src))]
    expected = sorted(range(len(src)), key=key.__getitem__)
    assert entries.tolist() == [[src[e], e] for e in expected]
    counts = np.bincount(dst_id[dst], minlength=6)
    assert indptr.tolist() == np.cumsum([0, *counts]).tolist()


def test_csc_is_the_same_with_any_number_of_threads():
    rng = np.random.default_rng(0)
    src, dst = rng.integers(0, 1000, (2, 300_000))
    dst_id = rng.permutation(1000)
    one, *others = (kernels.build_csc(src, dst, None, 1000, dst_id, n) for n in (1, 2, 3))
    order = np.lexsort((np.arange(len(src)), src, dst_id[dst]))
    assert (one[1] == np.stack([src[order], order], axis=1)).all()
    for other in others:
        assert (other[0] == one[0]).all()
        assert (other[1] == one[1]).all()


def test_csc_without_destinations():
    none = np.zeros(0, np.int64)
    indptr, entries = kernels.build_csc(none, none, None, 3, none, 2)
    assert indptr.tolist() == [0]
    assert entries.shape == (0, 2)


GOOD = {
    "src": np.array([0, 1]),
    "dst": np.array([0, 1]),
    "time": None,
    "num_src": 2,
    "dst_id": np.array([0, 1]),
    "num_threads": 1,
}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"src": np.array([0, 2])}, r"src\[1\] = 2 is not in \[0, 2\)"),
        ({"dst": np.array([-1, 0])}, r"dst\[0\] = -1 is not in"),
        ({"dst": np.array([0])}, "dst has 1 values: it must have 2"),
        ({"time": np.array([0])}, "time has 1 values: it must have 2"),
        ({"dst_id": np.array([0, 2])}, r"dst_id\[1\] = 2 is not in"),
        ({"num_threads": 0}, "num_threads = 0 is below 1"),
    ],
)
def test_csc_checks_its_arguments(wrong, message):
    with pytest.raises(ValueError, match=message):
        kernels.build_csc(**(GOOD | wrong))
