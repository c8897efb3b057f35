"""Checks of one array at a time: kind, shape, NaN, labels outside the classes, weights.

Each takes what the message begins with ("The target 'species'") and raises a clear error, or nothing.
One pass over an array and no copy of it, so that 10,000 rows take a few milliseconds at most.
Shapes have the axis of examples first; None is a length that is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mtl_helpers.validation import describe, loss_kind, loss_option

import numpy as np


def show(shape: Iterable[int | None]) -> str:
    """(None, 3) as "(n, 3)"."""
    return str(tuple("n" if length is None else length for length in shape)).replace("'", "")


def as_numbers(what: str, array: Any) -> np.ndarray:
    """NumPy's view of an array, tensor, Series or DataFrame; it must hold numbers, one row an example."""
    if not hasattr(array, "shape"):
        raise TypeError(f"{what} must be an array, but {describe(array)} was given. Use numpy.asarray on it.")
    view = np.asarray(array)
    if view.ndim == 0:
        raise ValueError(f"{what} must hold one row for each example, but a single number was given.")
    check_kind(what, view.dtype)
    return view


def check_kind(what: str, dtype: np.dtype) -> None:
    """Numbers, not text or objects."""
    if dtype.kind not in "biuf" and dtype.name != "bfloat16":
        raise TypeError(
            f"{what} must hold numbers, but its dtype is {dtype}. Turn names into class numbers (0, 1, ...) "
            "or one-hot columns, and all else into float32, with .astype('float32')."
        )


def check_shape(what: str, given: Sequence[int | None], expected: Sequence[int | None]) -> None:
    """As Keras' fit does, forgives a last axis of length 1 too many or too few."""

    def fits(shape: tuple[int | None, ...]) -> bool:
        lengths = zip(shape[1:], expected[1:], strict=False)
        return len(shape) == len(expected) and all(a == b or None in (a, b) for a, b in lengths)

    given, expected = tuple(given), tuple(expected)
    forgiven = given[:-1] if len(given) > 1 and given[-1] == 1 else given
    if not fits(given) and not fits(forgiven) and not (fits((*given, 1)) and expected[-1] == 1):
        raise ValueError(
            f"{what} must have shape {show(expected)} for n examples, but shape {show(given)} was given. "
            "Check its columns and the order of its axes."
        )


def check_finite(what: str, array: np.ndarray, advice: str = "Drop those examples or fill the gaps.") -> None:
    """Neither NaN nor infinite: looks for them only if the sum is not finite."""
    if array.dtype.kind in "biu" or np.isfinite(array.sum(dtype="float64")):
        return
    bad = array.size - int(np.isfinite(array).sum())
    if bad:
        raise ValueError(
            f"{what} must hold finite numbers, but {bad} of {array.size} are NaN or infinite. {advice}"
        )


def check_target_form(what: str, shape: Sequence[int | None], dtype: np.dtype, loss: Any, head: Any) -> None:
    """Shape and kind of a task's targets, as its loss and its head expect them."""
    kind, shape, expected = loss_kind(loss), tuple(shape), tuple(head.shape)
    looks_one_hot = len(shape) == len(expected) and shape[-1] == expected[-1]
    if kind == "labels":
        if looks_one_hot:
            raise ValueError(
                f"{what} must hold class numbers, in shape {show(expected[:-1])}, as its loss is sparse, but "
                f"shape {show(shape)} was given, which looks one-hot. Use .argmax(axis=-1) on it, or "
                "the loss 'categorical_crossentropy'."
            )
        if dtype.kind not in "iu":
            raise TypeError(
                f"{what} must hold class numbers as integers, but its dtype is {dtype}. If they are class "
                "numbers use .astype('int32'); if they are measurements use another loss, such as 'mse'; if NaN marks "
                "missing labels, make the model with MultiTaskModel(..., missing='nan')."
            )
        check_shape(what, shape, expected[:-1])
    elif kind == "one-hot" and not looks_one_hot and shape in (expected[:-1], shape[:1], (*shape[:-1], 1)):
        raise ValueError(
            f"{what} must be one-hot, of shape {show(expected)}, but shape {show(shape)} was given. For "
            "class numbers use 'sparse_categorical_crossentropy', or keras.utils.to_categorical on them."
        )
    elif kind != "unknown":
        check_shape(what, shape, expected)


def check_target_values(what: str, target: np.ndarray, loss: Any, head: Any) -> None:
    """NaN, and values that the loss cannot take."""
    advice = "Drop those examples; or, if NaN marks missing labels, make the model with MultiTaskModel(..., missing='nan')"
    check_finite(what, target, f"{advice}, or fill each and give it sample weight 0.")
    kind, units = loss_kind(loss), head.shape[-1]
    if kind == "labels":
        ignored = loss_option(loss, "ignore_class")
        labels = target if ignored is None else target[target != ignored]
        low, high = (int(labels.min()), int(labels.max())) if labels.size else (0, 0)
        if low < 0 or high >= units:
            advice = "Check the labels, or give the head one unit for each class."
            if (low, high) == (1, units):
                advice = "They seem to start at 1: subtract 1."
            elif low == -1:
                advice = (
                    "If -1 marks missing labels, make the model with MultiTaskModel(..., missing=-1); or make each 0 and "
                    "give it sample weight 0."
                )
            raise ValueError(
                f"{what} must hold classes from 0 to {units - 1}, as its head has {units} units, but labels "
                f"from {low} to {high} were given. {advice}"
            )
    elif kind == "one-hot" and (target.min() < 0 or abs(target.sum(axis=-1) - 1).max() > 1e-3):
        raise ValueError(
            f"{what} must be one-hot, every row zeros and a single 1 (or probabilities that sum to 1), but "
            "other rows were given. For several labels at once use sigmoid and 'binary_crossentropy'."
        )
    elif kind == "yes or no" and (target.min() < 0 or target.max() > 1):
        raise ValueError(
            f"{what} must lie between 0 (no) and 1 (yes), but numbers from {target.min():g} to "
            f"{target.max():g} were given. Recode it: from 1 and 2, subtract 1."
        )


def check_sample_weight(what: str, weight: np.ndarray, head: Any) -> None:
    """Zero or more and finite; one for each example or, for an image, for each pixel."""
    rank = len(head.shape)
    if rank == 2:
        check_shape(what, weight.shape, (None,))
    elif weight.ndim == 1:
        raise ValueError(
            f"{what} must have {rank - 1} axes, as its head has shape {show(head.shape)}, but shape "
            f"{show(weight.shape)} was given. Use .reshape({', '.join(['-1'] + ['1'] * (rank - 2))}) on it."
        )
    check_finite(what, weight)
    if weight.min() < 0 or not weight.any():
        given = f"the lowest is {weight.min():g}" if weight.min() < 0 else "all are zero"
        raise ValueError(
            f"{what} must be zero or more, and not zero everywhere, but {given}. Use 0 to leave an example "
            "out; to leave out a task, set its weight in Static."
        )
