"""The card of a contest holds the stored scores of the two methods, and the costs of its networks."""

from mtl_helpers import contest
from mtl_helpers.contest_card import contest_card
from mtl_helpers.report_card import report_card

import numpy as np
import pandas as pd
import pytest

TASKS = ("species", "body_mass", "sex")


@pytest.fixture(scope="module")
def problem() -> contest.Problem:
    return contest.penguins(epochs=1)


def test_the_card_is_that_of_the_scores(problem: contest.Problem) -> None:
    generator = np.random.default_rng(0)
    table = pd.DataFrame(
        [
            {"method": method, "task": task, "seed": seed, "score": generator.uniform(0.5, 0.9)}
            for method in ("ours", "alone", "other")
            for task in TASKS
            for seed in (1, 0, 2)
        ]
    )
    by_seed = table.sort_values("seed").groupby(["method", "task"])["score"].apply(list)
    found = contest_card(problem, table, shared="ours", comparisons=7, margin={"sex": 0.1})
    ours, alone = ({task: by_seed[method, task] for task in TASKS} for method in ("ours", "alone"))
    expected = report_card(
        ours, alone,
        {"species": True, "body_mass": False, "sex": True},
        trivial=problem.trivial["test"], comparisons=7, margin={"sex": 0.1}, units={"body_mass": "g"},
    )  # fmt: skip
    pd.testing.assert_frame_equal(found.table, expected.table)
    assert found.sentences[:3] == expected.sentences[:3] and "] g (" in found.sentences[1]
    parameters, seconds = found.costs.loc["parameters, and memory for them"], found.costs.loc["training time"]
    assert parameters["shared"] == problem.network(TASKS).count_params()
    assert parameters["alone"] == sum(problem.network((task,)).count_params() for task in TASKS)
    assert seconds["shared"] > 0 and seconds["alone"] > 0
