"""The report card of a problem on which methods were compared, from the table of their scores."""

from collections.abc import Callable, Sequence
from typing import Any

from mtl_helpers.contest import Problem
from mtl_helpers.gains import GRAMS
from mtl_helpers.report_card import ReportCard, report_card
from mtl_helpers.stored_runs import seed_values

import pandas as pd


def contest_card(
    problem: Problem, scores: pd.DataFrame, *, shared: str, alone: str = "alone", **options: Any
) -> ReportCard:
    """Compare a method on all tasks of a problem with the networks for one task each.

    scores:        columns method, task, seed and score, with the test scores of the problem's tasks
    shared, alone: the two methods, as the column `method` names them
    options:       what else `report_card` takes, such as margin and comparisons

    The costs are the number of parameters, and the seconds that two seeds take to train now, on this machine.
    """
    tasks = tuple(problem.losses)
    measures: dict[str, Callable[[Sequence[str]], float]] = {
        "parameters, and memory for them": lambda some: problem.network(some).count_params(),
        "training time": lambda some: problem.fit(0.01, range(2), some).seconds,
    }
    ours, theirs = (
        {task: seed_values(scores, "score", method=method, task=task) for task in tasks}
        for method in (shared, alone)
    )
    return report_card(
        ours,
        theirs,
        problem.higher_is_better,
        trivial=problem.trivial["test"],
        costs={name: (cost(tasks), sum(cost((task,)) for task in tasks)) for name, cost in measures.items()},
        units={GRAMS: "g"} if GRAMS in tasks else None,
        **options,
    )
