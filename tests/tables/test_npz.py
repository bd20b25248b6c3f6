import numpy as np
import pytest

from distgnn.exceptions import TableError
from distgnn.schema import LabelSpec
from distgnn.tables import read_npz
from distgnn.tables.npz import Archive, npz_column

TO = ("node", "to", "node")


def save(folder, **arrays):
    path = folder / "graph.npz"
    np.savez_compressed(path, **arrays)
    return path


def test_a_graph_with_the_usual_names(tmp_path):
    path = save(
        tmp_path,
        edge_index=np.array([[0, 1], [1, 2]], np.int32),
        x=np.eye(3, dtype=np.float16),
        y=np.array([0, 1, -1], np.int16),
        train_mask=np.array([True, False, False]),
        test_mask=np.array([False, True, False]),
        unrelated=np.arange(7),
    )
    graph = read_npz(path)
    assert graph.name == "graph"
    assert graph.schema.nodes[0].label == LabelSpec(kind="class", dim=2)
    assert graph.schema.nodes[0].features.dtype == "float16"
    assert graph.nodes["node"].column("split").to_pylist() == [0, 2, -1]
    assert graph.edges[TO].to_pydict() == {"src": [0, 1], "dst": [1, 2]}


def test_half_an_undirected_graph_with_sparse_features_and_a_split_array(tmp_path):
    path = save(
        tmp_path,
        edge_index_half=np.array([[0, 1], [1, 1]], np.uint16),
        x_indptr=np.array([0, 1, 3]),
        x_indices=np.array([4, 2, 0]),
        x_data=np.array([2.0]),
        x_shape=np.array([2, 5]),
        split=np.array([1, -1]),
    )
    graph = read_npz(path, name="tiny")
    assert graph.name == "tiny"
    assert graph.edges[TO].to_pydict() == {"src": [0, 1, 1], "dst": [1, 1, 0]}
    assert graph.schema.nodes[0].features.dim == 5
    assert graph.nodes["node"].column("x").to_pylist() == [
        {"indices": [4], "values": [2.0]},
        {"indices": [0, 2], "values": [2.0, 2.0]},
    ]
    assert graph.nodes["node"].column("split").to_pylist() == [1, -1]


def test_nodes_that_are_only_counted(tmp_path):
    path = save(tmp_path, edge_index=np.array([[0], [1]]), num_nodes=np.int64(5))
    assert read_npz(path).num_nodes("node") == 5


def test_a_missing_array_is_named_with_the_nearest(tmp_path):
    path = save(tmp_path, edge_indx=np.array([[0], [1]]), num_nodes=2)
    with pytest.raises(TableError, match=r"no array 'edge_index'; did you mean 'edge_indx'"):
        read_npz(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(TableError, match=r"cannot read .*absent\.npz: No such file"):
        read_npz(tmp_path / "absent.npz")


@pytest.mark.parametrize("keep", [0, 10, 0.5, -10])
def test_a_cut_off_file_is_refused(tmp_path, keep):
    path = save(tmp_path, edge_index=np.arange(2000).reshape(2, -1) % 7, num_nodes=7)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
    with pytest.raises(TableError, match=r"graph\.npz is no whole \.npz file.*cut off"):
        read_npz(path)


def test_a_flipped_byte_is_found(tmp_path):
    path = save(tmp_path, edge_index=np.arange(4000).reshape(2, -1) % 7, num_nodes=7)
    broken = bytearray(path.read_bytes())
    broken[200] ^= 0xFF
    path.write_bytes(bytes(broken))
    with pytest.raises(TableError, match=r"graph\.npz"):
        read_npz(path)


def test_nothing_is_unpickled(tmp_path):
    path = save(tmp_path, edge_index=np.array([[0], ["code"]], dtype=object), num_nodes=2)
    with pytest.raises(TableError, match=r"'edge_index' .* would run code when read"):
        read_npz(path)


def test_a_single_array_is_refused(tmp_path):
    np.save(tmp_path / "one.npy", np.arange(3))
    with pytest.raises(TableError, match=r"holds one array"):
        Archive(tmp_path / "one.npy")


def test_columns(tmp_path):
    path = save(tmp_path, a=np.arange(3), b=np.arange(6).reshape(3, 2), c=np.zeros((2, 2, 2)))
    with Archive(path) as archive:
        assert archive.names == ["a", "b", "c"]
        assert archive.get("d") is None
        assert npz_column(archive, "a").to_pylist() == [0, 1, 2]
        assert npz_column(archive, "b").to_pylist() == [[0, 1], [2, 3], [4, 5]]
        assert npz_column(archive, "b[2]").to_pylist() == [4, 5]
        with pytest.raises(TableError, match=r"has no 'b\[3\]': 'b' has shape \[3, 2\]"):
            npz_column(archive, "b[3]")
        with pytest.raises(TableError, match=r"array 'c' .* is float64 \[2, 2, 2\]; a column is"):
            npz_column(archive, "c")
