import json
import math
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.exceptions import CheckpointError, StorageError
from distgnn.train.checkpoint import (
    Best,
    Checkpoint,
    Position,
    RunIdentity,
    read_checkpoint,
    read_state,
    write_checkpoint,
)
from distgnn.train.store import CheckpointStore, find_checkpoint
from distgnn.train.tree import join_tree, split_tree

IDENTITY = RunIdentity(
    graph_name="tiny",
    graph_fingerprint="abc",
    model_class="m.M",
    model_arguments={"in_channels": 3},
    config={"seed": 1},
    versions={"torch": "2"},
)


def make(step=1, *, best_step=None, size=4):
    weight = torch.arange(size, dtype=torch.float32) / 3
    best = None if best_step is None else Best(metric="acc", value=0.5, epoch=0, step=best_step)
    return Checkpoint(
        position=Position(epoch=1, batch=2, step=step),
        identity=IDENTITY,
        model={"w": weight, "tied": weight, "empty": torch.zeros(0, 3), "n": torch.tensor(3)},
        parts={
            "optimizer": {
                "state": {0: {"step": torch.tensor(2.0), "exp_avg": torch.ones(2)}},
                "param_groups": [{"lr": 0.1, "betas": (0.9, 0.999), "amsgrad": None}],
            },
            "rng": torch.get_rng_state(),
        },
        metrics={"val/accuracy": 1 / 3},
        best=best,
    )


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def assert_same(left, right):
    if isinstance(left, torch.Tensor):
        assert left.dtype == right.dtype
        assert torch.equal(left, right)
    elif isinstance(left, dict):
        assert list(left) == list(right)
        for key in left:
            assert_same(left[key], right[key])
    elif isinstance(left, (list, tuple)):
        assert type(left) is type(right)
        assert len(left) == len(right)
        for one, other in zip(left, right, strict=True):
            assert_same(one, other)
    else:
        assert type(left) is type(right)
        assert left == right


def test_round_trip(tmp_path):
    checkpoint = make()
    write_checkpoint(tmp_path / "c", checkpoint)
    again = read_checkpoint(tmp_path / "c")
    assert_same(checkpoint.parts, again.parts)
    assert set(again.model) == set(checkpoint.model)
    for name, value in checkpoint.model.items():
        assert_same(value, again.model[name])
    assert again.position == checkpoint.position
    assert again.identity == IDENTITY
    assert again.metrics == checkpoint.metrics
    assert names(tmp_path) == ["c"]


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.floats(allow_nan=False), st.text()
)
TREES = st.recursive(
    SCALARS | st.lists(st.floats(-1, 1), max_size=3).map(torch.tensor),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(0, 9), inner, max_size=3)
        | st.just({"$tensor": 1})
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(TREES)
def test_any_state_dictionary_survives_json(tree):
    tensors = {}
    text = json.dumps(split_tree(tree, tensors, "part"))
    assert_same(tree, join_tree(json.loads(text), tensors))


def test_what_cannot_be_stored_is_named(tmp_path):
    with pytest.raises(TypeError, match=r"part\.a\.1 holds a object"):
        split_tree({"a": [1, object()]}, {}, "part")


def test_infinite_values_survive(tmp_path):
    tree = {"best": math.inf}
    assert join_tree(json.loads(json.dumps(split_tree(tree, {}, "p"))), {}) == tree


@pytest.mark.parametrize("name", ["model.safetensors", "training.safetensors", "state.json"])
@pytest.mark.parametrize("damage", ["truncate", "flip", "remove"])
def test_damage_is_found(tmp_path, name, damage):
    path = tmp_path / "c"
    write_checkpoint(path, make())
    file = path / name
    data = bytearray(file.read_bytes())
    if damage == "truncate":
        file.write_bytes(data[: len(data) // 2])
    elif damage == "flip":
        position = data.index(b"0.333") + 3 if name == "state.json" else len(data) - 3
        data[position] ^= 1
        file.write_bytes(data)
    else:
        file.unlink()
    with pytest.raises(CheckpointError, match=r"damaged|is no checkpoint") as error:
        read_checkpoint(path)
    assert name in str(error.value)


def test_newer_format_is_refused(tmp_path):
    path = tmp_path / "c"
    write_checkpoint(path, make())
    data = json.loads((path / "state.json").read_text())
    (path / "state.json").write_text(json.dumps(data | {"format_version": 99}))
    with pytest.raises(CheckpointError, match="format version 99, this distgnn reads up to 1"):
        read_checkpoint(path)


def test_other_json_is_refused(tmp_path):
    for text in ["[]", "3", "{}"]:
        (tmp_path / "state.json").write_text(text)
        with pytest.raises(CheckpointError, match="damaged"):
            read_state(tmp_path)


def test_store_keeps_the_newest_and_the_best(tmp_path):
    store = CheckpointStore(tmp_path, keep_last=2)
    for step, best in [(1, 1), (2, 2), (3, 2), (4, 2), (5, 2)]:
        store.save(make(step, best_step=best))
    assert [path.name[-1] for path in store.paths()] == ["2", "4", "5"]
    assert store.best().name == "step-00000002"
    path, newest = store.newest()
    assert newest.position.step == 5
    assert path == store.paths()[-1]


def test_saving_a_step_again_replaces_it(tmp_path):
    store = CheckpointStore(tmp_path)
    store.save(make(3))
    store.save(make(3, size=9))
    assert store.newest()[1].model["w"].numel() == 9
    assert len(names(tmp_path)) == 1


def test_damaged_newest_is_passed_over_with_a_warning(tmp_path, caplog):
    store = CheckpointStore(tmp_path)
    store.save(make(1))
    newest = store.save(make(2))
    (newest / "model.safetensors").write_bytes(b"")
    path, checkpoint = store.newest()
    assert checkpoint.position.step == 1
    assert path.name == "step-00000001"
    assert "step-00000002 is damaged" in caplog.text
    (path / "model.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match="step-00000002 is damaged"):
        store.newest()


def test_a_newer_format_is_not_passed_over(tmp_path):
    store = CheckpointStore(tmp_path)
    store.save(make(1))
    state = store.save(make(2)) / "state.json"
    state.write_text(json.dumps(json.loads(state.read_text()) | {"format_version": 2}))
    with pytest.raises(CheckpointError, match="format version 2"):
        store.newest()


def test_leftovers_of_a_killed_process_are_ignored_and_cleaned(tmp_path):
    store = CheckpointStore(tmp_path)
    store.save(make(1))
    (tmp_path / ".step-00000002.tmp-1").mkdir()
    assert len(store.paths()) == 1
    store.save(make(7))
    store.clean(1)
    assert names(tmp_path) == ["step-00000001"]


def test_find_checkpoint(tmp_path):
    store = CheckpointStore(tmp_path / "checkpoints")
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        find_checkpoint(tmp_path)
    path = store.save(make(1, best_step=1))
    store.save(make(2, best_step=1))
    assert find_checkpoint(tmp_path) == path
    assert find_checkpoint(path) == path


WRITE_UNDER_LIMIT = """
import sys, resource
from pathlib import Path
from distgnn.exceptions import StorageError
from distgnn.train.store import CheckpointStore
from tests.train.test_checkpoint import make
store = CheckpointStore(Path(sys.argv[1]))
store.save(make(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    store.save(make(2, size=100_000))
except StorageError as error:
    print(error)
    sys.exit(7)
"""


@pytest.mark.multiprocess
@pytest.mark.parametrize("limit", [200, 30_000])
def test_full_disk_leaves_the_last_checkpoint_intact(tmp_path, limit):
    done = subprocess.run(
        [sys.executable, "-c", WRITE_UNDER_LIMIT, str(tmp_path), str(limit)],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 7, done.stderr
    assert "could not be written" in done.stdout
    assert "--resume" in done.stdout
    assert names(tmp_path) == ["step-00000001"]
    assert read_checkpoint(tmp_path / "step-00000001").position.step == 1


def test_unwritable_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="could not be written"):
        write_checkpoint(tmp_path / "file" / "c", make())
