"""Lesson 09: each wrong answer is met by its own message."""

from mtl_helpers import balancing, exercises
from mtl_helpers.checks import lesson_09
from mtl_helpers.checks.lesson_09 import GRADIENTS, VERDICTS, check_1, check_2, check_3

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


def pcgrad(
    itself=False,
    changed_ones=False,
    conflict=lambda own, start, other: own @ other < 0,
    product=lambda own, start, other: own @ other,
    length=lambda own, start, other: other @ other,
    sign=-1,
    join=lambda changed: changed.sum(axis=0),
    order=lambda generator, tasks: generator.permutation(tasks),
    copy=True,
):
    """PCGrad as a learner writes it, right but for what is given."""

    def pcgrad_for_many(gradients, generator):
        changed = gradients.copy() if copy else gradients
        for i in range(len(gradients)):
            start = gradients[i].copy()
            for j in order(generator, len(gradients)):
                if j == i and not itself:
                    continue
                other = changed[j] if changed_ones else gradients[j]
                if conflict(changed[i], start, other):
                    part = product(changed[i], start, other) / length(changed[i], start, other) * other
                    changed[i] = changed[i] + sign * part
        return join(changed)

    return pcgrad_for_many


def one_order_for_all(gradients, generator):
    order = generator.permutation(len(gradients))
    return pcgrad(order=lambda generator, tasks: order)(gradients, generator)


def rows_shuffled_in_place(gradients, generator):
    generator.shuffle(gradients)
    return pcgrad()(gradients, generator)


def with_the_helper(gradients, generator):
    return balancing.pcgrad(gradients)


def without_vectors(gradients, generator):
    total = 0
    for i, own in enumerate(gradients):
        for j in generator.permutation([j for j in range(len(gradients)) if j != i]):
            own = own - min(0, own @ gradients[j]) / np.linalg.norm(gradients[j]) ** 2 * gradients[j]
        total = total + own
    return total


def some_orders_missing(gradients, generator):
    return pcgrad(order=lambda generator, tasks: [0, 2, 1] if generator.random() < 0.5 else [1, 0, 2])(
        gradients, generator
    )


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (pcgrad(), None),
        (without_vectors, None),
        (lambda gradients, generator: ..., ...),
        (pcgrad(changed_ones=True), "the ORIGINAL gradients"),
        (pcgrad(copy=False), "the ORIGINAL gradients"),
        (pcgrad(join=lambda changed: changed.mean(axis=0)), "the mean of the changed gradients"),
        (pcgrad(conflict=lambda *_: True), "also where the product is positive"),
        (pcgrad(conflict=lambda own, start, other: own @ other > 0), "It is a conflict if `product < 0`"),
        (pcgrad(itself=True), "Skip `j == i`"),
        (pcgrad(length=lambda own, start, other: np.linalg.norm(other)), "SQUARED"),
        (pcgrad(length=lambda *_: 1.0), "has to be divided by"),
        (pcgrad(length=lambda own, start, other: own @ own), "along the OTHER gradient"),
        (pcgrad(length=lambda own, start, other: start @ start), "along the OTHER gradient"),
        (
            pcgrad(
                conflict=lambda own, start, other: start @ other < 0,
                product=lambda own, start, other: start @ other,
            ),
            "before all changes",
        ),
        (pcgrad(sign=1), "Write `own -=`"),
        (pcgrad(conflict=lambda *_: False), "the plain sum"),
        (pcgrad(join=lambda changed: changed), "A gradient for each task came back"),
        (pcgrad(join=lambda changed: changed.sum(axis=1)[:2]), "the shape is (2,)"),
        (pcgrad(join=lambda changed: None), "returned nothing"),
        (pcgrad(join=lambda changed: 7 * changed.sum(axis=0)), "not PCGrad's direction"),
        (pcgrad(order=lambda generator, tasks: generator.shuffle(np.arange(tasks))), "The order is None"),
        (pcgrad(order=lambda generator, tasks: range(tasks)), "the same at every call"),
        (
            pcgrad(order=lambda generator, tasks: np.random.default_rng(1).permutation(tasks)),
            "the same at every call",
        ),
        (one_order_for_all, "one and the same order"),
        (some_orders_missing, "that the orders can give only"),
        (rows_shuffled_in_place, "shuffled the rows"),
        (lambda gradients, generator: lambda: None, "returned another function"),
        (pcgrad()(GRADIENTS, np.random.default_rng(0)), "A function is expected"),
    ],
)
def test_pcgrad_for_many(function, message):
    expect(check_1(function), message)


@pytest.mark.slow
def test_helper_of_the_course_passes():
    keras.utils.set_random_seed(0)
    assert check_1(with_the_helper) is None


def test_gradients_of_the_check_tell_the_faults_apart():
    right = list(lesson_09._directions().values())
    assert lesson_09._number(np.array(right)) == 8
    for options, _ in lesson_09.FAULTS:
        wrong = np.array(list(lesson_09._directions(**options).values()))
        assert not lesson_09._among(wrong, right)


JOINT = "Bring each to length 1 first"


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda a, b, c: (0.5 / tf.sqrt(a), 0.5 / tf.sqrt(c)), None),
        (lambda a, b, c: [1 / (2 * np.sqrt(a)), 1 / (2 * np.sqrt(c))], None),
        (lambda a, b, c: tf.stack([0.5 * tf.math.rsqrt(a), 0.5 * tf.math.rsqrt(c)]), None),
        (lambda a, b, c: (..., ...), ...),
        (lambda a, b, c: ..., ...),
        (lambda a, b, c: (0.5 / a, 0.5 / c), "SQUARED lengths"),
        (lambda a, b, c: (1 / a, 1 / c), "take the square root. And a mean"),
        (lambda a, b, c: (1 / tf.sqrt(a), 1 / tf.sqrt(c)), "This is the sum"),
        (lambda a, b, c: (0.5 / tf.sqrt(c), 0.5 / tf.sqrt(a)), "of the OTHER one"),
        (lambda a, b, c: (0.5 * tf.sqrt(a), 0.5 * tf.sqrt(c)), "Divide"),
        (lambda a, b, c: (0.5, 0.5), "the plain mean"),
        (lambda a, b, c: 2 * (0.5 / tf.sqrt(a + 2 * b + c),), JOINT),
        (lambda a, b, c: 2 * (1 / tf.sqrt(a + 2 * b + c),), JOINT),
        (
            lambda a, b, c: (tf.sqrt(c) / (tf.sqrt(a) + tf.sqrt(c)), tf.sqrt(a) / (tf.sqrt(a) + tf.sqrt(c))),
            "IMTL-G's weights",
        ),
        (lambda a, b, c: (0.1, 0.2), "should be one half for each, but it is 0.500 and 0.346"),
        (lambda a, b, c: None, "returned nothing"),
        (lambda a, b, c: {"first": 1, "second": 2}, "Two weights are expected"),
        (lambda a, b, c: (1, 2, 3), "Two weights are expected"),
        (lambda a, b, c: ([1, 2], [3, 4]), "must be one number"),
        ((0.1, 0.2), "A function is expected"),
    ],
)
def test_mean_of_unit_gradients(function, message):
    expect(check_2(function), message)


def test_verdicts():
    assert check_3(VERDICTS) is None
    for pair, right in VERDICTS.items():
        for given in VERDICTS.values():
            if given != right:
                said = check_3({**VERDICTS, pair: given})
                assert said.startswith(f"Pair {pair} is not {given}. ") and len(said) > 40
    assert "is expected, but 'noisy' was given" in check_3({**VERDICTS, "A": "noisy"})
    assert "Change only the values" in check_3({"A": "noise"})
    assert "Change only the values" in check_3(list(VERDICTS))


@pytest.mark.parametrize("exercise", ["09.1", "09.2", "09.3"])
@pytest.mark.parametrize("nonsense", [None, "", 3, [], lambda: None, lambda *given: "42", {"a": 1}])
def test_nonsense_is_answered_and_never_raises(exercise, nonsense):
    assert exercises.check(exercise, nonsense).status == exercises.WRONG
