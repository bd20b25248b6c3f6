import pytest

from distgnn.exceptions import ConfigError
from distgnn.tables.config import MaskColumns, SparseColumns, read_config

GOOD = """
name = "papers"
[nodes.paper]
path = "papers"
id = "pid"
features = ["a", "b"]
split = { train = "tr" }
[nodes.author]
path = ["x.csv", "y.csv"]
features = { indices = "i", values = "v", dim = 7 }
[nodes.topic]
num_nodes = 5
[edges.author__writes__paper]
path = "writes.parquet"
src = "author"
dst = "paper"
duplicates = "count"
reverse = "written_by"
"""


def config(folder, text):
    (folder / "g.toml").write_text(text)
    return read_config(folder / "g.toml")


def test_a_whole_file(tmp_path):
    made = config(tmp_path, GOOD)
    assert made.name == "papers"
    assert list(made.nodes) == ["paper", "author", "topic"]
    assert made.nodes["paper"].features == ["a", "b"]
    assert made.nodes["paper"].split == MaskColumns(train="tr")
    assert made.nodes["author"].path == ["x.csv", "y.csv"]
    assert made.nodes["author"].features == SparseColumns(indices="i", values="v", dim=7)
    (edge_type,) = made.edge_types()
    assert edge_type == ("author", "writes", "paper")
    assert made.edges["author__writes__paper"].duplicates == "count"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "papers"', 'nam = "papers"', r"unknown key 'nam'; did you mean 'name'"),
        ('id = "pid"', 'ids = "pid"', r"unknown key 'nodes\.paper\.ids'; did you mean 'id'"),
        (
            'duplicates = "count"',
            'dupes = "count"',
            r"unknown key 'edges\.author__writes__paper\.dupes'; (did you mean|known)",
        ),
        (
            'indices = "i"',
            'indices = "i", valeus = "v"',
            r"unknown key 'nodes\.author\.features\.valeus'; did you mean 'values'",
        ),
        ('train = "tr"', 'tran = "tr"', r"'nodes\.paper\.split\.tran'; did you mean 'train'"),
        ('src = "author"', "", r"the key 'edges\.author__writes__paper\.src' is missing"),
        ("dim = 7", 'dim = "7"', r"nodes\.author\.features\.dim = '7': .*valid integer"),
        (", dim = 7", "", r"\[nodes\.author\.features\]: .*either dim"),
        ("num_nodes = 5", "", r"\[nodes\.topic\]: a node table needs either path or num_nodes"),
        (
            "num_nodes = 5",
            'num_nodes = 5\npath = "a"',
            r"\[nodes\.topic\]: a node table needs either path or num_nodes",
        ),
        ("num_nodes = 5", 'num_nodes = "5"', r"nodes\.topic\.num_nodes = '5': .*valid integer"),
        ('["a", "b"]', "3", r"nodes\.paper\.features = 3: it must be a column name, a list of"),
        ('{ train = "tr" }', "true", r"nodes\.paper\.split = True: .*a column name, or { train"),
        ('"count"', '"merge"', r"duplicates = 'merge': it must be 'keep', 'drop', 'count' or"),
        (
            "author__writes__paper]",
            "author_writes_paper]",
            r"'author_writes_paper' is no edge type",
        ),
        ("author__writes__paper]", "autor__writes__paper]", r"type 'autor', .* mean 'author'"),
        ('name = "papers"', "name = papers", r"g\.toml is not a TOML file: .*line 2"),
    ],
)
def test_mistakes_are_named(tmp_path, old, new, message):
    assert old in GOOD
    with pytest.raises(ConfigError, match=message):
        config(tmp_path, GOOD.replace(old, new))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read the graph file .*absent\.toml"):
        read_config(tmp_path / "absent.toml")


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "g.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"is not a TOML file"):
        read_config(tmp_path / "g.toml")


def test_no_nodes(tmp_path):
    with pytest.raises(ConfigError, match=r"'nodes' is missing"):
        config(tmp_path, "[edges]\n")
    with pytest.raises(ConfigError, match=r"names no node table; add \[nodes\.NAME\]"):
        config(tmp_path, "[nodes]\n[edges]\n")


def test_a_reverse_that_is_there_is_refused(tmp_path):
    more = '[edges.paper__written_by__author]\npath = "w"\nsrc = "a"\ndst = "b"\n'
    with pytest.raises(ConfigError, match=r"edge type 'paper__written_by__author' twice"):
        config(tmp_path, GOOD + more)
