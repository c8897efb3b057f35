"""How much memory each learner's processes take, looked at every few seconds, and the whole machine."""

import threading
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import psutil

SECONDS = 3.0
KINDS = ("rss", "pss", "uss")


def of_process(pid: int) -> dict[str, float]:
    """Return a process's memory in GB, counted in three ways; nothing if it has ended.

    `rss` counts a page that several processes share in each of them, `pss` its fair part in each, `uss` in none.
    """
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return dict.fromkeys(KINDS, 0.0)
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()[1:]}
    counted = {
        "rss": kilobytes.get("Rss", 0),
        "pss": kilobytes.get("Pss", 0),
        "uss": kilobytes.get("Private_Clean", 0) + kilobytes.get("Private_Dirty", 0),
    }
    return {kind: number * 1024 / 1e9 for kind, number in counted.items()}


def of_tree(process: psutil.Process) -> dict[str, float]:
    """Return the memory of a process and of all that it started, in GB."""
    try:
        processes = [process, *process.children(recursive=True)]
    except psutil.Error:
        return dict.fromkeys(KINDS, 0.0)
    each = [of_process(one.pid) for one in processes]
    return {kind: sum(one[kind] for one in each) for kind in KINDS}


class MemoryWatch:
    """Notes the peaks while it is entered: `peaks[learner][kind]`, `together` and `machine`, in GB."""

    def __init__(self, servers: Callable[[], dict[str, psutil.Process]]) -> None:
        self.peaks: dict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(KINDS, 0.0))
        self.together = 0.0  # the fair parts of all learners at one moment
        self.machine = 0.0  # what the machine used more than before
        self._servers = servers
        self._before = psutil.virtual_memory().available
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "MemoryWatch":
        """Start to look."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop looking."""
        self._done.set()
        self._thread.join()

    def look(self) -> None:
        """Look once."""
        together = 0.0
        for learner, server in self._servers().items():
            now = of_tree(server)
            together += now["pss"]
            self.peaks[learner] = {kind: max(self.peaks[learner][kind], now[kind]) for kind in KINDS}
        self.together = max(self.together, together)
        self.machine = max(self.machine, (self._before - psutil.virtual_memory().available) / 1e9)

    def _watch(self) -> None:
        while not self._done.wait(SECONDS):
            self.look()
