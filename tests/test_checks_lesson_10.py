"""Lesson 10: each wrong answer is met by its own message."""

from mtl_helpers import exercises
from mtl_helpers.checks.lesson_10 import (
    _CARD,
    _SEEN,
    _TRIALS,
    _WORTH,
    P_VALUES,
    VERDICTS,
    check_1,
    check_2,
    check_3,
)
from mtl_helpers.comparisons import verdict
from mtl_helpers.evaluation import Interval, delta_m

import numpy as np
import pytest
from scipy import stats


def expect(said, message):
    """None for a right answer, `...` for one not tried yet, else a part of what the check says."""
    if isinstance(message, str):
        assert message in said
    else:
        assert said is message


def delta(
    of_metrics=np.mean, of_tasks=np.mean, over=lambda new, old: abs(old), sign=lambda up: 1 if up else -1
):
    """A function as a learner writes it, right but for what is given."""

    def delta_of_tasks(ours, alone, higher_is_better):
        tasks = []
        for task in ours:
            changes = [
                sign(higher_is_better[task][metric])
                * (ours[task][metric] - alone[task][metric])
                / over(ours[task][metric], alone[task][metric])
                for metric in ours[task]
            ]
            tasks.append(of_metrics(changes))
        return 100 * of_tasks(tasks)

    return delta_of_tasks


def flat(ours, alone, higher_is_better):
    return delta(list, lambda tasks: np.mean(np.concatenate(tasks)))(ours, alone, higher_is_better)


def sizes_first(ours, alone, higher_is_better):
    """abs() around the change, as some do to get rid of a minus sign."""
    tasks = [
        np.mean([
            (1 if higher_is_better[t][m] else -1) * abs((ours[t][m] - alone[t][m]) / alone[t][m]) for m in ours[t]
        ])
        for t in ours
    ]  # fmt: skip
    return 100 * np.mean(tasks)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (delta(), None),
        (lambda *given: np.float32(delta()(*given)), None),
        (lambda *given: ..., ...),
        (flat, "counts three times"),
        (delta(sign=lambda up: 1), "No sign"),
        (delta(sign=lambda up: -1 if up else 1), "the wrong way round"),
        (delta(over=lambda new, old: abs(new)), "divided by the shared network's value"),
        (delta(over=lambda new, old: old), "which may be negative"),
        (delta(over=lambda new, old: 1), "are not relative"),
        (lambda *given: delta()(*given) / 100, "as a fraction"),
        (delta(of_tasks=np.sum), "The tasks are added up"),
        (delta(of_metrics=np.sum), "The metrics of a task are added up"),
        (delta(of_metrics=lambda each: each[0]), "Only the first metric"),
        (sizes_first, "A loss then counts like a gain"),
        (lambda *given: 7.0, "Not Δm: for the first made-up case the result is 7.00"),
        (lambda *given: None, "returned nothing"),
        (lambda ours, alone, higher: {task: 1.0 for task in ours}, "One number is expected"),
        (3.0, "A function is expected"),
    ],
)
def test_delta_of_tasks(function, message):
    expect(check_1(function), message)


def test_delta_of_tasks_with_one_metric_each_is_the_helpers():
    ours, alone = {"a": 0.9, "b": 30.0}, {"a": 0.8, "b": 40.0}
    higher = {"a": True, "b": False}
    nested = [{task: {"metric": value} for task, value in each.items()} for each in (ours, alone, higher)]
    assert delta()(*nested) == pytest.approx(delta_m(ours, alone, higher))


def test_a_right_function_may_not_change_what_it_is_given():
    def spoils(ours, alone, higher_is_better):
        result = delta()(ours, alone, higher_is_better)
        ours["names"].clear()
        return result

    assert check_1(spoils) is None and check_1(delta()) is None
    assert _TRIALS[0][0]["names"]


CHANCE, LIMIT, BELOW, FOUND = (
    "chance of a false alarm",
    "Bonferroni's limit",
    "below that limit",
    "false discovery rate",
)
RIGHT = {CHANCE: 1 - 0.95**14, LIMIT: 0.05 / 14, BELOW: 1, FOUND: 3}


def test_the_right_numbers_are_those_of_scipy():
    p_values = np.array(P_VALUES)
    assert len(p_values) == 14 and (p_values < 0.05).sum() == 5
    assert (p_values < RIGHT[LIMIT]).sum() == RIGHT[BELOW]
    assert (stats.false_discovery_control(p_values) <= 0.05).sum() == RIGHT[FOUND]
    assert stats.binom.sf(0, 14, 0.05) == pytest.approx(RIGHT[CHANCE])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({}, None),
        ({CHANCE: 0.51}, None),
        ({BELOW: np.int64(1), FOUND: np.int64(3)}, None),
        ({CHANCE: 14 * 0.05}, "it would be above 1"),
        ({CHANCE: 0.95**14}, "Asked for is the opposite"),
        ({CHANCE: 0.05}, "There are fourteen"),
        ({CHANCE: 0.05**14}, "all fourteen are false alarms"),
        ({CHANCE: 51.2}, "in per cent"),
        ({CHANCE: 0.3}, "Look at the hint"),
        ({LIMIT: 0.7}, "must become stricter"),
        ({LIMIT: 0.05}, "the limit for one comparison"),
        ({LIMIT: 1 - 0.05 / 14}, "the confidence of the wide interval"),
        ({LIMIT: 0.95 / 14}, "not the 95 %"),
        ({LIMIT: 0.05**14}, "raised to its power"),
        ({LIMIT: 1 - 0.95 ** (1 / 14)}, "Šidák"),
        ({BELOW: 5}, "How many are below Bonferroni's limit"),
        ({BELOW: 3}, "Bonferroni is stricter"),
        ({BELOW: 0}, "the smallest p-value"),
        ({BELOW: 13}, "above the limit"),
        ({FOUND: 5}, "before any adjustment"),
        ({FOUND: 1}, "Bonferroni's number"),
        ({FOUND: 11}, "not found"),
        ({FOUND: 4}, "Count the *adjusted* values"),
        ({FOUND: "three"}, "a number is expected"),
        ({BELOW: True}, "a number is expected"),
    ],
)
def test_many_comparisons(changed, message):
    expect(check_2({**RIGHT, **changed}), message)


def test_every_foreseen_number_is_met():
    for key, wrong in _WORTH.items():
        for value, message in wrong.items():
            assert message in check_2({**RIGHT, key: value})
    assert "four keys" in check_2({CHANCE: 0.5})


INTERVALS = {
    "depth": Interval(0.1, -0.4, 0.6),
    "edges": Interval(0.3, -1.9, 2.5),
    "masks": Interval(2.4, 1.2, 3.6),
    "names": Interval(-0.5, -0.8, -0.2),
    "parts": Interval(0.8, -0.3, 1.9),
}


def test_verdicts_are_the_helpers():
    right = {task: verdict(interval, margin=1.0) for task, interval in INTERVALS.items()}
    assert right == _CARD and check_3(right) is None


@pytest.mark.parametrize("task", INTERVALS)
@pytest.mark.parametrize("given", VERDICTS)
def test_every_wrong_verdict_is_answered(task, given):
    said = check_3({**_CARD, task: given})
    if given == _CARD[task]:
        assert said is None
    else:
        assert f"'{task}': not \"{given}\"" in said
        assert _SEEN.get((task, given), "Does the interval hold zero?") in said


def test_verdicts_that_are_none():
    assert "is no verdict" in check_3({**_CARD, "depth": "equal"})
    assert "is no verdict" in check_3({**_CARD, "depth": 1})
    assert "with the tasks" in check_3({"depth": "better"})


@pytest.mark.parametrize("exercise", ["10.1", "10.2", "10.3"])
@pytest.mark.parametrize("nonsense", [None, "", 3, [], lambda: None, lambda *given: "42x", {"a": 1}])
def test_nonsense_is_answered_and_never_raises(exercise, nonsense):
    assert exercises.check(exercise, nonsense).status == exercises.WRONG
