"""The memory of a process, as several processes on one machine count it."""

import contextlib
import ctypes
import gc
import sys

import psutil


def give_back() -> None:
    """Give what this process has freed back to the system, so that others can have it; only glibc can do so."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def memory(process: int) -> float:
    """What a process takes, in GB: on Linux its share of the pages that several processes use, elsewhere all of them.

    0 for a process that has ended. (PSS, the proportional set size; elsewhere RSS, the resident set size.)
    """
    try:
        with open(f"/proc/{process}/smaps_rollup") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")) / 1e9
    except (OSError, StopIteration):
        with contextlib.suppress(psutil.Error):
            return psutil.Process(process).memory_info().rss / 1e9
    return 0.0
