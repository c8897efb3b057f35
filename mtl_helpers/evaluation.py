"""Numbers to report: intervals over seeds, paired comparisons, and the change against single-task models."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats


class Interval(NamedTuple):
    """A mean and its confidence interval, in the unit of the values.

    `f"{interval:.1f}"` writes it as "4.2 [3.1, 5.3]".
    """

    mean: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        return f"{self.mean:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"


def mean_interval(values: Sequence[float] | np.ndarray, confidence: float = 0.95) -> Interval:
    """The mean of one number a seed, with its t interval.

    It covers the luck of the seeds alone. The test set stays the same, so its luck is not in the interval.
    Raises ValueError for fewer than two values, and for values that are not finite.
    """
    values = _finite("values", values)
    if not 0 < confidence < 1:
        raise ValueError(
            f"confidence must lie between 0 and 1, but {confidence} was given. Use 0.95 for 95 %."
        )
    mean, standard_error = values.mean(), values.std(ddof=1) / np.sqrt(len(values))
    half = stats.t.ppf((1 + confidence) / 2, df=len(values) - 1) * standard_error
    return Interval(float(mean), float(mean - half), float(mean + half))


def paired_interval(
    ours: Sequence[float] | np.ndarray, baseline: Sequence[float] | np.ndarray, confidence: float = 0.95
) -> Interval:
    """The mean of `ours − baseline`, paired seed by seed, with its t interval, in the unit of the values.

    Both hold one number a seed, in the same order of seeds. What a seed's training examples make easy or hard
    for both sides cancels, so the interval is narrower than that of two separate means.
    Raises ValueError as `mean_interval` does, and for numbers of seeds that differ.
    """
    ours, baseline = _finite("ours", ours), _finite("baseline", baseline)
    if ours.shape != baseline.shape:
        raise ValueError(
            f"Pairs need the same seeds on both sides, but {len(ours)} values of ours and {len(baseline)} of "
            "the baseline were given. Train both from the same seeds."
        )
    return mean_interval(ours - baseline, confidence)


def delta_m(
    ours: Mapping[str, float], single_task: Mapping[str, float], higher_is_better: Mapping[str, bool]
) -> float:
    """Δm: the mean over tasks of the relative change against single-task models, in per cent.

    Positive is better, whatever the direction of a task's metric. Each argument has one entry a task. It is
    a fair comparison only if the single-task models were tuned with the same budget.
    Source: Maninis, Radosavovic and Kokkinos, CVPR 2019, arXiv 1904.08918.
    Raises ValueError for tasks that do not match, values that are not finite and a single-task value of zero.
    """
    if not ours or not set(ours) == set(single_task) == set(higher_is_better):
        raise ValueError(
            f"The three dictionaries must name the same tasks, but they name {sorted(ours)}, "
            f"{sorted(single_task)} and {sorted(higher_is_better)}. Give each one entry for every task."
        )
    changes = []
    for task, baseline in single_task.items():
        if not np.isfinite([ours[task], baseline]).all() or baseline == 0:
            raise ValueError(
                f"The values of '{task}' must be finite, and the single-task value, to which the change is "
                f"relative, not zero, but {ours[task]} and {baseline} were given. Use another metric."
            )
        if not isinstance(higher_is_better[task], (bool, np.bool)):
            raise ValueError(
                f"higher_is_better of '{task}' must be True or False, but {higher_is_better[task]!r} was "
                "given. Use True for an accuracy and False for an error."
            )
        sign = 1 if higher_is_better[task] else -1
        changes.append(sign * (ours[task] - baseline) / abs(baseline))
    return float(100 * np.mean(changes))


def _finite(what: str, values: Sequence[float] | np.ndarray) -> np.ndarray:
    """One finite number for each of two seeds or more, as an array."""
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(
            f"{what} must hold one number a seed, for two seeds or more, but shape {values.shape} was given. "
            "Reduce the examples of each seed to one number first, and train more than one seed."
        )
    if bad := np.count_nonzero(~np.isfinite(values)):
        raise ValueError(
            f"{what} must be finite, but {bad} of {len(values)} are not. Did those seeds diverge? Look at their "
            "losses."
        )
    return values
