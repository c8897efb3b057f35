"""Freed memory goes back to the system."""

import subprocess
import sys

from mtl_helpers import allocator

import pytest

# Frees one large block, after which glibc by itself would keep the next ones: 100 blocks of half a megabyte.
KEEPS = """
import ctypes, psutil
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
memory = psutil.Process().memory_info
{first}
def fill(size):
    block = libc.malloc(size)
    ctypes.memset(block, 1, size)
    return block
libc.free(fill(30_000_000))
before = memory().rss
blocks = [fill(500_000) for _ in range(100)]
for block in blocks:
    libc.free(block)
print((memory().rss - before) / 1e6)
"""


def kept(first: str) -> float:
    """Return the MB that a process keeps after 50 MB were freed."""
    done = subprocess.run([sys.executable, "-c", KEEPS.format(first=first)], capture_output=True, check=True)
    return float(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator is one of Linux")
def test_freed_memory_goes_back() -> None:
    assert kept("") > 30
    assert kept("import mtl_helpers") < 10


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert not allocator.return_freed_memory()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())  # a C library without mallopt
    assert not allocator.return_freed_memory()
