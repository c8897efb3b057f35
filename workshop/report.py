"""What a rehearsal found, as a table in Markdown, and whether it is good enough for a workshop."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from workshop.learner import LessonRun

import numpy as np

MARKERS = (
    "<!-- rehearsal: `make rehearsal REHEARSAL_ARGS=--keep` writes this table -->",
    "<!-- end of rehearsal -->",
)


@dataclass
class Rehearsal:
    """Everything that was measured; times in seconds, memory in GB."""

    learners: int
    lessons: list[str]
    runs: list[LessonRun]
    problems: list[str]
    lost: list[str]
    kernels_killed: int
    kernels_restarted: int
    hub_away: float  # from the kill until it answered again; 0 if it was not killed
    hub_held: float  # of these, the seconds until it was started again
    cells_meanwhile: int
    servers_before: int  # that ran when the hub was killed
    servers_after: int  # of these, that still ran when it was back: the same processes
    tried_again: int
    memory: dict[str, dict[str, float]]  # the peaks of each learner: rss, pss, uss
    together: float
    machine: float
    facts: dict[str, str] = field(default_factory=dict)  # date, machine, versions, command

    def failures(self) -> list[str]:
        """Say what a workshop could not have lived with; nothing if all went well."""
        wanted = self.learners * len(self.lessons)
        failures = [*self.problems, *(f"work lost: {what}" for what in self.lost)]
        if len(self.runs) < wanted:
            failures.append(f"{len(self.runs)} of {wanted} lessons were finished")
        if self.servers_after < self.servers_before:
            failures.append(
                f"{self.servers_before - self.servers_after} servers did not survive the hub's restart"
            )
        if not self.kernels_killed:
            failures.append("no kernel was killed")
        elif not self.kernels_restarted:
            failures.append("no learner noticed that their kernel was killed")
        if not self.hub_away:
            failures.append("the hub was not killed")
        elif not self.cells_meanwhile:
            failures.append("no cell ended while the hub was away")
        return failures


def percentile(seconds: Sequence[float], percent: float) -> float:
    """Return the time that `percent` of the learners did not exceed, between two of them in proportion."""
    if not seconds:
        return float("nan")
    return float(np.percentile(seconds, percent))


def table(found: Rehearsal) -> str:
    """Return the report: one table of the whole, one of the lessons, one of the memory."""
    wanted = found.learners * len(found.lessons)
    rows = [
        *found.facts.items(),
        ("learners at once", str(found.learners)),
        ("lessons finished", f"{len(found.runs)} of {wanted}"),
        ("errors", str(len(found.problems)) if found.problems else "none"),
        ("work lost", f"{len(found.lost)} pieces" if found.lost else "none"),
        (
            "kernels killed, and restarted by the learner",
            f"{found.kernels_killed}, {found.kernels_restarted}",
        ),
        ("hub killed, and away for", _away(found)),
        ("cells that ended meanwhile", str(found.cells_meanwhile)),
        ("servers that survived it", f"{found.servers_after} of {found.servers_before}"),
        ("requests that had to be made again", str(found.tried_again)),
        ("memory of all learners at its peak, GB", f"{found.together:.2f}"),
        ("memory of the machine at its peak, more than before, GB", f"{found.machine:.2f}"),
    ]
    lines = ["| what | measured |", "| --- | --- |", *(f"| {what} | {value} |" for what, value in rows), ""]
    lines += [
        "| lesson | finished | median, s | 95th percentile, s | slowest, s |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for lesson in dict.fromkeys(found.lessons):
        seconds = [run.seconds for run in found.runs if run.lesson == lesson]
        figures = [percentile(seconds, percent) for percent in (50, 95, 100)]
        lines.append(
            f"| {lesson.removesuffix('.ipynb')} | {len(seconds)} | {' | '.join(f'{one:.0f}' for one in figures)} |"
        )
    lines += ["", "| memory of one learner at its peak, GB | median | largest |", "| --- | ---: | ---: |"]
    ways = {
        "pss": "PSS, shared pages in fair parts",
        "uss": "USS, without shared pages",
        "rss": "RSS, shared pages in full",
    }
    for kind, name in ways.items():
        peaks = [one[kind] for one in found.memory.values()]
        lines.append(f"| {name} | {percentile(peaks, 50):.2f} | {max(peaks, default=0):.2f} |")
    return "\n".join(lines)


def _away(found: Rehearsal) -> str:
    if not found.hub_away:
        return "not killed"
    return f"{found.hub_away:.1f} s, {found.hub_held:.0f} s of them until it was started again"
