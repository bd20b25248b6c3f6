import gzip

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from distgnn.exceptions import TableError
from distgnn.tables.readers import Request, find_files, is_csv, read_files

TABLE = pa.table({"id": [3, 1, 2], "half": [0.5, 1.5, 2.5], "extra": ["a", "b", "c"]})
REQUEST = Request(what="node type 'paper'", required={"id": "id", "half": "label"}, others=True)


def write(table, path, kind=None):
    """Write a table as the ending of the path, or `kind`, says."""
    kind = kind or path.name.split(".", 1)[1]
    if kind in ("parquet", "pq"):
        pq.write_table(table, path)
    elif kind in ("arrow", "ipc", "arrows"):
        new = pa.ipc.new_stream if kind == "arrows" else pa.ipc.new_file
        with new(path, table.schema) as sink:
            sink.write_table(table, max_chunksize=2)
    elif kind == "feather":
        feather.write_feather(table, path)
    elif kind == "npz":
        np.savez(path, **{name: table.column(name).to_numpy() for name in table.column_names})
    else:
        delimiter = "\t" if "tsv" in kind else ","
        csv.write_csv(table, path, csv.WriteOptions(delimiter=delimiter))
        if kind.endswith("gz"):
            path.write_bytes(gzip.compress(path.read_bytes()))
    return path


ENDINGS = ("parquet", "pq", "arrow", "arrows", "ipc", "feather", "csv", "tsv", "csv.gz")


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_format_gives_the_same_rows(tmp_path, ending):
    path = write(TABLE, tmp_path / f"t.{ending}")
    made = read_files([path], None, REQUEST)
    assert made.table.to_pydict() == TABLE.to_pydict()
    assert made.files == ((path, 3),)
    assert is_csv(made) == (ending[0] in "ct")


def test_an_archive_gives_the_named_arrays_only(tmp_path):
    path = write(TABLE.select(["id", "half"]), tmp_path / "t.npz")
    assert read_files([path], None, REQUEST).table.to_pydict() == TABLE.drop("extra").to_pydict()


@pytest.mark.parametrize("ending", ENDINGS)
def test_columns_that_nobody_wants_are_not_read(tmp_path, ending):
    path = write(TABLE, tmp_path / f"t.{ending}")
    request = Request(what="it", required={"half": "label"}, others=False)
    assert read_files([path], None, request).table.column_names == ["half"]


def test_the_format_may_be_given(tmp_path):
    path = write(TABLE, tmp_path / "part-0.snappy", "parquet")
    with pytest.raises(TableError, match=r"the ending of .*part-0\.snappy tells no format.*\.npz"):
        read_files([path], None, REQUEST)
    assert read_files([path], "parquet", REQUEST).table.equals(TABLE)


def test_files_stand_in_order_and_numbers_are_widened(tmp_path):
    narrow = TABLE.set_column(0, "id", pa.array([9, 8, 7], pa.int16()))
    paths = [write(narrow, tmp_path / "b.parquet"), write(TABLE, tmp_path / "a.arrow")]
    made = read_files(paths, None, REQUEST)
    assert made.table.column("id").to_pylist() == [9, 8, 7, 3, 1, 2]
    assert made.table.schema.field("id").type == pa.int64()
    assert made.at(4) == f"row 1 of {paths[1]} (rows count from 0)"


@pytest.mark.parametrize("ending", ["parquet", "arrow", "csv"])
def test_a_missing_column_is_named_with_its_role_and_the_nearest(tmp_path, ending):
    path = write(TABLE.rename_columns(["id", "halve", "extra"]), tmp_path / f"t.{ending}")
    with pytest.raises(
        TableError, match=rf"t\.{ending} has no column 'half', .*as its label; .* mean 'halve'"
    ):
        read_files([path], None, REQUEST)


def test_files_that_differ_in_columns_are_refused(tmp_path):
    paths = [write(TABLE, tmp_path / "a.parquet"), write(TABLE.drop("extra"), tmp_path / "b.csv")]
    for order in (paths, paths[::-1]):
        with pytest.raises(
            TableError, match=r"paper' differ: .*a\.parquet has a column 'extra', .*b\.csv has not"
        ):
            read_files(order, None, REQUEST)


def test_files_that_differ_in_types_are_refused(tmp_path):
    text = TABLE.set_column(0, "id", pa.array(["x", "y", "z"]))
    paths = [write(TABLE, tmp_path / "a.parquet"), write(text, tmp_path / "b.csv")]
    with pytest.raises(
        TableError, match=r"'id' .* is int64 in .*a\.parquet but string in .*b\.csv.*`id_type`"
    ):
        read_files(paths, None, REQUEST)


@pytest.mark.parametrize("ending", ["parquet", "arrow", "arrows", "npz", "csv.gz"])
@pytest.mark.parametrize("keep", [0.0, 0.3, 0.6, 0.9])
def test_a_cut_off_file_is_refused(tmp_path, ending, keep):
    numbers = pa.table({"id": np.arange(5000), "half": np.random.default_rng(0).random(5000)})
    path = write(numbers, tmp_path / f"t.{ending}")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole))])
    with pytest.raises(TableError, match=rf"t\.{ending} .*(cut off|damaged)"):
        read_files([path], None, REQUEST)


def test_a_csv_file_cut_off_within_a_row_is_refused(tmp_path):
    path = write(TABLE, tmp_path / "t.csv")
    path.write_text(path.read_text()[:-6])
    with pytest.raises(TableError, match=r"t\.csv cannot be read as CSV: .*Expected 3 columns"):
        read_files([path], None, REQUEST)


def test_a_csv_value_of_another_type_is_named(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,half,extra\n1,2,a\nx7,3,b\n")
    request = Request(what="it", required={"id": "id"}, others=True, types={"id": pa.int64()})
    with pytest.raises(TableError, match=r"t\.csv .*'x7'.*set `id_type` to string"):
        read_files([path], None, request)


def test_csv_ids_may_be_read_as_text(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('id,half\n007,1\n"a,\nb",2\n')
    request = Request(what="it", required={"id": "id"}, others=True, types={"id": pa.string()})
    assert read_files([path], None, request).table.column("id").to_pylist() == ["007", "a,\nb"]


def test_text_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"id,half\n1,2\n\xff\xfe,3\n")
    request = Request(what="it", required={"id": "id"}, others=True, types={"id": pa.string()})
    with pytest.raises(TableError, match=r"t\.csv cannot be read as CSV"):
        read_files([path], None, request)


def test_a_header_that_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("id,half,größe\n1,2,3\n".encode("latin-1"))
    with pytest.raises(TableError, match=r"t\.csv is no UTF-8 text .*convert it first"):
        read_files([path], None, REQUEST)


def test_a_column_that_appears_twice_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,half,half\n1,2,3\n")
    with pytest.raises(TableError, match=r"several columns named \['half'\]"):
        read_files([path], None, REQUEST)


def test_an_arrow_file_with_bad_offsets_is_refused(tmp_path):
    """What would be read outside its buffer must not get past the reader."""
    words = pa.table({"id": [1, 2], "half": ["ab", "cd"]})
    path = write(words, tmp_path / "t.arrow")
    raw = bytearray(path.read_bytes())
    offsets = np.array([0, 2, 4], np.int32).tobytes()
    at = raw.index(offsets)
    raw[at + 4 : at + 8] = np.int32(10**6).tobytes()
    path.write_bytes(bytes(raw))
    with pytest.raises(TableError, match=r"t\.arrow cannot be read as Arrow IPC"):
        read_files([path], None, REQUEST)


def test_arrays_of_different_lengths_are_refused(tmp_path):
    np.savez(tmp_path / "t.npz", id=np.arange(3), half=np.arange(4))
    with pytest.raises(TableError, match=r"different numbers of rows: {'id': 3, 'half': 4}"):
        read_files([tmp_path / "t.npz"], None, REQUEST)


def test_an_archive_of_which_no_array_is_named(tmp_path):
    np.savez(tmp_path / "t.npz", a=np.arange(3))
    request = Request(what="node type 'v'", required={}, others=True)
    with pytest.raises(TableError, match=r"names no array .*give num_nodes.*file: a\)"):
        read_files([tmp_path / "t.npz"], None, request)


def test_files_of_folders_and_patterns(tmp_path):
    folder = tmp_path / "papers"
    (folder / "nested").mkdir(parents=True)
    for name in ("b.parquet", "a.parquet", "_SUCCESS", ".hidden.parquet", "notes.txt", "c.csv"):
        (folder / name).touch()

    def names(*paths, given=None):
        return [file.name for file in find_files(paths, tmp_path, given, "it")]

    assert names("papers") == ["a.parquet", "b.parquet", "c.csv"]
    assert names("papers/*.parquet") == ["a.parquet", "b.parquet"]
    assert names("papers/[ab].parquet", "papers/c.csv") == ["a.parquet", "b.parquet", "c.csv"]
    assert names("papers", given="csv") == ["a.parquet", "b.parquet", "c.csv", "notes.txt"]
    assert names(str(folder / "c.csv")) == ["c.csv"]


@pytest.mark.parametrize(
    ("path", "problem"), [("absent.csv", "there is no .*absent"), ("empty", "empty holds no table")]
)
def test_a_path_that_leads_nowhere_is_refused(tmp_path, path, problem):
    (tmp_path / "empty").mkdir()
    with pytest.raises(TableError, match=rf"path of node type 'v' leads nowhere: .*{problem}"):
        find_files([path], tmp_path, None, "node type 'v'")


def test_a_file_that_goes_missing_is_named(tmp_path):
    with pytest.raises(TableError, match=r"there is no file .*t\.parquet"):
        read_files([tmp_path / "t.parquet"], None, REQUEST)
