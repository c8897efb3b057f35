"""Gradient balancers: each turns the gradients of the tasks into the one direction of the step.

All take the matrix J of the task gradients g_i, a float tensor or array of shape (tasks, parameters), and return a
direction d = Jᵀα of shape (parameters,) and the same precision; the step goes against it. They are plain functions of
J and work eagerly, in tf.function and under XLA. The number of tasks, two or more, must be known when a graph is made;
the number of parameters need not.

A task whose gradient is zero is left out: the result is that of the others, and a mean is over the others. If all
are zero, so is the result. Scales differ between the methods (and papers), which alone changes what a learning
rate does: each docstring states its own. All raise the errors of `gradient_matrix.measure`.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

from mtl_helpers.cone import (
    OPPOSED,
    bargain,
    best_worst_case,
    masked,
    nonnegative_least_squares,
    shortest_in_hull,
)
from mtl_helpers.eigen import eigen, powers
from mtl_helpers.gradient_matrix import measure, task_weights

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="mtl_helpers")
def pcgrad(gradients: Any, seed: int | keras.random.SeedGenerator | None = None) -> tf.Tensor:
    """PCGrad: takes from each gradient what conflicts with the others. Scale: the SUM over the tasks.

    Each g_i meets the others j in a random order: if g̃_i·g_j < 0, then g̃_i ← g̃_i − (g̃_i·g_j / ‖g_j‖²) g_j,
    with the original g_j. d = Σ g̃_i.

    seed: of the orders, which are drawn anew at each call. None draws from Keras' global seed
    (`keras.utils.set_random_seed`), a SeedGenerator from its own; with a number each call uses the same orders
    (under XLA others than elsewhere).    Two tasks have but one order. Raises TypeError for another seed.
    Source: Yu et al., NeurIPS 2020, arXiv 2001.06782.
    """
    if not (seed is None or isinstance(seed, keras.random.SeedGenerator) or type(seed) is int):
        raise TypeError(
            f"seed must be a whole number, a keras.random.SeedGenerator or None, but {seed!r} was given. "
            "Use keras.random.SeedGenerator(1) for orders that change and can be repeated."
        )
    matrix = measure(gradients)
    draws = keras.random.uniform((matrix.tasks, matrix.tasks), dtype="float32", seed=seed)
    orders = tf.argsort(draws)  # row i: the order in which g̃_i meets the tasks
    mixture = tf.eye(matrix.tasks, dtype=tf.float64)  # row i: g̃_i/‖g_i‖ as a sum of the g_j/‖g_j‖
    for position in range(matrix.tasks):
        other = orders[:, position]
        product = tf.reduce_sum(mixture * tf.gather(matrix.cosines, other), axis=1)
        conflict = masked(other != tf.range(matrix.tasks), tf.minimum(product, 0.0))
        mixture -= conflict[:, None] * tf.one_hot(other, matrix.tasks, dtype=tf.float64)
    return matrix.combine(matrix.per_length(tf.linalg.matvec(mixture, matrix.lengths, transpose_a=True)))


@keras.saving.register_keras_serializable(package="mtl_helpers")
def mgda(gradients: Any) -> tf.Tensor:
    """MGDA: the shortest vector in the convex hull of the gradients. Scale: Σ α_i = 1, α_i ≥ 0.

    d = Σ α_i g_i with the α that minimise ‖d‖². Then g_i·d ≥ ‖d‖² for each task, so a small step worsens none; it
    is zero where no such step exists. The shortest gradient rules it.
    MGDA-UB is the same function, given the gradients in the shared features, each flattened over batch and features.
    Sources: Désidéri 2012; Sener and Koltun, NeurIPS 2018, arXiv 1810.04650.
    """
    matrix = measure(gradients)
    shortest = tf.reduce_min(tf.where(matrix.present > 0, matrix.lengths, tf.reduce_max(matrix.lengths)))
    weights = matrix.per_length(shortest_in_hull(matrix.cosines, matrix.per_length(shortest)))
    return matrix.combine(tf.math.divide_no_nan(weights, tf.reduce_sum(weights)))


@keras.saving.register_keras_serializable(package="mtl_helpers")
def cagrad(gradients: Any, c: float = 0.4) -> tf.Tensor:
    """CAGrad: near the mean g0 of the gradients, the best for the worst task. Scale: that of g0, not divided by 1 + c.

    d maximises min_i g_i·d subject to ‖d − g0‖ ≤ c‖g0‖. So d = g0 + c‖g0‖ g_w/‖g_w‖, where g_w = Σ w_i g_i and the
    w_i ≥ 0, Σ w_i = 1, minimise g_w·g0 + c‖g0‖‖g_w‖. If g_w = 0, several d are best: we return the nearest to g0.

    c: 0 gives the mean, larger values come nearer to MGDA. Raises ValueError if it is negative or not finite.
    Source: Liu et al., NeurIPS 2021, arXiv 2110.14048.
    """
    if not (isinstance(c, numbers.Real) and math.isfinite(c) and c >= 0):
        raise ValueError(
            f"c must be a finite number of zero or more, but {c!r} was given. Use 0.4, or 0 for the mean."
        )
    matrix = measure(gradients)
    mean = matrix.shares()
    along = tf.linalg.matvec(matrix.cosines, mean * matrix.lengths)  # g_i·g0 / ‖g_i‖
    length = tf.sqrt(tf.maximum(tf.reduce_sum(mean * matrix.lengths * along), 0.0))
    shortest = tf.reduce_min(tf.where(matrix.present > 0, matrix.lengths, tf.reduce_max(matrix.lengths)))
    start = tf.math.divide_no_nan(along, length)
    multipliers = best_worst_case(matrix.cosines, start, matrix.per_length(shortest), c)
    return matrix.combine(mean + length * matrix.per_length(multipliers))


@keras.saving.register_keras_serializable(package="mtl_helpers")
def imtl_g(gradients: Any) -> tf.Tensor:
    """IMTL-G: equally far along each gradient. Scale: Σ α_i = 1.

    d·g_i/‖g_i‖ is the same for all tasks. That holds for the vector nearest to zero among all Σ β_i g_i/‖g_i‖ with
    Σ β_i = 1, and for its multiples; α_i ∝ β_i/‖g_i‖.

    The α_i may be negative and grow without bound, and for three tasks or more all projections may be negative. Where
    the scale leaves α open (parallel gradients), we take the smallest β; where only d = 0 has equal projections
    (opposed gradients, more tasks than parameters), or no scale gives Σ α_i = 1, the result is zero.
    Source: Liu et al., ICLR 2021, OpenReview IMPnRXEWpvr.
    """
    matrix = measure(gradients)
    system = matrix.cosines + matrix.present[:, None] * matrix.present[None, :]
    values, vectors = eigen(system)
    parts = powers(values, -1.0) * tf.linalg.matvec(vectors, matrix.present, transpose_a=True)
    weights = matrix.per_length(tf.linalg.matvec(vectors, parts))
    total, size = tf.reduce_sum(weights), tf.reduce_sum(tf.abs(weights))
    total = masked(tf.abs(total) > 1e-12 * size, total)
    return matrix.combine(tf.math.divide_no_nan(weights, total))


@keras.saving.register_keras_serializable(package="mtl_helpers")
def nash_mtl(gradients: Any, max_norm: float | None = None) -> tf.Tensor:
    """Nash-MTL: the bargain in which each task gains the same relative to its weight. Scale: ‖d‖² = K tasks.

    d = Σ α_i g_i with α_i > 0 and g_i·d = 1/α_i. The length of each gradient alone changes nothing. If zero lies in
    the convex hull of the gradients (up to 1e-6 of their lengths), there is no such α and the result is zero.

    max_norm: shortens d to this length if it is longer; None leaves it. Raises ValueError if it is not above zero.
    Solved by Newton's method, damped. Source: Navon et al., ICML 2022, arXiv 2202.01017.
    """
    if max_norm is not None and not (isinstance(max_norm, numbers.Real) and max_norm > 0):
        raise ValueError(
            f"max_norm must be above zero, but {max_norm!r} was given. Use None for no limit on the length."
        )
    matrix = measure(gradients)
    hull = shortest_in_hull(matrix.cosines, matrix.present)
    hull /= tf.maximum(tf.reduce_sum(hull), 0.5)  # the sum is ½ or more, but for no task at all
    gains = tf.linalg.matvec(matrix.cosines, hull)
    distance = tf.sqrt(tf.maximum(tf.reduce_sum(hull * gains), 0.0))
    longest = tf.sqrt(tf.reduce_sum(matrix.present))
    start = masked(distance > OPPOSED, hull * longest / distance)  # on the scale of the solution
    weights = matrix.per_length(bargain(matrix.cosines, matrix.present, start))
    if max_norm is not None:
        weights *= tf.minimum(1.0, tf.math.divide_no_nan(tf.cast(max_norm, tf.float64), longest))
    return matrix.combine(weights)


@keras.saving.register_keras_serializable(package="mtl_helpers")
def aligned_mtl(gradients: Any, weights: Sequence[float] | None = None) -> tf.Tensor:
    """Aligned-MTL: the nearest gradients that are orthogonal and equally long. Scale: their mean.

    With G = J Jᵀ = V Λ Vᵀ and the smallest non-zero eigenvalue λ_r, B = √λ_r V Λ^(−½) Vᵀ, Λ^(−½) being zero where Λ
    is: all singular values of B J are √λ_r or zero. α = B w.

    weights: w, one number of zero or more for each task; None is 1/K. Eigenvalues below 1e-13 of the largest count
    as zero. Raises ValueError for weights that do not fit.
    Source: Senushkin et al., CVPR 2023, arXiv 2305.19000.
    """
    matrix = measure(gradients)
    weights = task_weights(weights, matrix)
    scaled = tf.math.divide_no_nan(matrix.lengths, tf.reduce_max(matrix.lengths))
    products = matrix.cosines * scaled[:, None] * scaled[None, :]
    values, vectors = eigen(products)
    roots = powers(values, -0.5)
    smallest = tf.math.reciprocal_no_nan(tf.reduce_max(roots))  # √λ_r
    parts = smallest * roots * tf.linalg.matvec(vectors, weights, transpose_a=True)
    return matrix.combine(tf.linalg.matvec(vectors, parts))


@keras.saving.register_keras_serializable(package="mtl_helpers")
def upgrad(gradients: Any) -> tf.Tensor:
    """UPGrad: the mean of the gradients, each made to conflict with none. Scale: the MEAN over the tasks.

    Each g_i is projected on {d : g_j·d ≥ 0 for all j}: it becomes g_i + Jᵀλ with the λ ≥ 0 that minimise its length.
    d is the mean of the projections, and conflicts with no task. For two tasks it is half of PCGrad's.
    Source: Quinton and Rey 2024, arXiv 2406.16232.
    """
    matrix = measure(gradients)
    multipliers = nonnegative_least_squares(matrix.cosines, -matrix.cosines)
    projections = tf.eye(matrix.tasks, dtype=tf.float64) + multipliers  # of the gradients brought to length 1
    weights = tf.linalg.matvec(projections, matrix.shares() * matrix.lengths, transpose_a=True)
    return matrix.combine(matrix.per_length(weights))
