"""Loss weightings: each turns the losses of the tasks into the one number that is trained on.

A weighting is a Keras layer with three methods:

- `build_for(task_names)`: called once, when a `MultiTaskModel` is made. It fixes the order of the
  tasks and makes all variables, with `add_weight`, so that they are trained and saved with the model.
- `call(losses)`: from `{task: scalar loss}` to the scalar total.
- `get_config()`: what its constructor needs to make it again when the model is loaded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mtl_helpers.validation import check_names

import keras


@keras.saving.register_keras_serializable(package="mtl_helpers")
class Static(keras.layers.Layer):
    """Fixed loss weights: total = sum of weight × loss over the tasks. It is a sum, not a mean.

    weights: `{task: weight}` with a weight of zero or more for every task; None means 1 for every task.
    Raises ValueError or TypeError for weights that are negative, not finite, or all zero, and, once the
    tasks are known, for names that are not the model's tasks.
    """

    def __init__(self, weights: Mapping[str, float] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.weights_given = None if weights is None else _checked(weights)
        self.task_names: tuple[str, ...] = ()

    def build_for(self, task_names: Sequence[str]) -> None:
        """Fixes the tasks and their order."""
        if self.weights_given is not None:
            check_names("The loss weight", self.weights_given, task_names, "tasks")
        self.task_names = tuple(task_names)
        self.built = True

    def call(self, losses: Mapping[str, Any]) -> Any:
        """The weighted sum of the losses."""
        weights = self.weights_by_task()
        return sum(weights[task] * losses[task] for task in self.task_names)

    def weights_by_task(self) -> dict[str, float]:
        """The weight of every task, in the model's order; known once a model has taken the weighting."""
        given = self.weights_given or {}
        return {task: given.get(task, 1.0) for task in self.task_names}

    def get_config(self) -> dict[str, Any]:
        """What the constructor needs to make it again."""
        given = None if self.weights_given is None else dict(self.weights_given)
        return {**super().get_config(), "weights": given}


def _checked(weights: Mapping[str, float]) -> dict[str, float]:
    if not isinstance(weights, Mapping):
        raise TypeError(
            f"Loss weights must be a dictionary {{task: weight}}, but {type(weights).__name__} was given. "
            "Write for example Static({'species': 1.0, 'body_mass': 0.5})."
        )
    for task, weight in weights.items():
        try:
            number = float(weight)
        except (TypeError, ValueError):
            number = math.nan
        if isinstance(weight, str) or not math.isfinite(number) or number < 0:
            raise ValueError(
                f"The loss weight of '{task}' must be a finite number of zero or more, but {weight!r} was "
                "given. Give a positive number, or 0 to leave the task out of the total."
            )
    numbers = {task: float(weight) for task, weight in weights.items()}
    if not any(numbers.values()):
        raise ValueError(
            f"At least one loss weight must be above zero, but {numbers} was given: nothing would be "
            "trained. Give a positive weight to the tasks that matter."
        )
    return numbers
