"""Lesson 07: each wrong answer is met by its own message."""

from mtl_helpers.checks.lesson_07 import check_1, check_2, check_3

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import softmax


def expect(said, message):
    """None for a right answer, `...` for one not tried yet, else a part of what the check says."""
    if isinstance(message, str):
        assert message in said
    else:
        assert said is message


@pytest.mark.parametrize(
    ("units", "message"),
    [
        (13, None),
        (np.int64(13), None),
        (13.0, None),
        (16, "each head now reads all sixteen units"),
        (2, "the same width for each network"),
        (520, "That is a number of parameters"),
        (65, "one of the eight networks"),
        (17, "Did you forget the heads"),
        (12, "Did you count the biases"),
        (14, "Did you count the biases"),
        (20, "A shared trunk of 20 units makes 788 parameters, the eight networks have 520"),
        (12.8, "whole units"),
        (0, "at least one unit"),
        ("13", "One number of units"),
        (True, "One number of units"),
    ],
)
def test_width_of_equal_total(units, message):
    expect(check_1(units), message)


def ple(
    experts=lambda own, shared: [*own, *shared], weigh=lambda logits: softmax(logits, axis=1), after=None
):
    """A function as a learner writes it, right but for what is given."""

    def ple_features(x, own, shared, gate):
        weights = weigh(x @ gate)
        chosen = np.stack(experts(own, shared))
        mixed = np.einsum("ei,ieu->eu", weights[:, : len(chosen)], chosen)
        return mixed if after is None else after(mixed)

    return ple_features


def own_alone(x, own, shared, gate):
    return ple(lambda own, shared: own)(x, own, shared, gate[:, :2])


def shared_alone(x, own, shared, gate):
    return ple(lambda own, shared: shared)(x, own, shared, gate[:, 2:])


def in_a_loop(x, own, shared, gate):
    weights, total = softmax(x @ gate, axis=1), 0.0
    for place, expert in enumerate([*own, *shared]):
        total = total + weights[:, place, None] * expert
    return total


def in_tensorflow(x, own, shared, gate):
    weights = tf.nn.softmax(x @ gate)
    return tf.einsum("ei,ieu->eu", weights, tf.concat([own, shared], axis=0))


@pytest.mark.parametrize(
    ("ple_features", "message"),
    [
        (ple(), None),
        (in_a_loop, None),
        (in_tensorflow, None),
        (lambda x, own, shared, gate: ..., ...),
        (lambda x, own, shared, gate: None, "returned nothing"),
        (lambda x, own, shared, gate: {"a": x}, "returned a dict"),
        (lambda x, own, shared, gate: softmax(x @ gate, axis=1), "the weights of the gate"),
        (lambda x, own, shared, gate: own, "the shape (2, 6, 4) came"),
        (ple(lambda own, shared: [*shared, *own]), "The order is turned"),
        (ple(weigh=lambda logits: softmax(logits, axis=0)), "runs over the examples"),
        (ple(weigh=softmax), "over the whole table"),
        (ple(weigh=lambda logits: logits), "no softmax"),
        (own_alone, "Only the own experts"),
        (shared_alone, "Only the shared experts"),
        (lambda *a: own_alone(*a) + shared_alone(*a), "two softmaxes"),
        (lambda *a: (own_alone(*a) + shared_alone(*a)) / 2, "two softmaxes"),
        (lambda x, own, shared, gate: np.mean([*own, *shared], axis=0), "plain mean"),
        (lambda x, own, shared, gate: np.sum([*own, *shared], axis=0), "plain sum"),
        (ple(after=lambda mixed: mixed / 5), "add up"),
        (ple(weigh=lambda logits: np.tile(softmax(logits, axis=1).mean(axis=0), (6, 1))), "the same weights"),
        (ple(after=lambda mixed: mixed + 1), "These are other features"),
        (in_a_loop(np.ones((1, 2)), np.ones((1, 1, 3)), np.ones((1, 1, 3)), np.ones((2, 2))), "A function"),
    ],
)
def test_ple_by_hand(ple_features, message):
    expect(check_2(ple_features), message)


@pytest.mark.parametrize(
    ("experts", "gates", "message"),
    [
        (2828, 800, None),
        (2828.0, np.int64(800), None),
        (2800, 800, "has a bias too"),
        (707, 800, "There are four"),
        (5656, 800, "not copied for each task"),
        (1414, 800, "both tasks use all"),
        (2828, 808, "has no bias here"),
        (2828, 404, "with a bias"),
        (2828, 400, "Each task has its own"),
        (2828, 8, "not one number for each expert"),
        (2828, 4, "not one number for each expert"),
        (2828, 56, "not the 7 units"),
        (2828, 224, "not the outputs"),
        (2828, 0, "the matrix before it has"),
        (2828, 5600, "not one to each of its units"),
        (800, 2828, "swapped"),
        (11, 800, "What is the shape of each matrix"),
        ("many", 800, "a number is expected"),
    ],
)
def test_what_gates_cost(experts, gates, message):
    expect(check_3({"experts": experts, "gates": gates}), message)


def test_what_gates_cost_needs_both_keys():
    assert "'experts' and 'gates'" in check_3({"experts": 2828})
    assert "'experts' and 'gates'" in check_3(3628)
