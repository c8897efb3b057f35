"""The checks of lesson 08: what a mean divides by, a masked cross-entropy, shares for sampling by temperature."""

from collections.abc import Callable, Mapping
from types import EllipsisType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

Answer = str | EllipsisType | None

TWO_OF_EIGHT = {"divided by the batch": 0.5, "masked mean": 2.0, "gradient smaller by": 4.0}


def check_1(two_of_eight: dict[str, float]) -> Answer:
    """Two labels among eight examples: the sum of their losses, divided by one or the other."""
    if not isinstance(two_of_eight, Mapping) or set(two_of_eight) != set(TWO_OF_EIGHT):
        return "A dictionary with the three keys of the exercise is expected. Change only the numbers."
    for what, value in two_of_eight.items():
        if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
            return f"'{what}': a number is expected, but {value!r} was given."
    batch, masked, factor = (float(two_of_eight[what]) for what in TWO_OF_EIGHT)
    if np.isclose(batch, 2.0) and np.isclose(masked, 0.5):
        return "You have the two means the wrong way round. The masked mean divides by the labels that are there, two."
    if not np.isclose(batch, 0.5):
        told = {
            2.0: "That is the sum over the two labels, divided by two. The batch has eight examples",
            4.0: "That is the sum. Divide it by the eight examples",
            1.0: "Filled examples add nothing to the sum, as their weight is 0; but they are counted below it",
        }
        return f"'divided by the batch': not {batch:g}. {told.get(batch, 'The sum is 1 + 3, the batch holds eight')}."
    if not np.isclose(masked, 2.0):
        told = {
            0.5: "The masked mean must not count what has no label. Divide by two, not by eight",
            4.0: "That is the sum over the labels. A mean divides it",
        }
        return f"'masked mean': not {masked:g}. {told.get(masked, 'The sum is 1 + 3, and two labels are there')}."
    if not np.isclose(factor, 4.0):
        told = {
            0.25: "The question is how many times smaller, so the factor is above 1: turn it over",
            16.0: "A gradient is not squared: it follows its loss",
            1.0: "The gradient is that of the sum, divided by the same number as the loss. That number differs",
            8.0: "Eight is what one of them is divided by. The other one is divided too",
            2.0: "Two is what one of them is divided by. The other one is divided too",
        }
        return (
            f"'gradient smaller by': not {factor:g}. {told.get(factor, 'Compare the two losses: 0.5 and 2')}."
        )
    return None


_TARGET = np.array([2, -1, 0, -1, -1, 1], "int32")
_PREDICTION = np.array(
    [
        [0.2, 0.3, 0.5],
        [0.9, 0.05, 0.05],
        [0.6, 0.3, 0.1],
        [0.1, 0.1, 0.8],
        [0.3, 0.4, 0.3],
        [0.5, 0.25, 0.25],
    ],
    "float32",
)
_TENSORFLOW = "Use TensorFlow's functions, and no NumPy, `float` or `.numpy()`."


def check_2(masked_cross_entropy: Callable) -> Answer:
    """A function from class numbers with -1 for gaps, and probabilities, to the mean over the labels."""
    if not callable(masked_cross_entropy):
        return "A function is expected. Write `exercises.check('08.2', masked_cross_entropy)`, without calling it."
    prediction = tf.constant(_PREDICTION)
    try:
        with tf.GradientTape() as tape:
            tape.watch(prediction)
            loss = masked_cross_entropy(tf.constant(_TARGET), prediction)
    except tf.errors.InvalidArgumentError:
        return (
            "A -1 reached the loss, which refuses it, also if its weight is 0. Replace it by a class first: "
            "`tf.where(there, target, 0)`."
        )
    if (problem := _no_loss(loss)) is not None:
        return problem
    if (problem := _wrong_loss(float(loss))) is not None:
        return problem
    gradient = tape.gradient(loss, prediction) if isinstance(loss, tf.Tensor) else None
    if gradient is None:
        return f"The number is right, but it carries no gradient, so nothing would be learned. {_TENSORFLOW}"
    gaps = tf.constant([-1, -1], "int32")
    nothing = masked_cross_entropy(gaps, tf.constant(_PREDICTION[:2]))
    if not np.isfinite(float(nothing)) or float(nothing) != 0.0:
        return (
            f"Right while there are labels. A batch without any gives {float(nothing):g}, and must give 0: "
            "`tf.math.divide_no_nan(0, 0)` is 0."
        )
    return None


def _no_loss(loss: Any) -> Answer:
    if loss is ...:
        return ...
    if loss is None:
        return "The function returned nothing. End it with `return` and the loss."
    if callable(loss) or isinstance(loss, (str, Mapping)):
        return f"One number is expected, but a {type(loss).__name__} came."
    if np.size(loss) == (_TARGET >= 0).sum() or np.size(loss) == len(_TARGET):
        return "One number is expected, but one for each example came. Add them up, and divide by the number of labels."
    if np.size(loss) != 1:
        return f"One number is expected, but {np.size(loss)} came. Divide the sum by the number of labels."
    return None


def _wrong_loss(loss: float) -> str | None:
    """None for the masked mean, else what is wrong with it."""
    there = _TARGET >= 0
    of_class = np.where(there, _TARGET, 0)
    losses = np.array(keras.losses.sparse_categorical_crossentropy(of_class, _PREDICTION), dtype=float)
    last = np.array(
        keras.losses.sparse_categorical_crossentropy(np.where(there, _TARGET, 2), _PREDICTION), float
    )
    right, labels = losses[there].sum(), there.sum()
    known = _TARGET > 0
    counted = (
        "The stand-in labels are counted as if they were real. Multiply their losses by 0 before the sum."
    )
    faults = [
        (
            right / len(there),
            "The sum is divided by all six examples. Divide it by the number of labels, three.",
        ),
        (right, "This is the sum over the labels. Divide it by their number."),
        (losses.mean(), counted),
        (last.mean(), counted),
        (losses.sum() / labels, f"The divisor is right. {counted}"),
        (
            losses[known].sum() / known.sum(),
            "Class 0 was left out. It is a class: only -1 says that a label is missing.",
        ),
        (losses[~there].mean(), "The mask is upside down: these are the examples without a label."),
    ]
    if np.isclose(loss, right / labels, atol=1e-5):
        return None
    if np.isnan(loss):
        return "The loss is NaN. Where did it come from: a division by 0, or a -1 that was not replaced?"
    for wrong, message in faults:
        if np.isclose(loss, wrong, atol=1e-5):
            return message
    return f"The check expects {right / labels:.4f}, but {loss:.4f} came. Which examples are in your sum?"


_SIZES = (400, 100, 25)


def check_3(shares: Callable) -> Answer:
    """A function from the sizes of data sets and a temperature to the shares in which to draw from them."""
    if not callable(shares):
        return "A function is expected. Write `exercises.check('08.3', shares)`, without calling it."
    found = shares(list(_SIZES), 2.0)
    if found is ...:
        return ...
    if found is None:
        return "The function returned nothing. End it with `return` and the shares."
    sizes, found = np.array(_SIZES, float), np.asarray(found, dtype=float)
    if found.shape != sizes.shape:
        return f"One share for each of the {len(sizes)} data sets is expected, but shape {found.shape} came."
    if (problem := _wrong_shares(found, sizes)) is not None:
        return problem
    for temperature, wanted, name in ((np.inf, np.full(3, 1 / 3), "∞"), (1.0, sizes / sizes.sum(), "1")):
        with np.errstate(all="ignore"):
            if not np.allclose(np.asarray(shares(list(_SIZES), temperature), dtype=float), wanted, atol=1e-6):
                return f"Right for T = 2, but not for T = {name}. The exponent is 1 / T, for every T."
    return None


def _wrong_shares(found: np.ndarray, sizes: np.ndarray) -> str | None:
    def shared(powers: np.ndarray) -> np.ndarray:
        return powers / powers.sum()

    right = shared(sizes**0.5)
    exponentials = np.exp((sizes - sizes.max()) / 2)
    faults = [
        (sizes**0.5, "The shares must sum to 1. Divide by their sum."),
        (
            shared(sizes**2),
            "This is n^T. The exponent is 1 / T: a high temperature is to make the shares alike.",
        ),
        (shared(sizes), "These shares follow size alone: the temperature is not used."),
        (sizes, "These are the sizes. Raise them to 1 / T, and divide by their sum."),
        (
            shared(exponentials),
            "This is a softmax of the sizes. Here the sizes themselves are raised to a power: n^(1 / T).",
        ),
        (shared(sizes) ** 0.5, "The power comes first, then the division: these do not sum to 1."),
        (np.full(3, 1 / 3), "All sets have the same share. That is the limit of a large T; here it is 2."),
        (shared(1 / sizes), "The smallest set has the largest share. The exponent 1 / T is positive."),
        (shared(sizes**-0.5), "The smallest set has the largest share. The exponent 1 / T is positive."),
    ]
    if np.allclose(found, right, atol=1e-6):
        return None
    for wrong, message in faults:
        if np.allclose(found, wrong, atol=1e-6):
            return message
    return f"For sizes of 400, 100 and 25 and T = 2 the powers are 20, 10 and 5. Your shares are {np.round(found, 3)}."
