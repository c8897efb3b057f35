"""Balancing of two tasks: two gradients at a given angle, and the two balancers whose weights are a long formula.

A balancer of two tasks needs three numbers only, a = g1·g1, b = g1·g2 and c = g2·g2, as tensors of one shape. It
returns the weights of g1 and g2 in its direction. `mtl_helpers.balancing` does the same for any number of tasks.
"""

import numpy as np
import tensorflow as tf

Weights = tuple[tf.Tensor, tf.Tensor]


def two_gradients(angle: float, length: float) -> np.ndarray:
    """Two gradients in the plane, (tasks, 2): the first is 1 long, the second `length`, `angle` degrees apart."""
    turn = np.radians(angle)
    return np.array([[1.0, 0.0], [length * np.cos(turn), length * np.sin(turn)]])


def aligned_mtl(a: tf.Tensor, b: tf.Tensor, c: tf.Tensor) -> Weights:
    """The weights of Aligned-MTL: G^(-1/2) (½, ½), times the root of the smaller eigenvalue of G = [[a, b], [b, c]].

    For exactly parallel gradients they are zero, where `balancing.aligned_mtl` leaves out the direction without
    length.
    Source: Senushkin et al., CVPR 2023, arXiv 2305.19000.
    """
    area = tf.sqrt(tf.maximum(a * c - b * b, 0.0))
    larger_eigenvalue = (a + c + tf.sqrt((a - c) ** 2 + 4 * b * b)) / 2
    scale = 2 * tf.sqrt(larger_eigenvalue * (a + c + 2 * area))
    return tf.math.divide_no_nan(c - b + area, scale), tf.math.divide_no_nan(a - b + area, scale)


def cagrad(a: tf.Tensor, b: tf.Tensor, c: tf.Tensor, strength: float = 0.5) -> Weights:
    """The weights of CAGrad: the mean, and `strength` times its length along the mixture w g1 + (1 − w) g2.

    The mixture is the one that is best for the worst task: where the derivative in w is zero, cut to 0 to 1.
    Source: Liu et al., NeurIPS 2021, arXiv 2110.14048.
    """
    over = tf.math.divide_no_nan
    reach = strength * tf.sqrt(tf.maximum(a + 2 * b + c, 0.0)) / 2
    gap = a + c - 2 * b  # the squared distance from g1 to g2
    area = tf.sqrt(tf.maximum(a * c - b * b, 0.0))
    slope = tf.clip_by_value(over(c - a, 2 * reach * tf.sqrt(gap)), -1 + 1e-12, 1 - 1e-12)
    w = tf.clip_by_value(over(area * slope / tf.sqrt(1 - slope**2) + c - b, gap), 0.0, 1.0)
    length = tf.sqrt(tf.maximum(w**2 * a + 2 * w * (1 - w) * b + (1 - w) ** 2 * c, 0.0))
    return 0.5 + over(reach * w, length), 0.5 + over(reach * (1 - w), length)
