"""Directories that are complete or absent, also where the kernel cannot swap two of them."""

import ctypes
import errno

import pytest
import xxhash

from distgnn.exceptions import StorageError
from distgnn.shards.files import AtomicDirectory, ChecksumFile, storage_errors


@pytest.fixture
def old(tmp_path):
    """A directory that may be replaced."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mark").write_text("old")
    return tmp_path / "out"


def replace(out):
    with AtomicDirectory(out, marker="mark", overwrite=True) as folder:
        (folder.path / "mark").write_text("new")
        folder.commit()


class WithoutSwap:
    """A C library that lacks renameat2."""


class RefusingSwap:
    """A C library whose renameat2 fails; `code` says why."""

    code = errno.EINVAL

    def renameat2(self, *arguments):
        ctypes.set_errno(self.code)
        return -1


@pytest.mark.parametrize("library", [None, WithoutSwap, RefusingSwap])
def test_replacing(library, old, monkeypatch):
    if library:
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: library())
    replace(old)
    assert (old / "mark").read_text() == "new"
    assert [path.name for path in old.parent.iterdir()] == ["out"]


def test_a_swap_that_fails_leaves_the_old_directory(old, monkeypatch):
    monkeypatch.setattr(RefusingSwap, "code", errno.EIO)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: RefusingSwap())
    with pytest.raises(StorageError, match=r"out: Input/output error.*Check the disk"):
        replace(old)
    assert (old / "mark").read_text() == "old"
    assert [path.name for path in old.parent.iterdir()] == ["out"]


def test_names_with_wildcards_clear_up_after_themselves_only(tmp_path):
    (tmp_path / ".a.1.partial").mkdir()
    (tmp_path / ".a.1.partial/mine").touch()
    (tmp_path / ".*.2.partial").mkdir()
    (tmp_path / ".*.2.partial/left").touch()
    replace(tmp_path / "*")
    assert {path.name for path in tmp_path.iterdir()} == {"*", ".a.1.partial"}


def test_checksum_file(tmp_path):
    file = ChecksumFile(tmp_path / "file")
    assert file.write(b"abc") == 3
    assert file.write(memoryview(bytearray(range(256)))) == 256
    file.close()
    file.close()
    data = b"abc" + bytes(range(256))
    assert (tmp_path / "file").read_bytes() == data
    assert file.num_bytes == len(data)
    assert file.checksum == xxhash.xxh3_128_hexdigest(data)


@pytest.mark.parametrize(
    ("code", "step"),
    [
        (errno.ENOSPC, "Free space"),
        (errno.EDQUOT, "Free space"),
        (errno.EROFS, "Choose a folder that you may write to"),
        (errno.EFBIG, "use more parts"),
        (errno.EIO, "Check the disk"),
    ],
)
def test_storage_errors_name_the_next_step(code, step, tmp_path):
    with (
        pytest.raises(StorageError, match=rf"cannot write .*absent/x: .*\(1,000 bytes .* {step}"),
        storage_errors(tmp_path / "absent" / "x", 1000),
    ):
        raise OSError(code, "it failed")
