"""Lesson 06: each wrong answer is met by its own message."""

from mtl_helpers import exercises
from mtl_helpers.checks import lesson_06
from mtl_helpers.checks.lesson_06 import CHANGES, check_1, check_2, check_3

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


WEIGHT, SGD, ADAM = CHANGES


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({}, None),
        ({WEIGHT: 1000**2, SGD: 10, ADAM: 1}, None),
        ({WEIGHT: np.float32(1e6)}, None),
        ({WEIGHT: 1e3}, "The loss is a squared error"),
        ({WEIGHT: 1e-3}, "Two faults"),
        ({WEIGHT: 1e-6}, "its direction is not"),
        ({WEIGHT: 1}, "did not stay the same"),
        ({WEIGHT: 0}, "takes the task out"),
        ({WEIGHT: 2000}, "Squaring does not double"),
        ({WEIGHT: 0.5}, "By how much does the mean of e² shrink"),
        ({SGD: 1, ADAM: 10}, "the wrong way round"),
        ({SGD: 1}, "The balance of the tasks is the same, but the total is not"),
        ({SGD: 20}, "Both weights grew by the same factor"),
        ({SGD: 2}, "the ratio of the tasks"),
        ({SGD: 100}, "A weight is not squared"),
        ({SGD: 0.1}, "does not make a smaller step"),
        ({SGD: 7}, "what is it multiplied by"),
        ({ADAM: 10}, "a common factor of both weights cancels"),
        ({ADAM: 0}, "nothing moves"),
        ({ADAM: "next to nothing"}, "a number is expected"),
        ({ADAM: True}, "a number is expected"),
    ],
)
def test_changes(changed, message):
    expect(check_1({**CHANGES, **changed}), message)


def test_changes_need_all_three_keys():
    assert "three keys" in check_1({SGD: 10})
    assert "three keys" in check_1([1e6, 10, 1])


def total(
    half=(0.5, 1.0),
    term=0.5,
    weight=lambda s: tf.exp(-s),
    own=("body_mass", "sex"),
    joined=lambda a, b: a + b,
):
    """A function as a learner writes it, right but for what is given."""

    def uncertainty_total(losses, s):
        parts = [
            factor * weight(s[name]) * losses[task] + term * s[name]
            for task, factor, name in zip(("body_mass", "sex"), half, own, strict=True)
        ]
        return joined(*parts)

    return uncertainty_total


def in_a_loop(losses, s):
    result = 0.0
    for task in losses:
        part = tf.exp(-s[task]) * losses[task]
        if task == "body_mass":
            part = part / 2
        result += part + s[task] / 2
    return result


def with_keras(losses, s):
    mass = keras.ops.exp(-s["body_mass"]) * losses["body_mass"]
    return (mass + s["body_mass"] + s["sex"]) / 2 + keras.ops.exp(-s["sex"]) * losses["sex"]


def divided(losses, s):
    mass = losses["body_mass"] / (2 * tf.exp(s["body_mass"])) + tf.math.log(tf.exp(s["body_mass"]) ** 0.5)
    return mass + losses["sex"] / tf.exp(s["sex"]) + 0.5 * s["sex"]


def in_numpy(losses, s):
    values = {task: float(value) for task, value in s.items()}
    half = 0.5 * np.exp(-values["body_mass"]) * losses["body_mass"] + 0.5 * values["body_mass"]
    return half + np.exp(-values["sex"]) * losses["sex"] + 0.5 * values["sex"]


def one_s_in_numpy(losses, s):
    return total()(losses, {"body_mass": s["body_mass"], "sex": tf.constant(s["sex"].numpy())})


def exp(sign):
    return lambda s: tf.exp(sign * s)


@pytest.mark.parametrize(
    ("uncertainty_total", "message"),
    [
        (total(), None),
        (in_a_loop, None),
        (with_keras, None),
        (divided, None),
        (lambda losses, s: ..., ...),
        (total(half=(0.5, 0.5)), "½ stands before both losses"),
        (total(half=(1.0, 1.0)), "No ½ stands before the squared error"),
        (total(half=(1.0, 0.5)), "at the wrong task"),
        (total(term=0.0), "is missing"),
        (total(term=0.0, half=(0.5, 0.5)), "Two faults. The `+ ½·s` is missing"),
        (total(term=0.0, half=(1.0, 1.0)), "And no ½ stands before the squared error"),
        (total(term=1.0), "Each s is added whole"),
        (total(weight=exp(-2), term=1.0), "That is right for `s = ln σ`"),
        (total(weight=exp(-2)), "The exponent is −2s"),
        (total(weight=exp(1), term=-0.5), "the form of IMTL-L"),
        (total(weight=exp(1), term=-1.0, half=(1.0, 1.0)), "This is IMTL-L"),
        (total(weight=exp(1)), "The weight is e^s"),
        (total(term=-0.5), "is subtracted"),
        (total(own=("body_mass", "body_mass")), "use the s of `body_mass`"),
        (total(own=("sex", "sex")), "use the s of `sex`"),
        (total(own=("sex", "body_mass")), "swapped"),
        (total(joined=lambda a, b: (a + b) / 2), "half of the total"),
        (total(joined=lambda a, b: 2 * (a + b)), "twice the total"),
        (total(joined=lambda a, b: a), "Only `body_mass` is in the total"),
        (total(joined=lambda a, b: b), "Only `sex` is in the total"),
        (
            lambda losses, s: losses["body_mass"] + losses["sex"] + 0 * s["sex"] + 0 * s["body_mass"],
            "plain sum",
        ),
        (total(half=(0.25, 1.0)), "This is another formula"),
        (total(weight=lambda s: 1 / s), "This is another formula"),
        (in_numpy, "The total carries no gradient"),
        (total(weight=lambda s: np.exp(-s)), "a part of it carries no gradient"),
        (one_s_in_numpy, "a part of it carries no gradient"),
        (lambda losses, s: float(total()(losses, s)), "carries no gradient"),
        (lambda losses, s: None, "returned nothing"),
        (lambda losses, s: {"body_mass": 1.0, "sex": 2.0}, "a dictionary came"),
        (total(joined=lambda a, b: tf.stack([a, b])), "but 2 came"),
        (lambda losses, s: total(), "returned a function"),
        (3.0, "A function is expected"),
    ],
)
def test_uncertainty_total(uncertainty_total, message):
    expect(check_2(uncertainty_total), message)


def test_all_known_faults_differ_from_each_other_and_from_the_right_total():
    ways = [how for _, how in lesson_06._FAULTS]
    totals = [[lesson_06._total(*trial, **how) for trial in lesson_06._TRIALS] for how in [{}, *ways]]
    for place, one in enumerate(totals):
        for other in totals[:place]:
            assert np.abs(np.subtract(one, other)).max() > 1e-3


def softmax(values):
    powers = np.exp(values)
    return powers / powers.sum()


def dwa(
    ratio=lambda means: means[:, -1] / means[:, -2],
    means=lambda epochs: epochs.mean(axis=1),
    heat=lambda ratio, temperature: ratio / temperature,
    share=lambda values: 2 * softmax(values),
    first_two=True,
):
    """A function as a learner writes it, right but for what is given."""

    def dwa_weights(history, temperature=2.0):
        table = np.array([means(epochs) for epochs in history.values()])
        if first_two and len(history["sex"]) < 2:
            return dict.fromkeys(history, 1.0)
        return dict(zip(history, share(heat(ratio(table), temperature)), strict=True))

    return dwa_weights


def last_over(place):
    return lambda means: means[:, -1] / means[:, place]


def upside_down(means):
    return means[:, -2] / means[:, -1]


def mean_of_ratios(history, temperature=2.0):
    ratio = np.array([(epochs[-1] / epochs[-2]).mean() for epochs in history.values()])
    return dict(zip(history, 2 * softmax(ratio / temperature), strict=True))


def in_tensorflow(history, temperature=2.0):
    epochs = tf.stack([tf.reduce_mean(values, axis=1) for values in history.values()])
    if epochs.shape[1] < 2:
        return {"body_mass": 1.0, "sex": 1.0}
    weights = 2 * tf.nn.softmax(epochs[:, -1] / epochs[:, -2] / temperature)
    return {"body_mass": weights[0], "sex": weights[1]}


@pytest.mark.parametrize(
    ("dwa_weights", "message"),
    [
        (dwa(), None),
        (in_tensorflow, None),
        (dwa(means=lambda epochs: epochs.sum(axis=1)), None),
        (lambda history, temperature=2.0: ..., ...),
        (lambda history, temperature=2.0: dict.fromkeys(history, ...), ...),
        (dwa(ratio=upside_down), "upside down"),
        (dwa(share=softmax), "sum to 1"),
        (dwa(ratio=upside_down, share=softmax), "Two faults. The ratio is upside down"),
        (dwa(means=lambda epochs: epochs[-1]), "the last two batches"),
        (dwa(means=lambda epochs: epochs[:, -1]), "against the last batch of the one before"),
        (mean_of_ratios, "the mean of a ratio for each batch"),
        (dwa(means=lambda epochs: epochs.mean(axis=0)), "The mean is taken over the epochs"),
        (dwa(heat=lambda ratio, temperature: ratio * temperature), "multiplied by the temperature"),
        (dwa(heat=lambda ratio, temperature: ratio), "not used"),
        (dwa(heat=lambda ratio, temperature: ratio / 2), "whatever is given"),
        (dwa(ratio=last_over(0)), "compared with the first"),
        (dwa(ratio=lambda means: means[:, -2] / means[:, -3]), "the two epochs before the last one"),
        (dwa(ratio=lambda means: means[:, -1] - means[:, -2]), "a difference of losses"),
        (dwa(ratio=lambda means: means[:, -1]), "how large the loss is"),
        (dwa(heat=lambda r, t: r, share=lambda r: 2 * r / r.sum()), "without a softmax"),
        (dwa(heat=lambda r, t: r, share=lambda r: r / r.sum()), "Two faults. The ratios are scaled"),
        (dwa(heat=lambda r, t: r, share=lambda r: r), "the ratios themselves"),
        (dwa(share=lambda values: 2 * softmax(values)[::-1]), "swapped"),
        (lambda history, temperature=2.0: dict.fromkeys(history, 1.0), "Every weight is 1"),
        (lambda history, temperature=2.0: {"body_mass": 0.5, "sex": 1.7}, "These are not the weights"),
        (lambda history, temperature=2.0: [1.0, 1.0], "returned a list"),
        (lambda history, temperature=2.0: None, "returned nothing"),
        (lambda history, temperature=2.0: {"mass": 1.0}, "the keys found are 'mass'"),
        (lambda history, temperature=2.0: {t: e[-1] / e[-2] for t, e in history.items()}, "second axis"),
        ({"body_mass": 1.0}, "A function is expected"),
    ],
)
def test_dwa_weights(dwa_weights, message):
    expect(check_3(dwa_weights), message)


def test_weights_before_the_second_epoch_has_ended():
    assert "every weight is to be 1" in check_3(dwa(first_two=False))

    def takes_what_there_is(history, temperature=2.0):
        if len(history["sex"]) < 2:
            return dict.fromkeys(history, 0.5)
        return dwa()(history, temperature)

    assert "every weight is to be 1" in check_3(takes_what_there_is)


@pytest.mark.parametrize("exercise", ["06.1", "06.2", "06.3"])
@pytest.mark.parametrize("nonsense", [None, "", 3, [], lambda: None, lambda *given: "42", {"a": 1}])
def test_nonsense_is_answered_and_never_raises(exercise, nonsense):
    assert exercises.check(exercise, nonsense).status == exercises.WRONG


def test_weights_as_soon_as_the_second_epoch_has_ended():
    def too_late(history, temperature=2.0):
        if len(history["sex"]) <= 2:
            return dict.fromkeys(history, 1.0)
        return dwa()(history, temperature)

    assert "the ratio is due already" in check_3(too_late)

    def needs_three(history, temperature=2.0):
        assert len(history["sex"]) != 2
        return dwa()(history, temperature)

    assert "the ratio is due already" in check_3(needs_three)
