"""Is this machine ready for the lessons? A table, and for each thing that is not ready what to do about it."""

import os
import platform
from collections.abc import Iterator
from importlib import metadata
from typing import NamedTuple

import pandas as pd
import psutil
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

MEMORY_NEEDED, CORES_NEEDED = 1.2, 2  # GB free, and processor cores: what the lessons are measured with
AGAIN = "install the course again (README)"


class Finding(NamedTuple):
    """One thing that was looked at: `advice` is empty if it is as it should be."""

    what: str
    needed: str
    advice: str


def check_machine() -> pd.DataFrame:
    """A row for Python, each main package, the data, memory and cores: what is needed, and ready or what to do.

    Nothing is downloaded, and nothing is raised: what does not fit stands in the table.
    """
    findings = [*_software(), _data(), _memory(free_memory()), _cores(psutil.cpu_count() or 1)]
    rows = {finding.what: [finding.needed, finding.advice or "ready"] for finding in findings}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["needed", "here"])


def free_memory() -> float:
    """The memory that is free, in GB; on Binder and other hubs, which set MEM_LIMIT, of the share one is given.

    Of the share, only one's own processes take: on a server for a workshop, other learners' run beside them.
    """
    free = psutil.virtual_memory().available
    if limit := os.environ.get("MEM_LIMIT"):
        me = psutil.Process().username()
        processes = [process.info for process in psutil.process_iter(["username", "memory_info"])]
        mine = [one["memory_info"] for one in processes if one["username"] == me]
        used = sum(memory.rss for memory in mine if memory)  # none of a process that has just ended
        free = min(free, float(limit) - used)
    return free / 1e9


def _software() -> Iterator[Finding]:
    """Python, and the packages whose version the course fixes, as the course's own metadata say."""
    try:
        course = metadata.metadata("mtl-helpers")
    except metadata.PackageNotFoundError:
        yield Finding("mtl-helpers", "installed", f"not installed: {AGAIN}")
        return
    needed, here = SpecifierSet(course["Requires-Python"]), platform.python_version()
    advice = "" if needed.contains(here) else f"this is {here}: {AGAIN}, with another Python"
    yield Finding("Python", str(needed), advice)
    for line in metadata.requires("mtl-helpers") or []:
        requirement = Requirement(line)
        if requirement.specifier and (requirement.marker is None or requirement.marker.evaluate()):
            advice = _package_advice(requirement)
            yield Finding(requirement.name, str(requirement.specifier).lstrip("="), advice)


def _package_advice(requirement: Requirement) -> str:
    try:
        found = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return f"not installed: {AGAIN}"
    return "" if requirement.specifier.contains(found) else f"this is {found}, results may differ: {AGAIN}"


def _data() -> Finding:
    from mtl_helpers.data import load_penguins

    try:
        advice = "" if len(load_penguins().table) == 333 else f"incomplete: {AGAIN}"
    except ImportError:
        advice = f"missing: {AGAIN}"
    return Finding("data, offline", "333 penguins", advice)


def _memory(free: float) -> Finding:
    advice = (
        "" if free >= MEMORY_NEEDED else f"{free:.1f} GB: shut down other kernels (menu Kernel) and programs"
    )
    return Finding("free memory", f"{MEMORY_NEEDED} GB", advice)


def _cores(cores: int) -> Finding:
    advice = "" if cores >= CORES_NEEDED else f"{cores}: all works, but expect about twice the time"
    return Finding("processor cores", str(CORES_NEEDED), advice)
