"""Measure each lesson's run time and peak memory in a fresh kernel, and put the table into README.md.

    python -m tools.budget [LESSON ...]

Prints the table; writes it only if all lessons were measured. A measurement, not a test.
"""

import re
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

from tools import lessons

import psutil

# The limits: one lesson from start to end, their average over the course, any one cell, peak memory of the kernel, and
# of all processes of a lesson: Binder's 2 GB, less what JupyterLab takes.
LESSON_SECONDS, AVERAGE_SECONDS, CELL_SECONDS, MEMORY_GB, ALL_GB = 120, 45, 60, 1.2, 1.9
MARKERS = "<!-- budget: `make budget` writes this table -->", "<!-- end of budget -->"


class Measurement(NamedTuple):
    """What one lesson took: seconds in all (kernel start included), of its slowest cell, and memory in GB.

    `memory` is the kernel's; `together` is that of the kernel and of all processes that it started, with the libraries
    that they share counted once. `private` is the part that no second lesson could share: all but the mapped files,
    which are TensorFlow's libraries above all.
    """

    name: str
    seconds: float
    slowest_cell: float
    memory: float
    private: float
    together: float = 0

    def excess(self) -> str:
        """Say which limits it exceeds."""
        limits = {
            "run time": self.seconds > LESSON_SECONDS,
            "slowest cell": self.slowest_cell > CELL_SECONDS,
            "memory": self.memory > MEMORY_GB or self.together > ALL_GB,
        }
        return ", ".join(name for name, exceeded in limits.items() if exceeded)


def measure(path: Path) -> Measurement:
    """Execute a lesson, its solutions included, and throw its outputs away."""
    marks = [time.perf_counter()]
    peak = peak_private = peak_together = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal peak, peak_private, peak_together
        while not done.wait(0.1):
            memory = private = started = 0
            kernels = psutil.Process().children()
            for process in psutil.Process().children(recursive=True):
                try:
                    used = process.memory_info()
                except psutil.Error:  # it ended meanwhile
                    continue
                own = used.rss - getattr(used, "shared", 0)  # Linux alone tells
                private += own
                if process in kernels:
                    memory += used.rss
                else:
                    started += own
            peak, peak_private = max(peak, memory), max(peak_private, private)
            peak_together = max(peak_together, memory + started)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        lessons.run(lessons.read(path), path.parent, on_cell=lambda **_: marks.append(time.perf_counter()))
        end = time.perf_counter()
    finally:
        done.set()
        watcher.join()
    # The first cell's own time would hold the kernel's start; imports there take far longer anyway.
    cells = [later - earlier for earlier, later in zip(marks, marks[1:], strict=False)]
    return Measurement(
        path.stem, end - marks[0], max(cells), peak / 1e9, peak_private / 1e9, peak_together / 1e9
    )


def table(measurements: list[Measurement]) -> str:
    """Return the table in Markdown, what exceeds a limit in bold."""
    average = sum(one.seconds for one in measurements) / len(measurements)
    lines = [
        "| lesson | run, s | slowest cell, s | peak memory, GB | beyond the limits |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for one in measurements:
        excess = f"**{one.excess()}**" if one.excess() else "–"
        lines.append(
            f"| {one.name} | {one.seconds:.0f} | {one.slowest_cell:.0f} | {one.memory:.2f} | {excess} |"
        )
    excess = "**run time**" if average > AVERAGE_SECONDS else "–"
    lines.append(f"| average | {average:.0f} | | | {excess} |")
    for one in measurements:
        if one.together > one.memory + 0.1:
            lines.append(f"\nWith the processes that it starts, {one.name} takes {one.together:.2f} GB.")
    return "\n".join(lines)


def replace_between(text: str, new: str, markers: tuple[str, str] = MARKERS) -> str:
    """Put new text between two marker comments."""
    start, end = markers
    if text.count(start) != 1 or text.count(end) != 1:
        raise SystemExit(f"The page needs these two lines, once each:\n{start}\n{end}")
    return re.sub(
        f"{re.escape(start)}.*{re.escape(end)}", lambda _: f"{start}\n{new}\n{end}", text, flags=re.S
    )


def main() -> None:
    """Measure the lessons named on the command line, or all."""
    measured = []
    for path in lessons.find(sys.argv[1:]):
        measured.append(measure(path))
        print(f"{path.name} measured", file=sys.stderr)
    if not measured:
        sys.exit(f"There are no lessons in {lessons.NOTEBOOKS.name}/")
    print(table(measured))
    if not sys.argv[1:]:
        readme = lessons.ROOT / "README.md"
        text = replace_between(readme.read_text(encoding="utf-8"), table(measured))
        readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
