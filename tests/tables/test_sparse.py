import itertools

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.exceptions import GraphDataError, TableError
from distgnn.schema import FeatureSpec
from distgnn.tables import sparse
from distgnn.tables.sparse import CSRFeatures, csr_of_lists, sparse_features
from tests.tables.graphs import column, source


def csr(indptr, indices, values, dim=4):
    return CSRFeatures(
        indptr=np.array(indptr),
        indices=np.array(indices),
        values=np.array(values, np.float32),
        dim=dim,
    )


def features(given, stored=None):
    return sparse_features(given, source(given.num_rows), "words", stored)


def to_scipy(made, dim):
    """The canonical column as a scipy matrix."""
    rows = made.to_pylist()
    indptr = np.cumsum([0] + [len(row["indices"]) for row in rows])
    indices = [i for row in rows for i in row["indices"]]
    values = [v for row in rows for v in row["values"]]
    return sp.csr_matrix((values, indices, indptr), shape=(len(rows), dim))


@st.composite
def matrices(draw):
    shape = draw(st.integers(0, 6)), draw(st.integers(1, 6))
    cells = draw(
        st.lists(st.integers(-9, 9), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1])
    )
    return np.array(cells, np.float32).reshape(shape)


@settings(max_examples=150, deadline=None)
@given(matrices(), st.sampled_from(["float16", "float32", "int8", "bfloat16"]), st.randoms())
def test_a_matrix_survives_in_any_order_of_its_entries(dense, stored, random):
    matrix = sp.csr_matrix(dense)
    for start, stop in itertools.pairwise(matrix.indptr.tolist()):
        order = random.sample(range(start, stop), stop - start)
        matrix.indices[start:stop] = matrix.indices[order]
        matrix.data[start:stop] = matrix.data[order]
    given = CSRFeatures(
        indptr=matrix.indptr, indices=matrix.indices, values=matrix.data, dim=dense.shape[1]
    )
    spec, made = features(given, stored)
    assert spec == FeatureSpec(dim=dense.shape[1], dtype=stored, sparse=True)
    rows = made.to_pylist()
    assert all(row["indices"] == sorted(row["indices"]) for row in rows)
    if stored != "bfloat16":
        assert (to_scipy(made, dense.shape[1]).toarray() == dense).all()


@settings(max_examples=100, deadline=None)
@given(matrices(), st.integers(1, 4))
def test_list_columns_give_the_same(dense, chunks):
    rows = [np.flatnonzero(row) for row in dense]
    indices = column([r.tolist() for r in rows], pa.list_(pa.int32()), chunks=chunks)
    values = column(
        [d[r].tolist() for d, r in zip(dense, rows, strict=True)],
        pa.large_list(pa.float32()),
        chunks=3,
    )
    given = csr_of_lists(indices, values, dense.shape[1], source(len(dense)), ("i", "v"))
    _, made = features(given)
    assert (to_scipy(made, dense.shape[1]).toarray() == dense).all()


def test_one_value_stands_for_all():
    _, made = features(csr([0, 2, 3], [0, 3, 1], [1]))
    assert made.to_pylist() == [
        {"indices": [0, 3], "values": [1, 1]},
        {"indices": [1], "values": [1]},
    ]
    ones = csr_of_lists(column([[0, 3], [1]]), None, 4, source(2), ("i", None))
    assert features(ones)[1].to_pylist() == made.to_pylist()


def test_integers_stay_integers():
    given = CSRFeatures(
        indptr=np.array([0, 1]),
        indices=np.array([3], np.uint16),
        values=np.array([-7], np.int8),
        dim=4,
    )
    spec, made = features(given)
    assert spec.dtype == "int8"
    assert made.to_pylist() == [{"indices": [3], "values": [-7]}]


def test_the_arrow_type_is_the_contract():
    _, made = features(csr([0, 1], [0], [2]))
    children = [made.type.field(i) for i in range(2)]
    assert [(c.name, c.type) for c in children] == [
        ("indices", pa.list_(pa.int32())),
        ("values", pa.list_(pa.float32())),
    ]


def test_rows_are_cut_into_chunks_that_fit_the_offsets(monkeypatch):
    monkeypatch.setattr(sparse, "MAX_CHUNK", 4)
    matrix = sp.random(20, 4, density=0.6, format="csr", random_state=1, dtype=np.float32)
    given = CSRFeatures(indptr=matrix.indptr, indices=matrix.indices, values=matrix.data, dim=4)
    _, made = features(given)
    assert made.num_chunks > 5
    assert max(len(c.field("indices").flatten()) for c in made.chunks) <= 4
    assert (to_scipy(made, 4).toarray() == matrix.toarray()).all()


@pytest.mark.parametrize("bad", [-1, 4])
def test_an_index_outside_dim_is_refused_with_its_row(bad):
    with pytest.raises(GraphDataError, match=f"index {bad} in row 1 .*but dim is 4"):
        features(csr([0, 1, 2], [0, bad], [1, 1]))


def test_an_index_twice_in_a_row_is_refused():
    with pytest.raises(GraphDataError, match=r"index 2 twice in row 1"):
        features(csr([0, 1, 4], [2, 2, 0, 2], [1, 1, 1, 1]))


def test_the_same_index_in_neighbouring_rows_is_fine():
    features(csr([0, 1, 1, 2], [2, 2], [1, 1]))


def test_nan_is_refused_with_its_row_and_feature():
    with pytest.raises(GraphDataError, match=r"'words' .*is nan in row 1 .*feature 3"):
        features(csr([0, 1, 2], [0, 3], [1, np.nan]))


@pytest.mark.parametrize(
    ("indptr", "indices", "values"),
    [
        ([0, 1], [0, 1], [1, 1]),
        ([1, 2], [0, 1], [1, 1]),
        ([0, 2, 1, 2], [0, 1], [1, 1]),
        ([0, 3], [0, 1, 2], [1, 1]),
        ([], [], []),
        ([0, 1], [0.5], [1]),
    ],
)
def test_arrays_that_are_no_csr_matrix_are_refused(indptr, indices, values):
    with pytest.raises(TableError, match=r"'words' of node type 'paper' is no CSR matrix"):
        features(csr(indptr, indices, values))


def test_lists_of_different_lengths_are_refused():
    with pytest.raises(GraphDataError, match=r"2 indices in column 'i' but 1 values .* in row 1"):
        csr_of_lists(column([[0], [1, 2]]), column([[1.0], [2.0]]), 4, source(2), ("i", "v"))


@pytest.mark.parametrize("bad", [None, [None]])
def test_nulls_in_lists_are_refused(bad):
    indices = column([[0], bad], pa.list_(pa.int32()))
    with pytest.raises(GraphDataError, match=r"column 'i' of node type 'paper' holds a null"):
        csr_of_lists(indices, None, 4, source(2), ("i", None))


@pytest.mark.parametrize("dtype", [pa.int32(), pa.list_(pa.string()), pa.list_(pa.float32())])
def test_indices_are_lists_of_integers(dtype):
    with pytest.raises(TableError, match=r"need a list of integers"):
        csr_of_lists(pa.chunked_array([], dtype), None, 4, source(0), ("i", None))
