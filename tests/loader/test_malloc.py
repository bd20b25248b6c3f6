import ctypes
import subprocess
import sys

from distgnn.loader import malloc, tune_malloc

# Frees 64 MiB and counts the page faults of asking for as much again.
PROBE = """
import ctypes, resource
from distgnn.loader import tune_malloc
tuned = tune_malloc()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
def faults():
    block = ctypes.c_void_p(libc.malloc(64 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    ctypes.memset(block, 1, 64 << 20)
    count = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    libc.free(block)
    return count
print(tuned, faults(), faults())
"""


def test_freed_blocks_are_kept():
    done = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=100, check=True
    )
    tuned, first, second = done.stdout.split()
    assert tuned == "True"
    assert int(second) < int(first) / 10


def test_another_c_library_is_left_alone(monkeypatch):
    class Musl:
        pass

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Musl())
    assert tune_malloc() is False


def test_another_system_is_left_alone(monkeypatch):
    monkeypatch.setattr(malloc.sys, "platform", "darwin")
    assert tune_malloc() is False
