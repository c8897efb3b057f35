"""Lesson 08: each wrong answer is met by its own message."""

from mtl_helpers import exercises
from mtl_helpers.checks.lesson_08 import TWO_OF_EIGHT, check_1, check_2, check_3

import keras
import numpy as np
import pytest
import tensorflow as tf


def expect(said, message):
    """None for a right answer, `...` for one not tried yet, else a part of what the check says."""
    if isinstance(message, str):
        assert message in said
    else:
        assert said is message


BATCH, MASKED, FACTOR = TWO_OF_EIGHT


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({}, None),
        ({BATCH: np.float32(0.5), MASKED: 2}, None),
        ({BATCH: 2, MASKED: 0.5}, "the wrong way round"),
        ({BATCH: 2}, "The batch has eight examples"),
        ({BATCH: 4}, "That is the sum. Divide it by the eight"),
        ({BATCH: 1}, "they are counted below it"),
        ({BATCH: 7}, "the batch holds eight"),
        ({MASKED: 0.5}, "must not count what has no label"),
        ({MASKED: 4}, "A mean divides it"),
        ({MASKED: 3}, "two labels are there"),
        ({FACTOR: 0.25}, "turn it over"),
        ({FACTOR: 16}, "A gradient is not squared"),
        ({FACTOR: 1}, "That number differs"),
        ({FACTOR: 8}, "Eight is what one of them is divided by"),
        ({FACTOR: 2}, "Two is what one of them is divided by"),
        ({FACTOR: 3}, "Compare the two losses"),
        ({FACTOR: "four"}, "a number is expected"),
        ({FACTOR: True}, "a number is expected"),
    ],
)
def test_two_of_eight(changed, message):
    expect(check_1({**TWO_OF_EIGHT, **changed}), message)


def test_two_of_eight_needs_all_three_keys():
    assert "three keys" in check_1({BATCH: 0.5})
    assert "three keys" in check_1([0.5, 2, 4])


crossed = keras.losses.sparse_categorical_crossentropy


def masked(
    stand_in=0,
    there=lambda target: target >= 0,
    below=lambda labelled: tf.reduce_sum(labelled),
    keep=lambda labelled: labelled,
    divide=tf.math.divide_no_nan,
):
    """A function as a learner writes it, right but for what is given."""

    def masked_cross_entropy(target, prediction):
        known = there(target)
        losses = crossed(tf.where(target >= 0, target, stand_in), prediction)
        labelled = tf.cast(known, tf.float32)
        return divide(tf.reduce_sum(keep(labelled) * losses), below(labelled))

    return masked_cross_entropy


def with_boolean_mask(target, prediction):
    kept = crossed(target[target >= 0], prediction[target >= 0])
    return tf.math.divide_no_nan(tf.reduce_sum(kept), tf.cast(tf.size(kept), tf.float32))


def with_keras(target, prediction):
    loss = keras.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight")
    return loss(keras.ops.maximum(target, 0), prediction, keras.ops.cast(target >= 0, "float32"))


def weights_alone(target, prediction):
    loss = keras.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight")
    return loss(target, prediction, tf.cast(target >= 0, tf.float32))


def keras_default(target, prediction):
    loss = keras.losses.SparseCategoricalCrossentropy()
    return loss(tf.maximum(target, 0), prediction, tf.cast(target >= 0, tf.float32))


def in_numpy(target, prediction):
    return float(masked()(target, prediction))


def one_each(target, prediction):
    return crossed(tf.maximum(target, 0), prediction) * tf.cast(target >= 0, tf.float32)


@pytest.mark.parametrize(
    ("masked_cross_entropy", "message"),
    [
        (masked(), None),
        (masked(stand_in=2), None),
        (with_boolean_mask, None),
        (with_keras, None),
        (lambda target, prediction: ..., ...),
        (lambda target, prediction: None, "returned nothing"),
        (weights_alone, "A -1 reached the loss"),
        (lambda target, prediction: tf.reduce_mean(crossed(target, prediction)), "A -1 reached the loss"),
        (keras_default, "divided by all six examples"),
        (masked(below=lambda labelled: 1.0), "the sum over the labels"),
        (masked(keep=tf.ones_like), "The divisor is right. The stand-in labels are counted"),
        (lambda t, p: tf.reduce_mean(crossed(tf.maximum(t, 0), p)), "The stand-in labels are counted"),
        (
            masked(stand_in=2, keep=tf.ones_like, below=lambda labelled: 6.0),
            "The stand-in labels are counted",
        ),
        (masked(there=lambda target: target > 0), "Class 0 was left out"),
        (masked(there=lambda target: target < 0), "The mask is upside down"),
        (masked(divide=tf.divide), "A batch without any gives nan"),
        (lambda t, p: masked()(t, p) * tf.constant(np.nan), "The loss is NaN"),
        (lambda t, p: masked()(t, p) + 1.0, "The check expects"),
        (in_numpy, "carries no gradient"),
        (one_each, "one for each example came"),
        (lambda t, p: p, "One number is expected, but 18 came"),
        (lambda t, p: {"loss": 1.0}, "a dict came"),
        (0.7, "A function is expected"),
    ],
)
def test_masked_cross_entropy(masked_cross_entropy, message):
    expect(check_2(masked_cross_entropy), message)


def powers(exponent, divided=True):
    def shares(sizes, temperature):
        found = np.asarray(sizes, float) ** exponent(temperature)
        return found / found.sum() if divided else found

    return shares


def softmax(sizes, temperature):
    scaled = np.asarray(sizes, float) / temperature
    found = np.exp(scaled - scaled.max())
    return found / found.sum()


def no_infinity(sizes, temperature):
    return powers(lambda t: 1 / t if np.isfinite(t) else 1.0)(sizes, temperature)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        (powers(lambda t: 1 / t), None),
        (lambda sizes, t: list(powers(lambda t: 1 / t)(sizes, t)), None),
        (lambda sizes, t: ..., ...),
        (lambda sizes, t: None, "returned nothing"),
        (powers(lambda t: 1 / t, divided=False), "The shares must sum to 1"),
        (powers(lambda t: t), "This is n^T"),
        (powers(lambda t: 1), "the temperature is not used"),
        (powers(lambda t: 0), "All sets have the same share"),
        (powers(lambda t: -1), "The smallest set has the largest share"),
        (powers(lambda t: -1 / t), "The smallest set has the largest share"),
        (lambda sizes, t: sizes, "These are the sizes"),
        (softmax, "a softmax of the sizes"),
        (lambda sizes, t: (np.array(sizes) / sum(sizes)) ** (1 / t), "The power comes first"),
        (powers(lambda t: 0.5), "Right for T = 2, but not for T = ∞"),
        (no_infinity, "Right for T = 2, but not for T = ∞"),
        (lambda sizes, t: 0.5, "One share for each of the 3 data sets"),
        (lambda sizes, t: [0.2, 0.3, 0.5], "the powers are 20, 10 and 5"),
        ([0.5, 0.5], "A function is expected"),
    ],
)
def test_shares(shares, message):
    expect(check_3(shares), message)


@pytest.mark.parametrize("exercise", ["08.1", "08.2", "08.3"])
@pytest.mark.parametrize("nonsense", [None, "", 3, [], lambda: None, lambda *given: "42", {"a": 1}])
def test_nonsense_is_answered_and_never_raises(exercise, nonsense):
    assert exercises.check(exercise, nonsense).status == exercises.WRONG
