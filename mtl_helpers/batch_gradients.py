"""Task gradients of a network on small pieces of a data set, and a table of their cosines in larger batches."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mtl_helpers.split import Split

import numpy as np
import pandas as pd
import tensorflow as tf


def piece_gradients(
    task_gradients: Callable[[Any, Any, Any], tf.Tensor], network: Any, split: Split, size: int
) -> np.ndarray:
    """The task gradients of each piece of `size` neighbouring examples: (pieces, tasks, weights).

    task_gradients: a function of (network, inputs, targets) to a tensor (tasks, weights); TensorFlow traces it once

    The gradient of a larger batch is the mean of those of its pieces, if the losses are means over examples.
    Raises ValueError if the pieces do not use up the examples.
    """
    if size < 1 or len(split) % size:
        raise ValueError(
            f"Pieces of a size that divides the {len(split)} examples are expected, but {size} was given. "
            "Take fewer examples, or another size."
        )
    traced = tf.function(lambda inputs, targets: task_gradients(network, inputs, targets))
    rows = []
    for start in range(0, len(split), size):
        piece = split.take(np.arange(start, start + size))
        inputs, targets = tf.nest.map_structure(tf.constant, (piece.inputs, piece.targets))
        rows.append(traced(inputs, targets).numpy())
    return np.stack(rows)


def cosine_rows(
    gradients: np.ndarray,
    cosines: Callable[[np.ndarray, int], Mapping[str, np.ndarray]],
    sizes: Sequence[int],
) -> pd.DataFrame:
    """A row for each batch size and pair of gradients that are compared.

    gradients: (pieces, tasks, weights), as `piece_gradients` returns them
    cosines:   a function of these and a batch size to {pair: cosines, (number,)}; pairs without any are left out
    sizes:     the batch sizes

    Columns: batch; pair; cosine, the mean; negative, the share of negative ones, NaN if there is but one; ratio, how
    many times as long the longest task gradient of all examples together is as the shortest.
    """
    rows = [
        (size, pair, float(values.mean()), np.mean(values < 0) if len(values) > 1 else np.nan)
        for size in sizes
        for pair, values in cosines(gradients, size).items()
        if len(values)
    ]
    lengths = np.linalg.norm(gradients.mean(axis=0), axis=1)
    table = pd.DataFrame(rows, columns=["batch", "pair", "cosine", "negative"])
    return table.assign(ratio=float(lengths.max() / lengths.min()))
