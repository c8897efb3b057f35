"""What a rehearsal measures: its report, lost work, memory."""

import math
from pathlib import Path
from typing import Any

from tools import budget
from workshop import memory, rehearsal, report, work
from workshop.learner import LessonRun

import nbformat
import psutil
import pytest
from small_notebooks import notebook


def found(**changes: Any) -> report.Rehearsal:
    runs = [LessonRun(f"learner-{n:02}", "00_a.ipynb", float(n)) for n in range(1, 5)]
    usual: dict[str, Any] = {
        "learners": 4, "lessons": ["00_a.ipynb"], "runs": runs, "problems": [], "lost": [], "kernels_killed": 1,
        "kernels_restarted": 1, "hub_away": 7.0, "hub_held": 5.0, "cells_meanwhile": 3, "servers_before": 4,
        "servers_after": 4, "tried_again": 0, "together": 2.6, "machine": 3.0,
        "memory": {"learner-01": {"rss": 0.9, "pss": 0.6, "uss": 0.5}, "learner-02": {"rss": 1.1, "pss": 0.8, "uss": 0.5}},
        "facts": {"date": "2026-11-25"},
    }  # fmt: skip
    return report.Rehearsal(**(usual | changes))


def test_percentile() -> None:
    seconds = [float(n) for n in range(1, 22)]
    assert report.percentile(seconds, 50) == 11
    assert report.percentile(seconds, 95) == 20
    assert report.percentile([3.0], 95) == 3
    assert math.isnan(report.percentile([], 50))


def test_the_report_tells_what_was_measured() -> None:
    text = report.table(found())
    for row in ("| date | 2026-11-25 |", "| learners at once | 4 |", "| lessons finished | 4 of 4 |", "| errors | none |",
                "| work lost | none |", "| 00_a | 4 | 2 | 4 | 4 |", "| PSS, shared pages in fair parts | 0.70 | 0.80 |",
                "| servers that survived it | 4 of 4 |"):  # fmt: skip
        assert row in text
    assert found().failures() == []


@pytest.mark.parametrize(
    ("changes", "failure"),
    [
        ({"runs": []}, "0 of 4 lessons were finished"),
        ({"problems": ["learner-02: cell 3 fails"]}, "learner-02: cell 3 fails"),
        (
            {"lost": ["learner-02: the answer in cell 4 is gone"]},
            "work lost: learner-02: the answer in cell 4 is gone",
        ),
        ({"servers_after": 3}, "1 servers did not survive the hub's restart"),
        ({"kernels_restarted": 0}, "no learner noticed that their kernel was killed"),
        ({"cells_meanwhile": 0}, "no cell ended while the hub was away"),
        ({"kernels_killed": 0, "kernels_restarted": 0}, "no kernel was killed"),
        ({"hub_away": 0.0}, "the hub was not killed"),
    ],
)
def test_what_a_workshop_could_not_live_with_fails(changes: dict[str, Any], failure: str) -> None:
    assert found(**changes).failures() == [failure]


@pytest.mark.parametrize("page", rehearsal.KEPT, ids=lambda page: page.name)
def test_the_pages_have_a_place_for_the_table(page: Path) -> None:
    start, end = report.MARKERS
    assert f"{start}\nnew\n{end}" in budget.replace_between(
        page.read_text(encoding="utf-8"), "new", report.MARKERS
    )


def test_lost_work_is_noticed() -> None:
    saved = notebook("a = ...", "b", "c", answers=1)
    assert work.write_answers(saved, "ada") == 1
    saved.cells[1].outputs = [nbformat.v4.new_output("stream", name="stdout", text="1\n")]
    saved.cells[1].execution_count = 2
    assert work.lost(saved, nbformat.from_dict(saved)) == []

    there = nbformat.from_dict(saved)
    there.cells[0].source = "a = ..."
    there.cells[1].outputs = []
    del there.cells[2]
    assert work.lost(saved, there) == [
        "the answer in cell 1 is gone", "the output of cell 2 is gone", "cell 3 is gone"
    ]  # fmt: skip


def test_an_answer_is_written_once() -> None:
    exercise = notebook("a = ...", answers=1)
    work.write_answers(exercise, "ada")
    once = exercise.cells[0].source
    work.write_answers(exercise, "ada")
    assert exercise.cells[0].source == once == "# Answer of ada to cell-0\na = ..."


def test_memory_of_this_process() -> None:
    mine = memory.of_tree(psutil.Process())
    assert 0.01 < mine["uss"] <= mine["pss"] <= mine["rss"] < 20
    assert memory.of_process(2**22 + 1) == {"rss": 0, "pss": 0, "uss": 0}
