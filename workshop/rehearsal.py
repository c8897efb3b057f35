"""Rehearse a workshop: a real hub, its proxy, and simulated learners who all work at once.

    python -m workshop.rehearsal [--learners 12] [--lessons 00 02] [--think 0] [--keep]

One learner's kernel is killed midway, and the hub once. Prints a report, and fails if a lesson was not finished, a
cell failed, a server was lost, or anything that a learner had saved is gone.
"""

import argparse
import asyncio
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from datetime import date
from importlib import metadata
from pathlib import Path

from tools import budget, lessons
from workshop import report, work
from workshop.events import HUB_STAYS_AWAY, Events
from workshop.hub_api import HubApi
from workshop.hub_processes import COURSE, ENVIRONMENT, HubError, HubProcesses
from workshop.learner import CELL_SECONDS, Learner
from workshop.memory import MemoryWatch

KEPT = [COURSE / "workshop" / "rehearsal.md", COURSE / "book" / "instructors" / "hub.md"]


async def rehearse(
    hub: HubProcesses, names: list[str], paths: list[str], think: float, cell_seconds: float = CELL_SECONDS
) -> report.Rehearsal:
    """Let all learners work at once, and return what was measured."""
    cells = [len(_code_cells(lessons.NOTEBOOKS / path)) for path in paths]
    events = Events(hub, len(names), cells)
    learners = [Learner(HubApi(hub.url, name), think, events.cell_ended, cell_seconds) for name in names]
    with MemoryWatch(hub.servers) as memory:
        await asyncio.gather(*(learner.work_through(hub.password, paths) for learner in learners))
        await events.finish()
    await _come_back(learners[0])
    for learner in learners:
        folder = hub.folder / "homes" / learner.name / "my_lessons"
        for path, saved in learner.saved.items():
            learner.lost += [
                f"{learner.name}: {path}: {one}" for one in work.lost(saved, lessons.read(folder / path))
            ]
        learner.api.close()
    return report.Rehearsal(
        learners=len(names),
        lessons=paths,
        runs=[run for learner in learners for run in learner.runs],
        problems=[problem for learner in learners for problem in learner.problems],
        lost=[what for learner in learners for what in learner.lost],
        kernels_killed=events.kernels_killed,
        kernels_restarted=sum(learner.kernels_restarted for learner in learners),
        hub_away=events.hub_away,
        hub_held=HUB_STAYS_AWAY,
        cells_meanwhile=events.cells_meanwhile,
        servers_before=len(events.servers_before),
        servers_after=sum(
            events.servers_after.get(name) == pid for name, pid in events.servers_before.items()
        ),
        tried_again=sum(learner.api.tried_again for learner in learners),
        memory={name: dict(peaks) for name, peaks in memory.peaks.items()},
        together=memory.together,
        machine=memory.machine,
    )


async def _come_back(learner: Learner) -> None:
    """Stop a learner's server and start it again, as on the next morning: it meets a folder that is there already."""
    try:
        await learner.api.stop_server()
        await learner.api.start_server()
    except Exception as error:  # reported with the rest
        learner.problems.append(f"{learner.name}, on coming back: {type(error).__name__}: {error}")


def _code_cells(path: Path) -> list[object]:
    """Return what a learner runs of a lesson: not its solutions."""
    cells = lessons.read(path).cells
    return [cell for cell in cells if cell.cell_type == "code" and "solution" not in lessons.tags(cell)]


def facts(command: str) -> dict[str, str]:
    """Return when, where and with what a rehearsal is run: to be called before it."""
    version = [str(ENVIRONMENT / "bin" / "python"), "-c", "import jupyterhub; print(jupyterhub.__version__)"]
    hub = subprocess.run(version, capture_output=True, text=True, check=True).stdout.strip()
    lab = metadata.version("jupyterlab")
    tensorflow = metadata.version("tensorflow-cpu" if _installed("tensorflow-cpu") else "tensorflow")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    load = os.getloadavg()[0]
    return {
        "date": date.today().isoformat(),
        "command": f"`{command}`",
        "machine": f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.machine()}",
        "load of the machine in the minute before": f"{load:.1f}",
        "versions": f"JupyterHub {hub}, JupyterLab {lab}, TensorFlow {tensorflow}, Python {platform.python_version()}",
    }


def _installed(package: str) -> bool:
    try:
        return bool(metadata.version(package))
    except metadata.PackageNotFoundError:
        return False


def main() -> int:
    """Run the rehearsal that the command line asks for, and return 0 if all went well."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--learners", type=int, default=12)
    parser.add_argument(
        "--lessons", nargs="+", default=["00", "02"], help="in this order; starts of their names"
    )
    parser.add_argument(
        "--think", type=float, default=0.0, help="seconds between two cells, on average; 0: the worst case"
    )
    parser.add_argument(
        "--cell-seconds",
        type=float,
        default=CELL_SECONDS,
        help="after which a cell counts as one without end",
    )
    parser.add_argument(
        "--keep", action="store_true", help="put the report into the pages that show it, if all went well"
    )
    parser.add_argument("--logs", action="store_true", help="leave the folder with the logs and homes")
    chosen = parser.parse_args()
    if chosen.learners < 1:
        parser.error(f"--learners is {chosen.learners}: at least one has to come")
    paths = [path.name for name in chosen.lessons for path in lessons.find([name])]
    names = [f"learner-{number:02}" for number in range(1, chosen.learners + 1)]

    folder = Path(tempfile.mkdtemp(prefix="rehearsal_"))
    hub = HubProcesses(folder)
    try:
        told = facts(f"python -m workshop.rehearsal {shlex.join(sys.argv[1:])}".strip())
        hub.start()
        found = asyncio.run(rehearse(hub, names, paths, chosen.think, chosen.cell_seconds))
    except HubError as error:
        print(f"{error}\nThe logs are in {folder}", file=sys.stderr)
        return 1
    finally:
        hub.stop()
    found.facts = told
    print(report.table(found))
    failures = found.failures()
    if failures or chosen.logs:
        print(*failures, f"The logs are in {folder}", sep="\n", file=sys.stderr)
    else:
        shutil.rmtree(folder)
    if chosen.keep and not failures:
        for page in KEPT:
            text = budget.replace_between(
                page.read_text(encoding="utf-8"), report.table(found), report.MARKERS
            )
            page.write_text(text, encoding="utf-8")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
