"""The two-dimensional problem of lesson 09 is that of the papers, and its paths are those of Adam."""

import math
from typing import Any

from mtl_helpers import toy

import keras
import numpy as np
import pytest
import tensorflow as tf

SOME = np.array([(-8.5, 7.5), (9.0, 9.0), (-8.5, -5.0), (1.0, 3.0), (-2.0, -1.0), (4.0, 0.3), (0.5, -9.5)])


def mean(a: tf.Tensor, b: tf.Tensor, c: tf.Tensor) -> tuple[Any, Any]:
    return tf.ones_like(a) / 2, tf.ones_like(a) / 2


def first_task(a: tf.Tensor, b: tf.Tensor, c: tf.Tensor) -> tuple[Any, Any]:
    return tf.ones_like(a), tf.zeros_like(a)


def of_the_papers(x: float, y: float) -> list[float]:
    valleys = [0.5 * (-x - 7) - math.tanh(-y), 0.5 * (-x + 3) + math.tanh(-y) + 2]
    f = [math.log(max(abs(valley), 5e-6)) + 6 for valley in valleys]
    q = [((side - x) ** 2 * sign + 0.1 * (y + 8) ** 2) / 10 - 20 for side, sign in ((7, 1), (-7, 1))]
    above, below = max(math.tanh(y / 2), 0), max(math.tanh(-y / 2), 0)
    return [f[task] * above + q[task] * below for task in (0, 1)]


def test_losses_are_those_of_the_papers() -> None:
    np.testing.assert_allclose(toy.losses(SOME), [of_the_papers(*point) for point in SOME], rtol=1e-12)
    # By hand: at (7, -8) the first bowl is at its bottom, -20, and the second 196/10 above it; tanh 4 = .99933.
    np.testing.assert_allclose(toy.losses([[7.0, -8.0]]), [[-20 * math.tanh(4), -0.4 * math.tanh(4)]])


def test_gradients_are_finite_differences() -> None:
    small = 1e-6
    for axis in (0, 1):
        shift = small * np.eye(2)[axis]
        slope = (toy.losses(SOME + shift) - toy.losses(SOME - shift)) / (2 * small)
        np.testing.assert_allclose(toy.gradients(SOME)[:, :, axis], slope, rtol=1e-5, atol=1e-7)


@pytest.mark.slow
def test_a_point_on_the_line_where_both_shares_are_zero_still_moves() -> None:
    on_the_line = toy.gradients([[0.0, 0.0]]).numpy()
    # All of the slope of `above`, 1/2, times both valleys, and minus all of that of `below` times both bowls.
    expected = (math.log(3.5) + 6) / 2 - (49 / 10 + 0.64 - 20) / 2
    np.testing.assert_allclose(on_the_line, [[[0, expected], [0, expected]]], atol=1e-12)
    [[path]] = toy.descend({"mean": mean}, [1e-2], starts=[(0.0, 0.0)], steps=4000, kept=20)["mean"]
    assert path[-1, 1] < -5


def test_the_best_point_and_the_front() -> None:
    x, y = np.meshgrid(np.linspace(-10, 10, 201), np.linspace(-10, 10, 201))
    everywhere = toy.losses(np.stack([x.ravel(), y.ravel()], axis=1)).numpy()
    assert (toy.losses([toy.BEST]).numpy().mean() <= everywhere.mean(axis=1)).all()
    assert np.abs(toy.gradients([toy.BEST]).numpy().mean(axis=1)).max() < 1e-3
    front = toy.front(29)
    assert front[0, 0] == -7 and front[-1, 0] == 7
    np.testing.assert_allclose(front[14], toy.BEST, atol=1e-3)
    at_front = toy.losses(front).numpy()
    assert (np.diff(at_front[:, 0]) < 0).all() and (np.diff(at_front[:, 1]) > 0).all()
    dominated = (everywhere[:, None] < at_front - 1e-3).all(axis=2)
    assert not dominated.any()


def test_valleys_are_where_a_loss_is_smallest() -> None:
    y = np.linspace(0.5, 10, 20)
    for task, valley in enumerate(toy.valleys(y)):
        inside, beside = (
            toy.losses(np.stack([valley + move, y], axis=1)).numpy()[:, task] for move in (0, 0.1)
        )
        np.testing.assert_allclose(inside, (math.log(5e-6) + 6) * np.tanh(y / 2))
        assert (inside < beside).all()


@pytest.mark.slow
def test_paths_are_those_of_keras_adam() -> None:
    paths = toy.descend({"mean": mean, "first": first_task}, [1e-2, 1e-3], steps=60, kept=20)
    assert {name: path.shape for name, path in paths.items()} == dict.fromkeys(paths, (2, 3, 21, 2))
    for name, mix in (("mean", [0.5, 0.5]), ("first", [1.0, 0.0])):
        for row, rate in enumerate((1e-2, 1e-3)):
            np.testing.assert_array_equal(paths[name][row, :, 0], toy.STARTS)
            points, adam = tf.Variable(np.array(toy.STARTS), dtype="float64"), keras.optimizers.Adam(rate)
            for _ in range(60):
                adam.apply(
                    [tf.einsum("k,ski->si", tf.constant(mix, "float64"), toy.gradients(points))], [points]
                )
            np.testing.assert_allclose(paths[name][row, :, -1], points.numpy(), atol=1e-5)


@pytest.mark.slow
def test_without_xla_the_paths_are_the_same() -> None:
    compiled, plain = (
        toy.descend({"mean": mean}, steps=200, kept=10, jit_compile=jit)["mean"] for jit in (True, False)
    )
    np.testing.assert_allclose(compiled, plain, atol=1e-6)


@pytest.mark.slow
def test_many_comparisons_in_one_lesson_warn_of_nothing(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(6):
        toy.descend({"mean": mean}, steps=2, kept=2)
    assert not caplog.records


def test_steps_must_divide() -> None:
    with pytest.raises(ValueError, match="steps must be a multiple of kept, but 100 and 30 were given"):
        toy.descend({"mean": mean}, steps=100, kept=30)


@pytest.mark.slow
def test_the_plain_mean_is_stuck_at_one_learning_rate_and_arrives_at_another() -> None:
    ends = toy.descend({"mean": mean}, [1e-3, 1e-2])["mean"][:, :, -1]
    assert (ends[0, [0, 2], 1] > 2).all()
    np.testing.assert_allclose([ends[0, 1], *ends[1]], [toy.BEST] * 4, atol=0.01)


def test_endings_on_the_plane() -> None:
    assert toy.ending(toy.BEST) == toy.ending((0.2, -8.2)) == "best"
    assert [toy.ending(point) for point in toy.front(3)] == ["front", "best", "front"]
    assert toy.ending(np.array(toy.STARTS[0])) == toy.ending((0.0, -7.9)) == "stuck"


def test_endings_are_those_of_the_last_points_by_method_and_rate() -> None:
    best, front, stuck = (np.array([[9.0, 9.0], end]) for end in (toy.BEST, toy.front(3)[0], (9.0, 9.0)))
    paths = {"a": np.array([[best, stuck], [front, best]]), "b": np.array([[stuck, stuck], [best, front]])}
    table = toy.endings(paths, [0.1, 0.2])
    assert table.loc["a"].to_dict() == {0.1: "best stuck", 0.2: "front best"}
    assert table.loc["b"].to_dict() == {0.1: "stuck stuck", 0.2: "best front"}
