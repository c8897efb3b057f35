"""Two gradients are where they should be, and the weights for two tasks are those of the balancers for many."""

from mtl_helpers import balancing
from mtl_helpers.two_tasks import aligned_mtl, cagrad, two_gradients

import numpy as np
import pytest
import tensorflow as tf


@pytest.mark.parametrize(("angle", "length"), [(0, 1), (90, 2), (120, 3), (180, 10)])
def test_two_gradients_have_the_angle_and_the_length(angle: float, length: float) -> None:
    first, second = two_gradients(angle, length)
    np.testing.assert_allclose(first, [1, 0])
    assert np.linalg.norm(second) == pytest.approx(length)
    assert np.degrees(np.arctan2(second[1], second[0])) == pytest.approx(angle)


@pytest.mark.parametrize("strength", [0.2, 0.5, 0.9])
def test_cagrad_is_that_of_many_tasks(strength: float) -> None:
    _compare(lambda a, b, c: cagrad(a, b, c, strength), lambda g: balancing.cagrad(g, c=strength))


def test_aligned_mtl_is_that_of_many_tasks() -> None:
    _compare(aligned_mtl, balancing.aligned_mtl)


def _compare(ours, theirs) -> None:
    generator = np.random.default_rng(0)
    for _ in range(30):
        gradients = 10 ** generator.uniform(-2, 2, size=(2, 1)) * generator.normal(size=(2, 3))
        (a, b), (_, c) = gradients @ gradients.T
        found = np.array(ours(*tf.constant([a, b, c]))) @ gradients
        expected = theirs(gradients).numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7 * np.abs(gradients).max())


def test_gradients_without_length_give_numbers() -> None:
    zero = tf.constant(0.0, tf.float64)
    for weights in (aligned_mtl(zero, zero, zero), cagrad(zero, zero, zero)):
        assert np.isfinite(np.array(weights)).all()
