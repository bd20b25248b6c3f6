import numpy as np
import pyarrow as pa
import pytest
import torch

from distgnn.exceptions import TableError
from distgnn.tables import NodeArrays, from_arrays
from distgnn.tables.arrays import EdgeArrays
from distgnn.tables.source import SourceTable
from tests.tables.graphs import source


def test_a_row_is_found_in_its_file():
    rows = source(6, "node type 'paper'", ("a.csv", 2), ("b.csv", 0), ("c.csv", 4))
    assert rows.at(1) == "row 1 of a.csv (rows count from 0)"
    assert rows.at(2) == "row 0 of c.csv (rows count from 0)"
    assert rows.at(5) == "row 3 of c.csv (rows count from 0)"
    assert source(6).at(5) == "row 5 (rows count from 0)"


def test_a_missing_column_is_named_with_role_and_nearest():
    table = SourceTable(table=pa.table({"venue": [1]}), what="node type 'paper'")
    with pytest.raises(
        TableError,
        match=r"node type 'paper' has no column 'venu'.* its label; did you mean 'venue'",
    ):
        table.column("venu", "label")


def test_dictionaries_and_views_are_decoded():
    words = pa.array(["a", "b", "a"])
    table = pa.table({"d": words.dictionary_encode(), "v": words.cast(pa.string_view())})
    rows = SourceTable(table=table, what="it")
    for name in ("d", "v"):
        assert rows.column(name, "id").type == pa.string()
        assert rows.column(name, "id").to_pylist() == ["a", "b", "a"]


def test_stored_bfloat16_comes_back_as_float32():
    x = torch.tensor([[1.5, -2.0], [0.25, 3.0]], dtype=torch.bfloat16)
    graph = from_arrays(NodeArrays(x=x), EdgeArrays(index=np.empty((2, 0), int)))
    rows = SourceTable(table=graph.nodes["node"], what="it")
    assert rows.column("x", "features").type == pa.list_(pa.float32(), 2)
    assert rows.column("x", "features").to_pylist() == x.float().tolist()
