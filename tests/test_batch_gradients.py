"""Gradients of pieces are those of the examples in them, and the rows say what the cosines are."""

from mtl_helpers.batch_gradients import cosine_rows, piece_gradients
from mtl_helpers.split import Split

import numpy as np
import pytest
import tensorflow as tf

SPLIT = Split({"x": np.arange(12, dtype="float32").reshape(6, 2)}, {"y": np.arange(6, dtype="float32")})


def sums(network, inputs, targets) -> tf.Tensor:
    """Two "task gradients" of two weights: what is fed, as means over the examples."""
    return network * tf.stack(
        [tf.reduce_mean(inputs["x"], axis=0), tf.fill([2], tf.reduce_mean(targets["y"]))]
    )


def test_each_piece_has_its_own_neighbouring_examples() -> None:
    found = piece_gradients(sums, 10.0, SPLIT, size=2)
    np.testing.assert_allclose(found[:, 0], [[10, 20], [50, 60], [90, 100]])
    np.testing.assert_allclose(found[:, 1], [[5, 5], [25, 25], [45, 45]])
    np.testing.assert_allclose(found.mean(axis=0), piece_gradients(sums, 10.0, SPLIT, size=6)[0])


def test_the_gradients_are_traced_once() -> None:
    traces = []

    def counted(network, inputs, targets) -> tf.Tensor:
        traces.append(1)
        return sums(network, inputs, targets)

    piece_gradients(counted, 1.0, SPLIT, size=1)
    assert len(traces) == 1


@pytest.mark.parametrize("size", [0, 4, 7])
def test_examples_left_over_are_told(size: int) -> None:
    with pytest.raises(ValueError, match="divides the 6 examples"):
        piece_gradients(sums, 1.0, SPLIT, size=size)


def test_rows_hold_mean_share_and_ratio() -> None:
    given = {1: {"two tasks": np.array([-0.5, 0.3, 0.8, -0.2]), "one task": np.array([0.5, 0.7])},
             4: {"two tasks": np.array([-0.1]), "one task": np.array([])}}  # fmt: skip
    gradients = np.array([[[3.0, 0.0], [0.0, 1.0]], [[5.0, 0.0], [0.0, 3.0]]])  # means: 4 and 2 long
    table = cosine_rows(gradients, lambda pieces, size: given[size], [1, 4])
    assert table[["batch", "pair"]].to_numpy().tolist() == [
        [1, "two tasks"],
        [1, "one task"],
        [4, "two tasks"],
    ]
    np.testing.assert_allclose(table["cosine"], [0.1, 0.6, -0.1])
    np.testing.assert_allclose(table["negative"], [0.5, 0, np.nan])
    np.testing.assert_allclose(table["ratio"], 2)
