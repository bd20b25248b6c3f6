"""Full disks, missing permissions and killed processes: real ones."""

import os
import signal
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import pytest

from distgnn.exceptions import ShardError, StorageError
from distgnn.shards import ShardedGraph, ShardWriter
from distgnn.shards.verify import verify
from distgnn.testing import sharding
from distgnn.testing.graphs import papers, scholars

DEADLINE_S = 60
NOBODY = 65534


def run(code, *arguments):
    """Run Python code in a process of its own; return what it printed and its exit status."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    return done.stdout + done.stderr, done.returncode


LIMITED = """
import resource, sys
from pathlib import Path
from distgnn.exceptions import StorageError
from distgnn.testing import sharding
from distgnn.testing.graphs import papers
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    papers().write(Path(sys.argv[1]))
except StorageError as error:
    print(error)
"""


@pytest.mark.multiprocess
def test_a_limit_on_file_sizes(tmp_path):
    printed, status = run(LIMITED, tmp_path / "graph")
    assert status == 0, printed
    assert "part-00000/nodes/paper.arrow: File too large" in printed
    assert "bytes needed" in printed
    assert "Raise the limit on file sizes (`ulimit -f`)" in printed
    assert not list(tmp_path.iterdir())


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 16 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(disk)]
    done = subprocess.run(mount, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    if done.returncode:
        pytest.skip(f"this test mounts a tmpfs, which is not permitted here: {done.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], timeout=DEADLINE_S, check=True)


def test_a_full_disk(small_disk):
    with pytest.raises(StorageError) as caught:
        papers().write(small_disk / "graph")
    message = str(caught.value)
    assert "No space left on device" in message
    assert "bytes needed" in message
    assert "Free space on that disk, or choose an output on a larger one." in message
    assert not list(small_disk.iterdir())


@pytest.fixture
def forbidden():
    """A folder that may not be written, with graphs that may not be read, not even by root."""
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        papers().write(folder / "graph")
        papers().write(folder / "graph2")
        (folder / "graph/graph.json").chmod(0)
        (folder / "graph2/part-00001/nodes/paper.arrow").chmod(0)
        folder.chmod(0o555)
        if root:
            os.seteuid(NOBODY)
        yield folder
        if root:
            os.seteuid(0)
        folder.chmod(0o700)


def test_no_permission_to_write(forbidden):
    with pytest.raises(StorageError, match=r"Permission denied.*folder that you may write to"):
        scholars().write(forbidden / "other")


def test_no_permission_to_read(forbidden):
    with pytest.raises(ShardError, match=r"cannot read .*graph\.json: Permission denied.*Check"):
        ShardedGraph.open(forbidden / "graph")
    with pytest.raises(ShardError, match=r"cannot read .*paper\.arrow: Permission denied.*Check"):
        ShardedGraph.open(forbidden / "graph2")


KILLED = """
import os, signal, sys
from pathlib import Path
from distgnn.shards import files
from distgnn.testing import graphs, sharding
from distgnn.shards import ShardWriter

out, deadly = Path(sys.argv[1]), int(sys.argv[2])
steps = 0

def counted(function):
    def step(*args, **options):
        global steps
        steps += 1
        if steps == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **options)
    return step

files.ChecksumFile.write = counted(files.ChecksumFile.write)
files.sync = counted(files.sync)
files._exchange = counted(files._exchange)
files.shutil.rmtree = counted(files.shutil.rmtree)
Path.rename = counted(Path.rename)
sharding.ShardWriter = lambda *args: ShardWriter(*args, overwrite=True)
graphs.scholars().write(out)
print(steps)
"""


@pytest.fixture(scope="module")
def num_steps(tmp_path_factory):
    """Number of points at which the writer of `KILLED` can be killed."""
    printed, status = run(KILLED, tmp_path_factory.mktemp("steps") / "graph", 0)
    assert status == 0, printed
    return int(printed)


@pytest.mark.multiprocess
@pytest.mark.parametrize(
    ("replacing", "from_end"),
    [
        (False, None),
        (False, 60),
        (False, 2),
        (False, 1),
        (True, 60),
        (True, 2),
        (True, 1),
        (True, 0),
    ],
)
def test_a_killed_writer_leaves_a_complete_graph_or_none(
    replacing, from_end, num_steps, tmp_path, monkeypatch
):
    """The last steps are the swap (2 from the end), its sync, and the removal of what was there."""
    out = tmp_path / "graph"
    if replacing:
        papers().write(out)
    printed, status = run(KILLED, out, 1 if from_end is None else num_steps - from_end)
    assert status == -signal.SIGKILL, printed
    if replacing or from_end == 1:
        verify(out, progress=False)
        swapped = from_end in {0, 1}
        assert ShardedGraph.open(out).manifest.name == ("scholars" if swapped else "papers")
    else:
        assert not out.exists()
    left = {path.name for path in tmp_path.iterdir()} - {"graph"}
    assert all(name.startswith(".graph.") and name.endswith(".partial") for name in left)
    monkeypatch.setattr(sharding, "ShardWriter", partial(ShardWriter, overwrite=True))
    papers().write(out)
    assert [path.name for path in tmp_path.iterdir()] == ["graph"], "the next writer clears up"
