import numpy as np
import pyarrow as pa

from distgnn.partition.node_tables import part_nodes, take_rising


def test_rows_are_taken_and_numbered():
    table = pa.table({"id": ["a", "b", "c"], "y": [1, 2, 3]})
    part = part_nodes(table, np.array([0, 2]))
    assert part.to_pydict() == {"id": ["a", "c"], "y": [1, 3], "index": [0, 2]}


def test_chunks_are_not_joined():
    column = pa.chunked_array([[1, 2], [], [3], [4, 5]])
    taken = take_rising(pa.table({"v": column}), np.array([1, 2, 4]))
    assert [chunk.to_pylist() for chunk in taken.column("v").chunks] == [[2], [], [3], [5]]
    assert take_rising(pa.table({"v": column}), np.zeros(0, np.int64)).num_rows == 0


def test_field_metadata_stays():
    field = pa.field("x", pa.uint16(), metadata={b"distgnn.dtype": b"bfloat16"})
    table = pa.Table.from_arrays([pa.array([1, 2], pa.uint16())], schema=pa.schema([field]))
    assert take_rising(table, np.array([1])).schema.field("x").metadata == field.metadata
