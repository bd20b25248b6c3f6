import pytest
import torch
from torch_geometric.data import Data, HeteroData

from distgnn.exceptions import ArgumentError, GraphDataError
from distgnn.schema import LabelSpec
from distgnn.tables import from_pyg

INDEX = torch.tensor([[0, 1, 2, 2], [1, 2, 0, 1]])
TO = ("node", "to", "node")


def homogeneous(**attributes):
    return Data(**{"x": torch.arange(6.0).reshape(3, 2), "edge_index": INDEX} | attributes)


def test_data():
    data = homogeneous(
        y=torch.tensor([0, 1, 1]),
        train_mask=torch.tensor([True, False, False]),
        val_mask=torch.tensor([False, True, False]),
        test_mask=torch.tensor([False, False, True]),
        edge_attr=torch.ones(4, 2),
        edge_weight=torch.arange(4.0),
        pos=torch.zeros(3, 3),
        edge_kind=torch.tensor([0, 1, 2, 3]),
        title="not a column",
        cube=torch.zeros(3, 2, 2),
    )
    graph = from_pyg(data, name="tiny")
    assert graph.name == "tiny"
    assert graph.nodes["node"].to_pydict() == {
        "id": [0, 1, 2],
        "x": [[0, 1], [2, 3], [4, 5]],
        "y": [0, 1, 1],
        "split": [0, 1, 2],
        "pos": [[0, 0, 0]] * 3,
    }
    assert graph.edges[TO].to_pydict() == {
        "src": [0, 1, 2, 2],
        "dst": [1, 2, 0, 1],
        "weight": [0, 1, 2, 3],
        "edge_attr": [[1, 1]] * 4,
        "edge_kind": [0, 1, 2, 3],
    }


@pytest.mark.parametrize(
    ("y", "spec"),
    [
        (torch.tensor([[0], [2], [1]]), LabelSpec(kind="class", dim=3)),
        (torch.tensor([[0.5], [2], [1]]), LabelSpec(kind="value", dim=1)),
        (torch.tensor([[0.0, 1], [1, 1], [0, 0]]), LabelSpec(kind="multilabel", dim=2)),
        (torch.tensor([[0.5, 1], [1, 1], [0, 0]]), LabelSpec(kind="value", dim=2)),
    ],
)
def test_kinds_of_labels(y, spec):
    assert from_pyg(homogeneous(y=y)).schema.nodes[0].label == spec


def test_edge_labels_and_times():
    data = homogeneous(edge_label=torch.tensor([0, 1, 0, 1]), time=torch.tensor([4, 3, 2, 1]))
    table = from_pyg(data).edges[TO]
    assert table.column("y").to_pylist() == [0, 1, 0, 1]
    assert table.column("time").to_pylist() == [4, 3, 2, 1]


def test_node_times():
    table = from_pyg(homogeneous(time=torch.tensor([4, 3, 2]))).nodes["node"]
    assert table.column("time").to_pylist() == [4, 3, 2]


def test_adjacency_as_sparse_tensor():
    torch_sparse = pytest.importorskip("torch_sparse")
    adj = torch_sparse.SparseTensor(
        row=INDEX[0], col=INDEX[1], value=torch.arange(4.0), sparse_sizes=(3, 3)
    )
    table = from_pyg(Data(x=torch.ones(3, 1), adj_t=adj.t())).edges[TO]
    found = {(s, d): w for s, d, w in zip(*table.to_pydict().values(), strict=True)}
    assert found == {(0, 1): 0, (1, 2): 1, (2, 0): 2, (2, 1): 3}


def test_nodes_without_edges():
    assert from_pyg(Data(x=torch.ones(3, 1))).num_edges(TO) == 0


def test_hetero_data():
    data = HeteroData()
    data["paper"].x = torch.ones(2, 3)
    data["paper"].y = torch.tensor([1, 0])
    data["author"].num_nodes = 4
    data["author", "writes", "paper"].edge_index = torch.tensor([[0, 3], [1, 1]])
    data["author", "writes", "paper"].edge_attr = torch.tensor([0.5, 1.5])
    data["paper", "rev_writes", "author"].edge_index = torch.tensor([[1, 1], [0, 3]])
    graph = from_pyg(data)
    assert graph.schema.node_types == ("paper", "author")
    assert graph.nodes["paper"].column("y").to_pylist() == [1, 0]
    assert graph.nodes["author"].to_pydict() == {"id": [0, 1, 2, 3]}
    assert graph.edges["author", "writes", "paper"].to_pydict() == {
        "src": [0, 3],
        "dst": [1, 1],
        "edge_attr": [[0.5], [1.5]],
    }
    assert graph.num_edges(("paper", "rev_writes", "author")) == 2


def test_checks_apply():
    with pytest.raises(GraphDataError, match=r"'x' of node type 'node' is nan in row 1"):
        from_pyg(homogeneous(x=torch.tensor([[1.0], [float("nan")], [0.0]])))


def test_anything_else_is_refused():
    with pytest.raises(ArgumentError, match=r"dict is no torch_geometric.data.Data or HeteroData"):
        from_pyg({"x": torch.ones(3, 1)})
