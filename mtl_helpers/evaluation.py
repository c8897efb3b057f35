"""Numbers to report: intervals over seeds, paired comparisons, change against single-task models, overlaps."""

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

    It covers the luck of what differs from seed to seed. Where all seeds share one test set, its luck is not in the
    interval; where seeds draw from the same examples, the interval is a little too narrow.
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


def box_iou(true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """The intersection over union of each true box with the predicted one: (boxes,), from 0 to 1.

    true, predicted: (boxes, 4), left, top, right and bottom edge in any unit. A box whose right edge lies left of
    its left edge, or its bottom above its top, is empty; two empty boxes have the value 0.
    Raises ValueError for other shapes, shapes that differ, and values that are not finite.
    """
    true, predicted = np.asarray(true, dtype=float), np.asarray(predicted, dtype=float)
    if true.shape != predicted.shape or true.ndim != 2 or true.shape[1] != 4:
        raise ValueError(
            f"Two arrays of shape (boxes, 4) are expected, but {true.shape} and {predicted.shape} were given. "
            "Give each box its left, top, right and bottom edge."
        )
    if not (np.isfinite(true).all() and np.isfinite(predicted).all()):
        raise ValueError(
            "Boxes must be finite, but NaN or infinite edges were given. Did the training diverge? Look at the losses."
        )
    corner, opposite = np.maximum(true, predicted)[:, :2], np.minimum(true, predicted)[:, 2:]
    intersection = _area(np.concatenate([corner, opposite], axis=1))
    union = _area(true) + _area(predicted) - intersection
    return np.divide(intersection, union, out=np.zeros_like(union), where=union > 0)


def mask_iou(true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """The intersection over union of each true mask with the predicted one: (masks,), from 0 to 1.

    true, predicted: (masks, height, width) or (masks, height, width, 1). A pixel belongs to the mask if its value is
    above 0.5, so probabilities may be given. Two empty masks agree: 1.
    Raises ValueError for other shapes, shapes that differ, and values outside 0 to 1 or NaN.
    """
    true, predicted = np.asarray(true), np.asarray(predicted)
    image = true.ndim == 3 or (true.ndim == 4 and true.shape[3] == 1)
    if true.shape != predicted.shape or not image:
        raise ValueError(
            "Two arrays of shape (masks, height, width) or (masks, height, width, 1) are expected, but "
            f"{true.shape} and {predicted.shape} were given. Give one mask for each image."
        )
    for what, values in (("true", true), ("predicted", predicted)):
        if values.size and not (values.min() >= 0 and values.max() <= 1):
            raise ValueError(
                f"The {what} masks must lie between 0 and 1, but values from {values.min()} to {values.max()} were "
                "given. Put a sigmoid on the head, or scale pixels of 0 to 255."
            )
    pixels = tuple(range(1, true.ndim))
    true, predicted = true > 0.5, predicted > 0.5
    intersection = (true & predicted).sum(axis=pixels)
    union = (true | predicted).sum(axis=pixels)
    return np.divide(intersection, union, out=np.ones(len(union)), where=union > 0)


def _area(boxes: np.ndarray) -> np.ndarray:
    return np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1)


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
