"""What the losses and class weights that a user gives become before they are used in training."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np


class FunctionLoss(keras.losses.Loss):
    """A loss function such as `keras.losses.mean_squared_error`, with Keras' mean and sample weights."""

    def __init__(self, function: Callable) -> None:
        # Keras makes a scope of the name, which "<lambda>" cannot be.
        super().__init__(name=re.sub(r"\W", "", getattr(function, "__name__", "")) or "loss")
        self.function = function

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each example."""
        if len(y_true.shape) == len(y_pred.shape) - 1 and y_pred.shape[-1] == 1:
            y_true = keras.ops.expand_dims(y_true, -1)  # (n,) minus (n, 1) would be (n, n)
        return self.function(y_true, y_pred)


def as_loss(loss: Any) -> keras.losses.Loss:
    """A loss object from a name, a function or a loss object."""
    loss = keras.losses.get(loss)
    return loss if isinstance(loss, keras.losses.Loss) else FunctionLoss(loss)


def class_weights_of_examples(targets: Any, weights: Mapping[int, float] | None, head: Any) -> np.ndarray:
    """The weight of each example's class, as sample weights for a head; 1 for classes without a weight."""
    targets = np.asarray(targets)
    shape = targets.shape if weights else (len(targets),) + (1,) * (len(head.shape) - 2)
    result = np.ones(shape, "float32")
    for label, weight in (weights or {}).items():
        result[targets == label] = weight
    return result
