"""The matrix of task gradients: checks of what is given, and the few numbers that a balancer works with.

A balancer needs the gradients only through their inner products, and returns a combination of them. So what is as
long as the network is touched twice, in `measure` and in `combine`, and all between is tasks × tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf


class TaskGradients(NamedTuple):
    """The gradients of the tasks as given, and their lengths and angles in float64.

    A task whose gradient is zero is absent: its entries in `lengths`, `cosines` and `present` are zero.
    """

    gradients: tf.Tensor  # (tasks, parameters)
    lengths: tf.Tensor  # (tasks,)
    cosines: tf.Tensor  # (tasks, tasks): the inner products of the gradients, each brought to length 1
    present: tf.Tensor  # (tasks,): 1, or 0 for an absent task

    @property
    def tasks(self) -> int:
        """The number of tasks, with the absent ones."""
        return self.gradients.shape[0]

    def shares(self) -> tf.Tensor:
        """The weights of the mean over the tasks that are present: (tasks,)."""
        return tf.math.divide_no_nan(self.present, tf.reduce_sum(self.present))

    def per_length(self, weights: tf.Tensor) -> tf.Tensor:
        """Weights of the gradients from weights of the gradients brought to length 1; absent tasks get 0."""
        return tf.math.divide_no_nan(weights, self.lengths)

    def combine(self, weights: tf.Tensor) -> tf.Tensor:
        """The weighted sum of the gradients, (parameters,), in the precision that was given."""
        return tf.linalg.matvec(self.gradients, tf.cast(weights, self.gradients.dtype), transpose_a=True)


def measure(gradients: Any) -> TaskGradients:
    """Lengths and angles of the task gradients, of shape (tasks, parameters).

    Raises ValueError for another shape, fewer than two tasks or an unknown number of them, TypeError for another
    type than float32 and float64. For NaN or infinite gradients it raises ValueError, in a graph
    tf.errors.InvalidArgumentError when it runs; under XLA, which knows no errors, they pass into the result.
    """
    gradients = _checked(gradients)
    precise = tf.cast(gradients, tf.float64)
    products = _finite(tf.matmul(precise, precise, transpose_b=True))
    lengths = tf.sqrt(tf.linalg.diag_part(products))
    inverse = tf.math.reciprocal_no_nan(lengths)
    cosines = products * inverse[:, None] * inverse[None, :]
    return TaskGradients(gradients, lengths, cosines, tf.sign(lengths))


def task_weights(weights: Sequence[float] | None, matrix: TaskGradients) -> tf.Tensor:
    """The weight of each task, (tasks,); the mean over those that are present if none are given.

    Raises ValueError for another number of weights, and for weights that are negative, not finite or all zero.
    """
    if weights is None:
        return matrix.shares()
    numbers = np.asarray(weights, dtype=float)
    if numbers.shape != (matrix.tasks,):
        raise ValueError(
            f"weights must hold one number for each of the {matrix.tasks} tasks, but shape {numbers.shape} was given. "
            "Give them in the order of the rows, or None for the mean."
        )
    if not np.isfinite(numbers).all() or (numbers < 0).any() or not numbers.any():
        raise ValueError(
            f"weights must be finite numbers of zero or more, not all zero, but {numbers.tolist()} was given. "
            "Use 0 to leave a task out."
        )
    return tf.constant(numbers) * matrix.present


def _checked(gradients: Any) -> tf.Tensor:
    """A float tensor of shape (tasks, parameters) with two tasks or more."""
    gradients = tf.convert_to_tensor(gradients)
    if gradients.dtype not in (tf.float32, tf.float64):
        raise TypeError(
            f"Task gradients must be float32 or float64, but {gradients.dtype.name} was given. "
            "Convert them with tf.cast(gradients, tf.float32)."
        )
    if gradients.shape.rank != 2:
        raise ValueError(
            "Task gradients must have shape (tasks, parameters), one row for each task, but shape "
            f"{gradients.shape} was given. Flatten and join the gradients of a task, then tf.stack the tasks."
        )
    if gradients.shape[0] is None:
        raise ValueError(
            f"The number of tasks must be known when the graph is made, but shape {gradients.shape} was given. "
            "Use tf.ensure_shape(gradients, (tasks, None))."
        )
    if gradients.shape[0] < 2:
        raise ValueError(
            f"Balancing needs the gradients of two tasks or more, but shape {gradients.shape} was given. "
            "With a single task, use its gradient as it is."
        )
    return gradients


def _finite(products: tf.Tensor) -> tf.Tensor:
    """The inner products, once it is sure that no gradient is NaN or infinite."""
    finite = tf.math.is_finite(tf.linalg.diag_part(products))
    expected = (
        "Task gradients must be finite, but NaN or infinite values (or squares beyond float64) were given"
    )
    advice = "Look for a loss that diverged, a NaN among the targets or a learning rate that is too large."
    if tf.executing_eagerly():
        bad = np.flatnonzero(~finite.numpy())
        if len(bad):
            raise ValueError(f"{expected} in row {', '.join(map(str, bad))} (from 0). {advice}")
        return products
    message = f"{expected} in the rows with a 0 here. {advice} Finite rows:"
    check = tf.raw_ops.Assert(
        condition=tf.reduce_all(finite), data=[message, tf.cast(finite, tf.int32)], summarize=finite.shape[0]
    )
    with tf.control_dependencies([check]):
        return tf.identity(products)
