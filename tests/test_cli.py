import json
import subprocess
import sys
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from distgnn.cli import main
from distgnn.exceptions import PartitionError
from distgnn.shards import ShardedGraph
from distgnn.train.config_file import config_to_dict, flatten, load_config
from tests.partition.out_of_core.tables import scholar_tables

CONFIG = """
graph = "shards"
run_dir = "run"

[model]
hidden_channels = 16
options = { aggr = "mean" }

[sampler]
fanouts = [5, 5]

[evaluation]
fanouts = [-1, -1]

[optimizer]
lr = 1

[train]
epochs = 1
clip_norm = 2.5
"""


@pytest.fixture
def toml(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def trained(monkeypatch):
    """Give what `distgnn train` would train on, and train nothing."""
    given = {}

    class Result:
        exit_code = 0

        def render(self):
            return ""

    def record(config, *, resume, progress):
        given.update(config=config, resume=resume, progress=progress)
        return Result()

    monkeypatch.setattr("distgnn.train.run.train", record)
    return given


COMMANDS = ["partition", "verify", "inspect", "train", "predict", "submit", "jobs", "stop"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_shows_an_example(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert f"Example: distgnn {command}" in " ".join(capsys.readouterr().out.split())


def test_command_line_overrides_the_file(toml, trained):
    words = ["--optimizer.lr", "0.5", "--model.options", '{"aggr": "max"}', "--graph", "elsewhere"]
    assert main(["train", str(toml), *words]) == 0
    config = trained["config"]
    assert config.optimizer.lr == 0.5
    assert config.model.options == {"aggr": "max"}
    assert str(config.graph) == "elsewhere"  # relative to the working directory
    assert config.run_dir == toml.parent / "run"  # relative to the file
    assert config.train.clip_norm == 2.5
    assert (trained["resume"], trained["progress"]) == (False, True)


def test_resume_and_quiet_are_passed_on(toml, trained):
    assert main(["train", str(toml), "--resume", "--quiet"]) == 0
    assert (trained["resume"], trained["progress"]) == (True, False)


def test_the_number_of_ranks_decides_where_training_runs(toml, trained, monkeypatch):
    seen = {}

    def train_on_ray(config, **options):
        seen.update(config=config, options=options)
        return SimpleNamespace(render=lambda: "", exit_code=7)

    monkeypatch.setattr("distgnn.cluster.train.train_on_ray", train_on_ray)
    words = ["--num-workers", "2", "--num-samplers", "3", "--address", "auto", "--resume"]
    assert main(["train", str(toml), *words]) == 7
    cluster = seen["config"].cluster
    assert (cluster.num_workers, cluster.num_samplers, cluster.address) == (2, 3, "auto")
    assert seen["options"] == {"resume": True, "progress": True}
    assert not trained


def test_a_local_command_imports_nothing_of_ray():
    code = (
        "import sys; from distgnn.cli import main\n"
        "try: main(['train', '--help'])\nexcept SystemExit: pass\n"
        "import distgnn.train.run, distgnn.predict.predict\n"
        "sys.exit(any(name.split('.')[0] == 'ray' for name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["jobs", "--address", "ray://head:10001"], "is no address of a job server"),
        (["jobs", "--address", "http://127.0.0.1:9"], "no job server answers"),
        (["stop", "x", "--address", "http://127.0.0.1:9"], "no job server answers"),
        (["train", "--graph", "g", "--num-workers", "2", "--address", "head"], "no address of a"),
        (
            ["train", "--graph", "g", "--num-workers", "2", "--address", "127.0.0.1:9"],
            "nothing listens at cluster.address = '127.0.0.1:9'",
        ),
    ],
)
def test_wrong_addresses_are_one_clear_error(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["3", "-1"], (3, -1)),
        (['{"a__to__b": [2, 1]}'], {"a__to__b": (2, 1)}),
    ],
)
def test_fanouts_on_the_command_line(words, expected, trained):
    assert main(["train", "--graph", "g", "--sampler.fanouts", *words]) == 0
    assert trained["config"].sampler.fanouts == expected


def test_without_a_graph_the_command_line_asks_for_it(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["train"])
    assert stop.value.code == 2
    assert "--graph" in capsys.readouterr().err


def test_help_of_train_shows_every_field_with_its_text_and_value(toml, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["train", str(toml), "--help"])
    assert stop.value.code == 0
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for field, value in flatten(config_to_dict(load_config(toml))).items():
        section, _, name = field.rpartition(".")
        flag = f"no_{name}" if value is True else name  # what is on can be switched off
        assert f"--{section}{'.' if section else ''}{flag}".replace("_", "-") in text
    assert "Learning rate at the start of the schedule. (default: 1.0)" in text


def test_unknown_word_on_the_command_line_names_the_nearest(toml, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["train", str(toml), "--optimizer.lrr", "1"])
    assert stop.value.code == 2
    assert "--optimizer.lr" in capsys.readouterr().err


def test_errors_are_one_paragraph_with_exit_code_2(tmp_path, capsys):
    assert main(["partition", "amazon_computer", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "did you mean 'amazon_computers'?" in error
    assert "Traceback" not in error
    assert error.count("\n") == 1


def test_text_of_an_error_is_not_markup(tmp_path, capsys, monkeypatch):
    def refuse(*args, **kwargs):
        raise PartitionError("[red]no[/red]")

    monkeypatch.setattr("distgnn.partition.pipeline.partition_graph", refuse)
    assert main(["partition", "cora", str(tmp_path / "out")]) == 2
    assert "[red]no[/red]" in capsys.readouterr().err


def test_the_whole_way_on_cora(tmp_path, toml, capsys):
    shards, run = tmp_path / "shards", tmp_path / "run"
    assert main(["partition", "cora", str(shards), "--parts", "2", "--quiet"]) == 0
    assert main(["verify", str(shards), "--quiet"]) == 0
    assert main(["inspect", str(shards), "--html", str(tmp_path / "shards.html")]) == 0
    assert main(["train", str(toml), "--quiet", "--optimizer.lr", "0.01"]) == 0
    assert main(["predict", str(run), str(tmp_path / "out.parquet"), "--quiet"]) == 0
    assert json.loads((run / "result.json").read_text())["status"] == "completed"
    table = pq.read_table(tmp_path / "out.parquet")
    assert table["id"].to_pylist() == list(range(2708))
    assert main(["predict", str(run), str(tmp_path / "out.parquet"), "--quiet"]) == 2
    assert "exists" in capsys.readouterr().err


class TestOutOfCore:
    def test_partition_and_repartition(self, tmp_path, capsys):
        graph = scholar_tables(tmp_path)
        arguments = [str(graph), str(tmp_path / "out"), "--parts", "2", "--method", "fennel"]
        assert main(["partition", *arguments, "--memory-limit", "400MiB", "--quiet"]) == 0
        assert "duplicates kept" in " ".join(capsys.readouterr().out.split())
        words = ["repartition", str(tmp_path / "out"), str(tmp_path / "again"), "--parts", "3"]
        assert main([*words, "--quiet"]) == 0
        assert ShardedGraph.open(tmp_path / "again").num_parts == 3

    def test_dry_run_writes_nothing(self, tmp_path, capsys):
        graph = scholar_tables(tmp_path)
        assert main(["partition", str(graph), str(tmp_path / "out"), "--dry-run"]) == 0
        assert "290 nodes, 1,900 edges" in " ".join(capsys.readouterr().out.split())
        assert not [p for p in tmp_path.iterdir() if "out" in p.name]

    def test_too_little_memory(self, tmp_path, capsys):
        graph = scholar_tables(tmp_path)
        words = ["partition", str(graph), str(tmp_path / "out"), "--memory-limit", "9MB"]
        assert main([*words, "--quiet"]) == 2
        assert "raise --memory-limit" in capsys.readouterr().err

    def test_datasets_have_no_tables(self, tmp_path, capsys):
        assert main(["partition", "cora", str(tmp_path / "out"), "--memory-limit", "1GiB"]) == 2
        assert "'cora' is the name of a dataset" in capsys.readouterr().err
