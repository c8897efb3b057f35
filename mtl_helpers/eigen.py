"""Eigenvalues of small symmetric matrices, as exact under XLA as elsewhere."""

from __future__ import annotations

from mtl_helpers.cone import masked

import tensorflow as tf

DIAGONAL = 1e-14  # what may be left beside the diagonal, relative to the largest eigenvalue
ZERO = 1e-13  # eigenvalues below this part of the largest are zero but for rounding


def eigen(symmetric: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Eigenvalues (n,), in no order, and eigenvectors, in the columns of (n, n), of a matrix without negative ones.

    XLA's eigh stops when 1e-6 is left beside the diagonal. We go on with Jacobi's rotations, each of which
    clears the largest entry; elsewhere none are needed.
    """
    size = symmetric.shape[0]
    _, vectors = tf.linalg.eigh(symmetric)
    turned = tf.matmul(vectors, tf.matmul(symmetric, vectors), transpose_a=True)

    def beside(turned: tf.Tensor) -> tf.Tensor:
        return tf.abs(tf.linalg.set_diag(turned, tf.zeros_like(turned[0])))

    def unfinished(turned: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
        return tf.reduce_max(beside(turned)) > DIAGONAL * tf.reduce_max(turned)

    def rotate(turned: tf.Tensor, vectors: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        place = tf.argmax(tf.reshape(beside(turned), [-1]))
        pair = tf.one_hot([place // size, place % size], size, dtype=turned.dtype)
        block = tf.matmul(pair, tf.matmul(turned, pair, transpose_b=True))
        angle = 0.5 * tf.atan(2 * block[0, 1] / (block[0, 0] - block[1, 1]))
        change = tf.stack([[tf.cos(angle) - 1, -tf.sin(angle)], [tf.sin(angle), tf.cos(angle) - 1]])
        change = tf.matmul(
            pair, tf.matmul(change, pair), transpose_a=True
        )  # the rotation without the identity
        turned += tf.matmul(turned, change)
        turned += tf.matmul(change, turned, transpose_a=True)
        return turned, vectors + tf.matmul(vectors, change)

    turned, vectors = tf.while_loop(unfinished, rotate, (turned, vectors), maximum_iterations=2 * size**2)
    return tf.linalg.diag_part(turned), vectors


def powers(values: tf.Tensor, power: float) -> tf.Tensor:
    """Each eigenvalue to a power; 0 where it is zero."""
    kept = values > ZERO * tf.reduce_max(values)
    return masked(kept, masked(kept, values, 1.0) ** power)
