import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.exceptions import ArgumentError, GraphDataError, TableError
from distgnn.schema import FeatureSpec, LabelSpec
from distgnn.tables import CSRFeatures, EdgeArrays, EdgeOptions, NodeArrays, from_arrays

X = np.arange(6, dtype=np.float32).reshape(3, 2)
INDEX = np.array([[0, 1, 2], [1, 2, 0]])
TO = ("node", "to", "node")


def nodes(**arrays):
    graph = from_arrays(NodeArrays(**arrays), EdgeArrays(index=np.empty((2, 0), int)))
    return graph.schema.nodes[0], graph.nodes["node"]


def edges(**arrays):
    graph = from_arrays(NodeArrays(num_nodes=3), EdgeArrays(**{"index": INDEX} | arrays))
    return graph.schema.edges[0], graph.edges[TO]


@pytest.mark.parametrize("x", [X, torch.from_numpy(X), X.tolist(), X.T.copy().T])
def test_dense_features(x):
    schema, table = nodes(x=x)
    assert schema.features.dim == 2
    assert table.column("x").to_pylist() == X.tolist()


def torch_csr(x):
    parts = [0, 1, 3, 5], [1, 0, 1, 0, 1], torch.from_numpy(x[x != 0])
    return torch.sparse_csr_tensor(*parts, x.shape, check_invariants=True)


def own_csr(x):
    indptr, indices = np.array([0, 1, 3, 5]), np.array([1, 0, 1, 0, 1])
    return CSRFeatures(indptr=indptr, indices=indices, values=x[x != 0], dim=2)


def torch_coo(x):
    return torch.from_numpy(x).to_sparse()


@pytest.mark.parametrize(
    "make", [sp.csr_matrix, sp.coo_array, sp.csc_matrix, torch_coo, torch_csr, own_csr]
)
@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
def test_sparse_features_stay_sparse(make):
    schema, table = nodes(x=make(X))
    assert schema.features == FeatureSpec(dim=2, dtype="float32", sparse=True)
    assert table.column("x").to_pylist() == [
        {"indices": [1], "values": [1.0]},
        {"indices": [0, 1], "values": [2.0, 3.0]},
        {"indices": [0, 1], "values": [4.0, 5.0]},
    ]


def test_a_sparse_tensor_of_torch_sparse():
    torch_sparse = pytest.importorskip("torch_sparse")
    _, table = nodes(x=torch_sparse.SparseTensor.from_dense(torch.from_numpy(X)))
    assert table.column("x").to_pylist()[0] == {"indices": [1], "values": [1.0]}


def test_bfloat16_tensors_keep_their_bits():
    x = torch.randn(4, 3).bfloat16()
    schema, table = nodes(x=x)
    assert schema.features == FeatureSpec(dim=3, dtype="bfloat16")
    bits = table.column("x").combine_chunks().flatten().to_numpy()
    assert (bits == x.flatten().view(torch.int16).numpy().view(np.uint16)).all()
    assert table.schema.field("x").metadata == {b"distgnn.dtype": b"bfloat16"}


def test_tensors_that_need_gradients_are_taken_as_values():
    assert nodes(x=torch.ones(2, 1, requires_grad=True))[1].column("x").to_pylist() == [[1], [1]]


MASKS = {"train": [True, False, False], "test": torch.tensor([False, False, True])}


@pytest.mark.parametrize("split", [[0, -1, 2], MASKS], ids=["codes", "masks"])
def test_splits(split):
    assert nodes(x=X, split=split)[1].column("split").to_pylist() == [0, -1, 2]


def test_overlapping_masks_are_refused():
    with pytest.raises(GraphDataError, match=r"splits of node type 'node' overlap"):
        nodes(x=X, split={"train": [True] * 3, "val": [True, False, False]})


def test_a_mask_for_an_unknown_split_is_refused():
    with pytest.raises(ArgumentError, match=r"mask for 'vall', .* did you mean 'val'"):
        nodes(x=X, split={"vall": [True] * 3})


def test_a_split_of_another_length_is_refused():
    with pytest.raises(GraphDataError, match=r"split \(split\) of .* has 2 rows for 3"):
        nodes(x=X, split=[0, 1])


def test_labels_ids_times_and_columns():
    schema, table = nodes(
        y=torch.tensor([1, 0]),
        ids=np.array(["a", "b"]),
        time=np.array(["1970-01-02", "1970-01-03"], "datetime64[s]"),
        num_classes=4,
        columns={"half": np.array([1, 2], np.float16), "pair": [[1, 2], [3, 4]]},
    )
    assert schema.label == LabelSpec(kind="class", dim=4)
    assert schema.columns == ("half", "pair")
    day = 86_400 * 10**6
    assert table.to_pydict() == {
        "id": ["a", "b"],
        "y": [1, 0],
        "time": [day, 2 * day],
        "half": [1.0, 2.0],
        "pair": [[1, 2], [3, 4]],
    }
    assert table.column("half").type == pa.float16()


def test_arrow_arrays_are_taken_as_they_are():
    column = pa.chunked_array([[dt.date(2020, 1, 1)], [None]])
    _, table = nodes(num_nodes=2, columns={"when": column, "word": pa.array(["a", "b"])})
    assert table.column("when").equals(column)


def test_edges():
    schema, table = edges(
        weight=[1, 2, 3],
        time=[5, 6, 7],
        attr=torch.ones(3, 2),
        y=[0, 1, 0],
        columns={"k": INDEX[0]},
    )
    assert schema.features == FeatureSpec(dim=2, dtype="float32")
    assert schema.label == LabelSpec(kind="class", dim=2)
    assert table.to_pydict() == {
        "src": [0, 1, 2],
        "dst": [1, 2, 0],
        "weight": [1, 2, 3],
        "time": [5, 6, 7],
        "edge_attr": [[1, 1]] * 3,
        "y": [0, 1, 0],
        "k": [0, 1, 2],
    }


def test_edges_name_rows_even_where_nodes_have_ids():
    graph = from_arrays(NodeArrays(ids=[7, 8, 9]), EdgeArrays(index=torch.tensor([[0], [2]])))
    assert graph.edges[TO].to_pydict() == {"src": [0], "dst": [2]}


def test_several_types():
    writes = ("author", "writes", "paper")
    graph = from_arrays(
        {"author": NodeArrays(num_nodes=2), "paper": NodeArrays(x=X)},
        {writes: EdgeArrays(index=[[0, 1], [2, 2]])},
        name="tiny",
    )
    assert (graph.name, graph.schema.node_types) == ("tiny", ("author", "paper"))
    assert graph.edges[writes].to_pydict() == {"src": [0, 1], "dst": [2, 2]}


def test_an_edge_type_between_unknown_types_is_refused():
    with pytest.raises(ArgumentError, match=r"'author__writes__paper' ends at .*'paper'.*known"):
        from_arrays(
            {"author": NodeArrays(num_nodes=2)},
            {("author", "writes", "paper"): EdgeArrays(index=INDEX)},
        )


@pytest.mark.parametrize("bad", [-1, 3])
@pytest.mark.parametrize("end", [0, 1])
def test_an_edge_to_an_unknown_row_is_refused(bad, end):
    index = INDEX.copy()
    index[end, 1] = bad
    with pytest.raises(GraphDataError, match=rf"unknown node: .* row {bad} of .* in row 1"):
        edges(index=index)


@pytest.mark.parametrize("index", [INDEX.T[:, :1], INDEX[0], INDEX.astype(float)])
def test_an_edge_index_of_another_shape_is_refused(index):
    with pytest.raises(ArgumentError, match=r"the edge index of .* give integers \[2, E\]"):
        edges(index=index)


def test_bad_arrays_are_refused():
    with pytest.raises(ArgumentError, match=r"'x' of node type 'node' is float32 \[3, 2, 1\]"):
        nodes(x=X[:, :, None])
    with pytest.raises(ArgumentError, match=r"array of Python objects"):
        nodes(y=[1, "a", None])
    with pytest.raises(ArgumentError, match=r"node type 'node' has neither arrays nor num_nodes"):
        nodes()
    with pytest.raises(GraphDataError, match=r"column 'y' .* has 2 rows, but the table has 3"):
        nodes(x=X, y=[0, 1])
    with pytest.raises(TableError, match=r"labels are integers"):
        nodes(y=["a", "b"])
    with pytest.raises(GraphDataError, match=r"has no nodes"):
        nodes(x=X[:0])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=12),
    st.booleans(),
    st.booleans(),
)
def test_undirected_edges_are_those_of_torch_geometric(pairs, loops, duplicates):
    from torch_geometric.utils import coalesce, remove_self_loops, to_undirected

    index = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).t()
    options = EdgeOptions(
        undirected=True, duplicates="drop", self_loops="keep" if loops else "drop"
    )
    graph = from_arrays(NodeArrays(num_nodes=5), EdgeArrays(index=index, options=options))
    made = torch.tensor([graph.edges[TO].column(end).to_pylist() for end in ("src", "dst")])
    expected = index if loops else remove_self_loops(index)[0]
    expected = to_undirected(expected, num_nodes=5)
    assert torch.equal(coalesce(made.reshape(2, -1).long(), num_nodes=5), expected)
    assert made.numel() == expected.numel()
