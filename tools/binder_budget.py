"""Measure what Binder has to bear, and put it into book/pages/binder.md.

    python -m tools.binder_budget

Each lesson runs on one processor core, with JupyterLab's server beside it, as on Binder. The size of the image is
estimated from the packages of the lock, packed as an image's layers are. A measurement, not a test; Linux only.
"""

import os
import re
import sys
import tempfile
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from browser.lab import running_lab
from tools import budget, lessons

from packaging.utils import canonicalize_name

PAGE = lessons.ROOT / "book" / "pages" / "binder.md"
MEMORY_GB = 2.0
MARKERS = "<!-- binder: `make budget-binder` writes this -->", "<!-- end of binder -->"
LARGEST = 6


def package_sizes() -> dict[str, tuple[int, int]]:
    """Return, for each installed package of the lock, its bytes on disk and packed."""
    lock = (lessons.ROOT / "requirements.txt").read_text(encoding="utf-8")
    locked = {canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", lock, re.M)}
    sizes: dict[str, tuple[int, int]] = {}
    for distribution in metadata.distributions():
        name = canonicalize_name(distribution.metadata["Name"])
        if name in locked:
            paths = [Path(str(distribution.locate_file(file))) for file in distribution.files or []]
            contents = [path.read_bytes() for path in paths if path.is_file()]
            sizes[name] = sum(map(len, contents)), sum(len(zlib.compress(one)) for one in contents)
    return sizes


def size_table(sizes: dict[str, tuple[int, int]]) -> str:
    """Return the table of sizes in Markdown: the largest packages, the others together, and all."""
    ordered = sorted(sizes.items(), key=lambda item: -item[1][1])
    others = [size for _, size in ordered[LARGEST:]]
    rows = [
        *ordered[:LARGEST],
        (f"{len(others)} others", _sum(others)),
        ("**all**", _sum(list(sizes.values()))),
    ]
    lines = ["| package | on disk, MB | packed, MB |", "| --- | ---: | ---: |"]
    return "\n".join(
        [*lines, *(f"| {name} | {disk / 1e6:.0f} | {packed / 1e6:.0f} |" for name, (disk, packed) in rows)]
    )


def _sum(sizes: list[tuple[int, int]]) -> tuple[int, int]:
    return sum(disk for disk, _ in sizes), sum(packed for _, packed in sizes)


@contextmanager
def lab_server() -> Iterator[tuple[float, float]]:
    """Run JupyterLab's server, and yield its memory once its page was opened, in GB: all of it, and its private part."""
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as home,
        running_lab(Path(folder), Path(home)) as lab,
    ):
        for page in ("lab", "api/contents", "api/kernelspecs", "lab/api/settings"):
            urllib.request.urlopen(f"{lab.address}/{page}?token={lab.token}", timeout=60).read()
        used = lab.process.memory_info()
        yield used.rss / 1e9, (used.rss - used.shared) / 1e9


def lesson_table(measurements: list[budget.Measurement], server: float) -> str:
    """Return the table of the lessons in Markdown; a lesson above Binder's memory is bold."""
    lines = [
        "| lesson | run on one core, s | peak with the server, GB | what a second such kernel adds, GB |",
        "| --- | ---: | ---: | ---: |",
    ]
    for one in measurements:
        together = max(one.memory, one.together)
        memory = f"**{together:.2f}**" if together > MEMORY_GB else f"{together:.2f}"
        lines.append(f"| {one.name} | {one.seconds:.0f} | {memory} | {one.private:.2f} |")
    return "\n".join([*lines, f"| the server alone | | {server:.2f} | |"])


def main() -> None:
    """Measure all, and write it."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with lab_server() as (server, private):
        measured = []
        for path in lessons.find():
            one = budget.measure(path)
            measured.append(one._replace(private=one.private - private))
            print(f"{path.name} measured", file=sys.stderr)
    text = "\n\n".join([lesson_table(measured, server), size_table(package_sizes())])
    print(text)
    page = budget.replace_between(PAGE.read_text(encoding="utf-8"), text, MARKERS)
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
