import pyarrow as pa
import pytest

from distgnn.exceptions import GraphDataError
from distgnn.schema import EdgeSchema, FeatureSpec, LabelSpec, NodeSchema
from distgnn.tables.build import EdgeRoles, NodeRoles, edge_table, node_table, raw_graph
from distgnn.tables.edges import EdgeOptions
from tests.tables.graphs import column, source


def test_a_node_table_has_its_roles_in_order():
    roles = NodeRoles(
        columns={"title": column(["a", None])},
        time=column([3, 4]),
        split=column([0, 2], pa.int8()),
        label=column([1, 0]),
        features=column([[1.0], [2.0]]),
        ids=column(["p", "q"]),
    )
    schema, table = node_table("paper", roles, source(2))
    assert schema == NodeSchema(
        type="paper",
        features=FeatureSpec(dim=1, dtype="float64"),
        label=LabelSpec(kind="class", dim=2),
        has_split=True,
        has_time=True,
        columns=("title",),
    )
    assert table.column_names == ["id", "x", "y", "split", "time", "title"]
    assert table.to_pydict() == {
        "id": ["p", "q"],
        "x": [[1.0], [2.0]],
        "y": [1, 0],
        "split": [0, 2],
        "time": [3, 4],
        "title": ["a", None],
    }


def test_a_table_without_roles_has_row_numbers_as_ids():
    schema, table = node_table("paper", NodeRoles(), source(3))
    assert schema == NodeSchema(type="paper")
    assert table.to_pydict() == {"id": [0, 1, 2]}


def test_a_type_without_nodes_is_refused():
    with pytest.raises(GraphDataError, match=r"node type 'paper' has no nodes"):
        node_table("paper", NodeRoles(), source(0))


def test_columns_of_another_length_are_refused():
    with pytest.raises(GraphDataError, match=r"column 'y' .* has 3 rows, but the table has 2"):
        node_table("paper", NodeRoles(label=column([0, 1, 2])), source(2))


@pytest.mark.parametrize("name", ["id", "x", "y", "split", "time"])
def test_a_further_column_may_not_take_the_name_of_a_role(name):
    with pytest.raises(GraphDataError, match=rf"further column '{name}', a name that distgnn uses"):
        node_table("paper", NodeRoles(columns={name: column([1, 2])}), source(2))


@pytest.mark.parametrize(("code", "split"), [(0, "train"), (1, "val")])
def test_unlabelled_rows_may_not_be_trained_or_chosen_on(code, split):
    roles = NodeRoles(label=column([1, -1]), split=column([0, code], pa.int8()))
    with pytest.raises(GraphDataError, match=rf"1 rows of the {split} split .* row 1 "):
        node_table("paper", roles, source(2))


def test_unlabelled_test_rows_are_fine():
    roles = NodeRoles(label=column([1, -1]), split=column([0, 2], pa.int8()))
    assert node_table("paper", roles, source(2))[1].column("y").to_pylist() == [1, -1]


def test_an_edge_table_and_what_its_options_add():
    roles = EdgeRoles(
        src=column([0, 0, 1]),
        dst=column([1, 1, 1]),
        weight=column([1, 2, 3]),
        features=column([[1], [2], [3]], pa.list_(pa.int8())),
        label=column([0.5, 1.5, 2.5]),
        columns={"note": column(["a", "b", "c"])},
    )
    options = EdgeOptions(duplicates="count")
    schema, table = edge_table(("v", "to", "v"), roles, source(3), options)
    assert schema == EdgeSchema(
        type=("v", "to", "v"),
        features=FeatureSpec(dim=1, dtype="int8"),
        label=LabelSpec(kind="value", dim=1),
        has_weight=True,
        columns=("note", "count"),
    )
    assert table.to_pydict() == {
        "src": [0, 1],
        "dst": [1, 1],
        "weight": [1, 3],
        "edge_attr": [[1], [3]],
        "y": [0.5, 2.5],
        "note": ["a", "c"],
        "count": [2, 1],
    }


def test_an_edge_type_may_be_empty():
    roles = EdgeRoles(src=column([], pa.int64()), dst=column([], pa.int64()))
    made = edge_table(("v", "to", "v"), roles, source(0), EdgeOptions(undirected=True))
    graph = raw_graph("g", [node_table("v", NodeRoles(), source(1))], [made])
    assert graph.num_edges(("v", "to", "v")) == 0
