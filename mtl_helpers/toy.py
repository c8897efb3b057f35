"""The two-dimensional problem of CAGrad and Nash-MTL: two losses over a plane, and Adam from many starts at once.

Sources: Liu et al., NeurIPS 2021, arXiv 2110.14048 (problem, starts, Adam at 1e-3); Navon et al., ICML 2022,
arXiv 2202.01017. All numbers are float64.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

STARTS = ((-8.5, 7.5), (-8.5, -5.0), (9.0, 9.0))
BEST = (0.0, -8.355)
"""Where the mean of the two losses is smallest."""

Weights = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[Any, Any]]
"""The weights of two task gradients, from a = g1·g1, b = g1·g2 and c = g2·g2, each of shape (points,)."""


def losses(points: Any) -> tf.Tensor:
    """The two losses at some points of the plane: (points, 2) to (points, 2).

    Above the line y = 0 each loss has a narrow valley, below it a wide bowl.
    """
    x, y = tf.unstack(tf.convert_to_tensor(points, tf.float64), axis=-1)
    valley_1 = tf.math.log(tf.maximum(tf.abs(0.5 * (-x - 7) - tf.tanh(-y)), 5e-6)) + 6
    valley_2 = tf.math.log(tf.maximum(tf.abs(0.5 * (-x + 3) + tf.tanh(-y) + 2), 5e-6)) + 6
    bowl_1 = ((7 - x) ** 2 + 0.1 * (y + 8) ** 2) / 10 - 20
    bowl_2 = ((x + 7) ** 2 + 0.1 * (y + 8) ** 2) / 10 - 20
    # On the line itself both shares are 0, and the gradient is decided by how `maximum` treats a tie:
    # TensorFlow gives all of it to the first argument. With 0 first, a point on the line would never move.
    above, below = tf.maximum(tf.tanh(y / 2), 0), tf.maximum(tf.tanh(-y / 2), 0)
    return tf.stack([valley_1 * above + bowl_1 * below, valley_2 * above + bowl_2 * below], axis=-1)


def gradients(points: Any) -> tf.Tensor:
    """The gradients of the two losses: (points, 2) to (points, tasks, 2)."""
    points = tf.convert_to_tensor(points, tf.float64)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(points)
        first, second = tf.unstack(losses(points), axis=-1)
    return tf.stack([tape.gradient(first, points), tape.gradient(second, points)], axis=-2)


def valleys(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where above the line y = 0 each loss is smallest: the x of task 1 and of task 2, each of the shape of y."""
    return -7 + 2 * np.tanh(y), 7 - 2 * np.tanh(y)


def front(number: int = 101) -> np.ndarray:
    """Some points of the Pareto front, from the best of task 2 to the best of task 1: (number, 2).

    At each of them, neither loss can fall without a rise of the other. Each is the minimum of a weighted sum: with
    the weight w on task 1, x is 14 w - 7, and y is found by search.
    """
    x = np.linspace(-7, 7, number)
    y = np.linspace(-9, -8, 2001)
    grid = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1)
    both = losses(grid.reshape(-1, 2)).numpy().reshape(*grid.shape)
    share = (x[:, None] + 7) / 14
    return np.stack([x, y[(share * both[..., 0] + (1 - share) * both[..., 1]).argmin(axis=1)]], axis=-1)


def ending(point: Any) -> str:
    """Where a path has ended: "best" within 0.3 of `BEST`, "front" within 0.3 of the Pareto front, else "stuck"."""
    if np.hypot(*(np.asarray(point) - BEST)) < 0.3:
        return "best"
    return "front" if np.hypot(*(_front() - point).T).min() < 0.3 else "stuck"


def endings(paths: Mapping[str, np.ndarray], learning_rates: Sequence[float] = (1e-3,)) -> pd.DataFrame:
    """A row for each method, a column for each learning rate: the `ending` of the path from each start, as one text.

    paths: for each name (learning rates, starts, points, 2), as `descend` returns them
    """
    rows = {
        name: [" ".join(ending(path[-1]) for path in of_rate) for of_rate in of_method]
        for name, of_method in paths.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(learning_rates))


_front = functools.cache(front)


def descend(
    methods: Mapping[str, Weights],
    learning_rates: Sequence[float] = (1e-3,),
    starts: Any = STARTS,
    steps: int = 100_000,
    kept: int = 200,
    jit_compile: bool = True,
) -> dict[str, np.ndarray]:
    """Run every method at every learning rate from every start, all at once, with Adam as Keras has it.

    methods: for each name, the weights of the two gradients; their weighted sum is what Adam gets
    starts:  (starts, 2)
    steps:   a multiple of `kept`, the number of points kept of each path
    jit_compile: by XLA; without it the same takes some ten times as long
    Returns for each name the paths, start included, shape (learning rates, starts, kept + 1, 2).
    """
    if steps % kept or steps <= 0:
        raise ValueError(
            f"steps must be a multiple of kept, but {steps} and {kept} were given. Take kept=100 and whole hundreds."
        )
    starts = np.asarray(starts, dtype=float)
    runs, number = (len(methods), len(learning_rates), len(starts)), len(learning_rates) * len(starts)
    first = np.broadcast_to(starts, (*runs, 2)).reshape(-1, 2)
    rate = np.broadcast_to(np.asarray(learning_rates)[:, None], runs).reshape(-1, 1)

    def direction(points: tf.Tensor) -> tf.Tensor:
        both = gradients(points)
        products = tf.matmul(both, both, transpose_b=True)
        mixed = []
        for place, weights in enumerate(methods.values()):
            part = slice(place * number, (place + 1) * number)
            alpha = weights(products[part, 0, 0], products[part, 0, 1], products[part, 1, 1])
            mixed.append(sum(alpha[task][:, None] * both[part, task] for task in (0, 1)))
        return tf.concat(mixed, axis=0)

    @tf.function(jit_compile=jit_compile)
    def run(points: tf.Tensor) -> tf.Tensor:
        path = tf.TensorArray(tf.float64, size=kept)
        mean, square = tf.zeros_like(points), tf.zeros_like(points)
        for stretch in tf.range(kept):
            for step in tf.range(steps // kept):
                time = tf.cast(stretch * (steps // kept) + step + 1, tf.float64)
                towards = direction(points)
                mean += 0.1 * (towards - mean)
                square += 0.001 * (towards**2 - square)
                size = rate * tf.sqrt(1 - 0.999**time) / (1 - 0.9**time)
                points -= size * mean / (tf.sqrt(square) + 1e-7)
            path = path.write(stretch, points)
        return path.stack()

    # Called as it is, TensorFlow would warn of retracing in the fifth comparison of a lesson.
    traced = run.get_concrete_function(tf.TensorSpec(first.shape, tf.float64))
    paths = np.concatenate([first[None], traced(tf.constant(first))]).reshape(-1, *runs, 2)
    return {name: np.moveaxis(paths[:, place], 0, 2) for place, name in enumerate(methods)}
