"""The checks of lesson 10: Δm with several metrics a task, many comparisons at once, what an interval allows."""

from collections.abc import Callable, Mapping
from types import EllipsisType
from typing import Any

from mtl_helpers.comparisons import (
    BETTER,
    EQUAL,
    NOT_WORSE,
    NOTHING,
    SLIGHTLY_BETTER,
    SLIGHTLY_WORSE,
    WORSE,
)

import numpy as np

Answer = str | EllipsisType | None
Table = dict[str, dict[str, float]]

# ours, alone, higher_is_better of each trial. No two formulas below agree on both.
_TRIALS: tuple[tuple[Table, Table, dict[str, dict[str, bool]]], ...] = (
    (
        {"names": {"accuracy": 0.9}, "depth": {"error": 45.0, "worst": 120.0, "within": 0.6}},
        {"names": {"accuracy": 0.8}, "depth": {"error": 50.0, "worst": 100.0, "within": 0.5}},
        {"names": {"accuracy": True}, "depth": {"error": False, "worst": False, "within": True}},
    ),
    (
        {"depth": {"fit": -0.1, "error": 9.0}, "names": {"accuracy": 0.5}},
        {"depth": {"fit": -0.4, "error": 10.0}, "names": {"accuracy": 0.8}},
        {"depth": {"fit": True, "error": False}, "names": {"accuracy": True}},
    ),
)


def _change(
    new: float,
    old: float,
    higher: bool,
    signed: bool = True,
    turned: bool = False,
    over: Callable[[float, float], float] = lambda new, old: abs(old),
    size: bool = False,
) -> float:
    change = (new - old) / over(new, old)
    change = abs(change) if size else change
    return change * (-1 if signed and higher == turned else 1)


def _delta(
    trial: tuple,
    of_metrics: Callable[[list[float]], Any] = np.mean,
    of_tasks: Callable[[list], Any] = np.mean,
    factor: float = 100.0,
    **how: Any,
) -> float:
    """The right Δm, or one with a fault."""
    ours, alone, higher = trial
    changes = [
        [_change(ours[task][name], alone[task][name], higher[task][name], **how) for name in ours[task]]
        for task in ours
    ]
    return float(factor * of_tasks([of_metrics(each) for each in changes]))


def _over_all_metrics(trial: tuple) -> float:
    return _delta(
        trial, of_metrics=list, of_tasks=lambda tasks: np.mean([one for each in tasks for one in each])
    )


_FAULTS: list[tuple[str, Callable[[tuple], float]]] = [
    (
        "This is the mean over all metrics, so a task with three metrics counts three times. Take the mean over the "
        "metrics of each task first, then the mean over the tasks.",
        _over_all_metrics,
    ),
    (
        "No sign: where lower is better, a rise is a loss. Turn the sign of those metrics.",
        lambda trial: _delta(trial, signed=False),
    ),
    (
        "The sign is the wrong way round: above zero is to mean that the shared network is better.",
        lambda trial: _delta(trial, turned=True),
    ),
    (
        "You divided by the shared network's value. The change is relative to the single-task network.",
        lambda trial: _delta(trial, over=lambda new, old: abs(new)),
    ),
    (
        "You divided by the baseline itself, which may be negative (an R² can be). Then the sign turns once too often. "
        "Divide by its size, `abs`.",
        lambda trial: _delta(trial, over=lambda new, old: old),
    ),
    (
        "These changes are not relative. Points of accuracy and grams cannot be averaged; divide each by the baseline.",
        lambda trial: _delta(trial, over=lambda new, old: 1.0),
    ),
    (
        "Right, but as a fraction. Δm is given in per cent: times 100.",
        lambda trial: _delta(trial, factor=1.0),
    ),
    (
        "The tasks are added up. Take their mean, or every further task makes Δm larger.",
        lambda trial: _delta(trial, of_tasks=np.sum),
    ),
    (
        "The metrics of a task are added up, so a task with three of them counts more. Take their mean.",
        lambda trial: _delta(trial, of_metrics=np.sum),
    ),
    (
        "Only the first metric of each task counts here. Average all of them.",
        lambda trial: _delta(trial, of_metrics=lambda each: each[0]),
    ),
    (
        "The size of each change is taken before its sign. A loss then counts like a gain.",
        lambda trial: _delta(trial, size=True),
    ),
]


def check_1(delta_of_tasks: Callable) -> Answer:
    """A function from three nested dictionaries to Δm in per cent."""
    if not callable(delta_of_tasks):
        return "A function is expected. Write `exercises.check('10.1', delta_of_tasks)`, without calling it."
    found = []
    for ours, alone, higher in _TRIALS:
        value = delta_of_tasks(
            {task: dict(each) for task, each in ours.items()},
            {task: dict(each) for task, each in alone.items()},
            {task: dict(each) for task, each in higher.items()},
        )
        if value is ...:
            return ...
        if value is None:
            return "The function returned nothing. End it with `return` and the number."
        if isinstance(value, Mapping) or np.size(value) != 1:
            return "One number is expected. Take the mean over the tasks at the end."
        found.append(float(value))
    if np.allclose(found, [_delta(trial) for trial in _TRIALS], atol=1e-6):
        return None
    for message, formula in _FAULTS:
        if np.allclose(found, [formula(trial) for trial in _TRIALS], atol=1e-6):
            return message
    return (
        f"Not Δm: for the first made-up case the result is {found[0]:.2f}, and {_delta(_TRIALS[0]):.2f} is right. For "
        "each metric: (ours − alone) / |alone|, the sign turned if lower is better."
    )


P_VALUES = (0.52, 0.006, 0.2, 0.0004, 0.93, 0.03, 0.31, 0.12, 0.009, 0.68, 0.046, 0.8, 0.45, 0.08)
_KEYS = ("chance of a false alarm", "Bonferroni's limit", "below that limit", "false discovery rate")
_WORTH = {
    "chance of a false alarm": {
        0.7: "14 × 0.05 counts cases with two false alarms twice, and with 21 comparisons it would be above 1. First: "
        "what is the chance of no false alarm at all?",
        0.95**14: "That is the chance of no false alarm in 14. Asked for is the opposite.",
        0.05: "That is the chance in one comparison. There are fourteen.",
        0.05**14: "That is the chance that all fourteen are false alarms. Asked for is at least one.",
        100 * (1 - 0.95**14): "Right, but in per cent. Give a number from 0 to 1.",
    },
    "Bonferroni's limit": {
        0.7: "Multiplied instead of divided: with more comparisons the limit must become stricter.",
        0.05: "That is the limit for one comparison.",
        1 - 0.05 / 14: "That is the confidence of the wide interval. The limit for p is 1 minus it.",
        0.95 / 14: "The 5 % that may go wrong are divided, not the 95 %.",
        0.05**14: "The limit is divided by the number of comparisons, not raised to its power.",
        1
        - 0.95
        ** (
            1 / 14
        ): "That is the limit after Šidák, right for independent comparisons. Bonferroni's divides.",
    },
    "below that limit": {
        5: "Five p-values are below 0.05. How many are below Bonferroni's limit?",
        3: "That is the number for the false discovery rate. Bonferroni is stricter.",
        0: "One is: look at the smallest p-value.",
        13: "That is how many are above the limit.",
    },
    "false discovery rate": {
        5: "These are the p-values below 0.05 before any adjustment.",
        1: "That is Bonferroni's number. This method finds more: it lets 5 % of what is found be false, on average.",
        11: "That is how many are not found. Count adjusted values of at most 0.05.",
        4: "Count the *adjusted* values: `stats.false_discovery_control(p_values)`.",
    },
}


def check_2(many: dict[str, float]) -> Answer:
    """Four numbers about fourteen comparisons."""
    if not isinstance(many, Mapping) or set(many) != set(_KEYS):
        return "A dictionary with the four keys of the exercise is expected. Change only the numbers."
    right = dict(zip(_KEYS, (1 - 0.95**14, 0.05 / 14, 1.0, 3.0), strict=True))
    for key in _KEYS:
        value = many[key]
        if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
            return f"'{key}': a number is expected, but {value!r} was given."
        if np.isclose(float(value), right[key], rtol=0.005, atol=0):
            continue
        for wrong, message in _WORTH[key].items():
            if np.isclose(float(value), wrong, rtol=0.005, atol=0):
                return f"'{key}': not {value:.3g}. {message}"
        return f"'{key}': not {value:.3g}. Look at the hint for this line."
    return None


VERDICTS = (BETTER, SLIGHTLY_BETTER, EQUAL, NOT_WORSE, NOTHING, SLIGHTLY_WORSE, WORSE)
_CARD = {"depth": EQUAL, "edges": NOTHING, "masks": BETTER, "names": SLIGHTLY_WORSE, "parts": NOT_WORSE}
_SEEN = {
    ("depth", NOTHING): "True, but the card allows more. The whole interval lies between −1 and +1.",
    ("depth", NOT_WORSE): "True, but the card allows more: a gain that matters is excluded as well.",
    ("depth", BETTER): "The mean is above zero, but the interval holds zero.",
    ("depth", SLIGHTLY_BETTER): "The interval lies inside the margin, but it holds zero: no gain is shown.",
    ("edges", EQUAL): "An interval that holds zero does not show equality. This one reaches far beyond the margin: it "
    "allows a loss of 1.9 as well as a gain of 2.5. There are too few seeds to say anything.",
    ("edges", NOT_WORSE): "The lower end, −1.9, lies below the margin's −1: a loss that matters is possible.",
    ("edges", BETTER): "The mean is above zero, but the interval holds zero.",
    ("masks", SLIGHTLY_BETTER): "The interval goes beyond the margin of 1, so the gain may well matter.",
    ("masks", NOT_WORSE): "True, but the card allows more: the whole interval lies above zero.",
    ("names", WORSE): "True, but the whole interval also lies inside the margin. Say both, so that a reader knows that "
    "it was said before not to matter.",
    ("names", EQUAL): "It lies inside the margin, but zero is excluded: it is worse, by an amount that does not matter.",
    ("names", NOTHING): "A difference is shown: the interval does not hold zero.",
    ("names", NOT_WORSE): "True, but the card allows more: the whole interval lies below zero. Say that too.",
    ("parts", BETTER): "The mean is above zero, but the interval holds zero.",
    ("parts", EQUAL): "The upper end, +1.9, lies outside the margin: a gain that matters is not excluded.",
    ("parts", NOTHING): "True, but the card allows more: the lower end, −0.3, lies inside the margin.",
    ("parts", SLIGHTLY_BETTER): "The interval holds zero, so no gain is shown, and it reaches beyond the margin.",
}  # fmt: skip


def check_3(verdicts: dict[str, str]) -> Answer:
    """The verdict on each of five made-up tasks."""
    if not isinstance(verdicts, Mapping) or set(verdicts) != set(_CARD):
        return f"A dictionary with the tasks {', '.join(_CARD)} is expected. Change only the verdicts."
    for task, right in _CARD.items():
        given = verdicts[task]
        if not isinstance(given, str) or given not in VERDICTS:
            return f"'{task}': {given!r} is no verdict. Copy one of these: {', '.join(VERDICTS)}."
        if given != right:
            default = (
                "Does the interval hold zero? Does it lie between −1 and +1, and with which of its ends?"
            )
            return f"'{task}': not \"{given}\". {_SEEN.get((task, given), default)}"
    return None
