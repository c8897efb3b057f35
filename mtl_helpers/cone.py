"""Two small problems with multipliers of zero or more, one multiplier for each task, solved exactly by pivoting.

Both look for a combination x = Aᵀu, u ≥ 0, of the rows of a matrix A, and know A only through Q = A Aᵀ. At the
solution each task has either a positive multiplier (it is basic) or a slack of zero or more. The tableau holds, for
the basic tasks, their multipliers and, for the others, their slacks, as they depend on those that are zero. To change
one task from one kind to the other is a pivot, an update of rank one. The rows are expected at length about 1.
"""

from __future__ import annotations

import math

import tensorflow as tf

# A row whose part outside the span of the basic rows is below 1e-6 of its length depends on them.
DEPENDENT = 1e-12
# Rows whose hull comes nearer to zero than this are opposed: float32 cannot tell.
OPPOSED = 1e-6
ROUNDING = 1e-13
PIVOTS_PER_TASK = 10  # one or two are usual; the limit only makes sure of an end


def nonnegative_least_squares(gram: tf.Tensor, products: tf.Tensor) -> tf.Tensor:
    """The u ≥ 0 that minimise ½ uᵀQu − cᵀu = ½‖Aᵀu − b‖² + constant, for several targets b at once.

    gram: Q = A Aᵀ, (tasks, tasks); it may be singular. products: c = A b, (problems, tasks). Returns
    (problems, tasks). Method: Lawson and Hanson, Solving Least Squares Problems, 1974, chapter 23.
    """
    problems, tasks = products.shape
    tableau = tf.concat([tf.tile(gram[None], [problems, 1, 1]), -products[..., None]], axis=-1)
    basic = tf.zeros((problems, tasks), tf.bool)

    def advance(
        tableau: tf.Tensor, basic: tf.Tensor, current: tf.Tensor, _: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        value, pivots = tableau[..., -1], tf.linalg.diag_part(tableau[..., :-1])
        target = masked(basic, value)
        # Go from the current multipliers to the best ones of the basic tasks until one of them becomes zero ...
        share = masked(basic & (value <= 0), tf.math.divide_no_nan(current, current - value), 2.0)
        step = tf.reduce_min(share, axis=-1, keepdims=True)
        # ... and, having arrived, let the task in whose slack is most negative.
        slack = masked(~basic & (pivots > DEPENDENT), value)
        blocked, wanted = step <= 1, tf.reduce_min(slack, axis=-1, keepdims=True) < -ROUNDING
        index = tf.argmin(tf.where(blocked, share, slack), axis=-1)
        chosen = masked(blocked | wanted, tf.one_hot(index, tasks, dtype=gram.dtype))
        current += tf.minimum(step, 1.0) * (target - current)
        return _pivot(tableau, chosen), basic ^ (chosen > 0), current, tf.reduce_any(blocked | wanted)

    *_, solution, _ = tf.while_loop(
        lambda *state: state[-1],
        advance,
        (tableau, basic, tf.zeros_like(products), True),
        maximum_iterations=PIVOTS_PER_TASK * tasks,
    )
    return solution


def best_worst_case(gram: tf.Tensor, start: tf.Tensor, rates: tf.Tensor, radius: float) -> tf.Tensor:
    """The u ≥ 0 whose x = Aᵀu, ‖x‖ ≤ radius, makes the smallest (start + A x) / rates as large as possible.

    gram: A Aᵀ, (tasks, tasks); start = A x0 for some x0, and rates ≥ 0, both (tasks,); a task with rate 0 is left out.
    Returns (tasks,). If several x are best, it is the shortest.

    The multipliers that hold A x ≥ level·rates − start with the shortest x depend piecewise linearly on a number
    that grows with the level. We follow them from piece to piece, until x is as long as the radius or no
    level is out of reach.
    """
    tasks = rates.shape[0]
    augmented = (
        gram + rates[:, None] * rates[None, :]
    )  # with rateᵀu as one more entry of x, all levels are in reach
    tableau = tf.concat([augmented, start[:, None], -rates[:, None]], axis=-1)[None]

    def advance(
        tableau: tf.Tensor, basic: tf.Tensor, position: tf.Tensor, _u: tf.Tensor, _: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        constant, slope = tableau[0, :, -2], tableau[0, :, -1]
        usable = basic | (tf.linalg.diag_part(tableau[0, :, :-2]) > DEPENDENT)
        events = masked(usable & (slope < -ROUNDING), -constant / slope, math.inf)
        event = tf.maximum(tf.reduce_min(events), position)
        multipliers, growth = masked(basic, constant), masked(basic, slope)
        end = _where_as_long_as(radius, gram, multipliers, growth)
        # Multipliers that all grow while x stays: the rows are opposed, and no higher level can be had.
        opposed = tf.math.is_inf(end) & (tf.reduce_min(growth) > -OPPOSED * tf.reduce_max(growth))
        arrived = (end <= event) | tf.math.is_inf(event) | opposed
        event = tf.where(opposed, position, event)
        reached = tf.minimum(event, end)
        position = tf.where(tf.math.is_inf(reached), position, reached)
        chosen = masked(~arrived, tf.one_hot(tf.argmin(events), tasks, dtype=gram.dtype))
        tableau = _pivot(tableau, chosen[None])
        return tableau, basic ^ (chosen > 0), position, multipliers + position * growth, ~arrived

    first = tf.reduce_min(masked(rates > 0, start / rates, math.inf))
    state = (tableau, tf.zeros(tasks, tf.bool), first, tf.zeros_like(rates), True)
    *_, solution, _ = tf.while_loop(
        lambda *state: state[-1], advance, state, maximum_iterations=PIVOTS_PER_TASK * tasks
    )
    return tf.maximum(solution, 0.0)


def shortest_in_hull(cosines: tf.Tensor, rates: tf.Tensor) -> tf.Tensor:
    """A multiple of the v ≥ 0, Σ rates·v = 1, for which Σ v_i u_i is shortest; u_i: the gradients at length 1.

    The v that minimise ½‖Σ v_i u_i‖² + ½(Σ rates·v − 1)² are such a multiple, and need no constraint but v ≥ 0.
    """
    return nonnegative_least_squares(cosines + rates[:, None] * rates[None, :], rates[None])[0]


def bargain(cosines: tf.Tensor, present: tf.Tensor, shares: tf.Tensor) -> tf.Tensor:
    """The β with cosines β = 1/β for the tasks present, from a β with positive gains cosines β, or zero from zero.

    It maximises Σ log gain − ½‖Σ β_i u_i‖². A Newton step shorter than 1, in that function's own measure, keeps
    all gains positive.
    """
    identity = tf.eye(cosines.shape[0], dtype=cosines.dtype)

    def advance(shares: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        gains = tf.linalg.matvec(cosines, shares)
        inverse = tf.math.reciprocal_no_nan(gains)
        curvature = inverse[:, None] * cosines * inverse[None, :]
        missing = present - gains * shares
        step = tf.linalg.solve(curvature + identity, missing[:, None])[:, 0]
        size = tf.sqrt(tf.maximum(tf.reduce_sum(missing * (missing - step)), 0.0))
        damping = masked(size > 0.25, 1 / (1 + size), 1.0)
        return shares + damping * step * inverse, size > 1e-8

    shares, _ = tf.while_loop(
        lambda _, unfinished: unfinished, advance, (shares, True), maximum_iterations=100
    )
    return shares


def _where_as_long_as(radius: float, gram: tf.Tensor, constant: tf.Tensor, slope: tf.Tensor) -> tf.Tensor:
    """The larger t at which Aᵀ(constant + t·slope) has the length radius; infinite if it does not grow."""
    pair = tf.stack([constant, slope])
    products = tf.matmul(pair, tf.matmul(pair, gram, transpose_b=True), transpose_b=True)
    square, mixed, rest = products[1, 1], products[0, 1], products[0, 0] - radius**2
    root = tf.sqrt(tf.maximum(mixed**2 - square * rest, 0.0))
    grows = square > DEPENDENT * tf.reduce_sum(slope**2)
    return masked(grows, (root - mixed) / square, math.inf)


def _pivot(tableau: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
    """Exchanges the multiplier and the slack of one task; nothing if none is chosen.

    tableau: (problems, tasks, tasks + right sides). chosen: (problems, tasks), 1 for the task, otherwise 0.
    """
    sides = tf.zeros_like(tableau[:, 0, chosen.shape[-1] :])
    across = tf.concat([chosen, sides], axis=-1)
    column = tf.linalg.matvec(tableau, across)
    row = tf.linalg.matvec(tableau, chosen, transpose_a=True)
    pivot = tf.reduce_sum(row * across, axis=-1) + 1 - tf.reduce_sum(chosen, axis=-1)
    down = column * (1 - chosen) + chosen
    right = (across - row * (1 - across)) / pivot[:, None]
    kept = tableau * (1 - chosen)[..., :, None] * (1 - across)[..., None, :]
    return kept + down[..., :, None] * right[..., None, :]


def masked(condition: tf.Tensor, values: tf.Tensor, otherwise: float = 0.0) -> tf.Tensor:
    """The values where the condition holds, and otherwise a number."""
    return tf.where(condition, values, tf.constant(otherwise, values.dtype))
