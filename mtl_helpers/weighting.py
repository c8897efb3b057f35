"""Loss weightings: each turns the losses of the tasks into the one number that is trained on.

`Static`, `DWA`, `RLW` and `GLS` are here; `Uncertainty`, `GradNorm` and `FAMO`, which learn by steps of their own,
in `learned_weighting`. How a model or a loop uses any of them is told in `weighting_protocol`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mtl_helpers.learned_weighting import FAMO, GradNorm, Uncertainty
from mtl_helpers.validation import check_names
from mtl_helpers.weighting_protocol import Losses, Weighting, positive_number

import keras
import tensorflow as tf

__all__ = ["DWA", "FAMO", "GLS", "RLW", "GradNorm", "Static", "Uncertainty", "Weighting"]


@keras.saving.register_keras_serializable(package="mtl_helpers")
class Static(Weighting):
    """Fixed loss weights: total = sum of weight × loss over the tasks. It is a sum, not a mean.

    weights: `{task: weight}` with a weight of zero or more for every task; None means 1 for every task.
    Raises ValueError or TypeError for weights that are negative, not finite, or all zero, and, once the
    tasks are known, for names that are not the model's tasks.
    """

    def __init__(self, weights: Mapping[str, float] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.weights_given = None if weights is None else _checked(weights)

    def build_for(self, task_names: Sequence[str], model: keras.Model | None = None) -> None:
        """Fixes the tasks and their order. There is nothing to learn or to save."""
        if self.weights_given is not None:
            check_names("The loss weight", self.weights_given, task_names, "tasks")
        self.task_names = tuple(task_names)
        self.built = True

    def call(self, losses: Losses) -> Any:
        """The weighted sum of the losses."""
        self.check(losses)
        weights = self.weights_by_task()
        return sum(weights[task] * losses[task] for task in self.task_names)

    def weights_by_task(self) -> dict[str, Any]:
        """The weight of every task, in the model's order; known once a model has taken the weighting."""
        given = self.weights_given or {}
        return {task: given.get(task, 1.0) for task in self.task_names}

    def get_config(self) -> dict[str, Any]:
        """What the constructor needs to make it again."""
        given = None if self.weights_given is None else dict(self.weights_given)
        return {**super().get_config(), "weights": given}


@keras.saving.register_keras_serializable(package="mtl_helpers")
class DWA(Weighting):
    """Dynamic weight average: more weight to tasks whose loss fell less from one epoch to the next.

        weights = K·softmax(ratio / temperature), ratio = mean loss of the last epoch / of the one before

    for K tasks; 1 for every task in the first two epochs. An epoch's mean is over its batches.

    temperature: the higher, the more equal the weights
    Source: Liu, Johns and Davison, CVPR 2019, arXiv 1803.10704.
    """

    def __init__(self, temperature: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.temperature = positive_number("temperature", temperature)

    def _build(self, model: keras.Model | None) -> None:
        tasks = (len(self.task_names),)
        self.epoch_weights = self._state("epoch_weights", tasks, "ones")
        self.sums, self.batches = self._state("sums", tasks), self._state("batches", ())
        self.last_means = self._state("last_means", tasks)  # zeros before the first epoch has ended

    def _total_and_weights(self, losses: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        weights = tf.identity(self.epoch_weights.value)
        return tf.reduce_sum(weights * losses), weights

    def after_step(
        self,
        losses: Losses,
        tape: tf.GradientTape | None = None,
        losses_again: Callable[[], Losses] | None = None,
    ) -> None:
        """Adds the losses to those of the epoch."""
        self.sums.assign_add(self._positive(self._stacked(losses)))
        self.batches.assign_add(1.0)

    def end_epoch(self) -> None:
        """Sets the weights of the next epoch."""
        if not float(tf.identity(self.batches.value)):  # on several replicas only a tensor can be a float
            return  # no step since the last call
        means = self.sums / self.batches
        if float(self.last_means[0]):
            softmax = tf.nn.softmax(means / self.last_means / self.temperature)
            self.epoch_weights.assign(len(self.task_names) * softmax)
        self.last_means.assign(means)
        self.sums.assign(tf.zeros_like(means))
        self.batches.assign(0.0)

    def get_config(self) -> dict[str, Any]:
        """What the constructor needs to make it again."""
        return {**super().get_config(), "temperature": self.temperature}


@keras.saving.register_keras_serializable(package="mtl_helpers")
class RLW(Weighting):
    """Random loss weights: the softmax of standard normal numbers, drawn anew at each step. They sum to 1.

    A method that does not beat it has shown nothing. seed: of the draws; by default the global seed decides.
    Source: Lin, Ye, Zhang and Tsang, TMLR 2022, arXiv 2111.10603.
    """

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed

    def _build(self, model: keras.Model | None) -> None:
        # Keras does not save the state of its random numbers, so this is our own: the seed, and the draws so far.
        self.state = self.add_weight(
            shape=(2,), dtype="int32", initializer="zeros", trainable=False, name="state"
        )
        self.state.assign([random.randrange(2**31) if self.seed is None else self.seed, 0])

    def _total_and_weights(self, losses: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        draws = tf.random.stateless_normal(
            (len(self.task_names),), tf.identity(self.state.value), alg="philox"
        )
        self.state.assign_add([0, 1])
        weights = tf.nn.softmax(draws)
        return tf.reduce_sum(weights * losses), weights

    def get_config(self) -> dict[str, Any]:
        """What the constructor needs to make it again."""
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable(package="mtl_helpers")
class GLS(Weighting):
    """Geometric loss strategy: the total is the geometric mean of the losses, exp(mean of ln L).

    Its derivative in a loss is total / (K·L), for K tasks: a task's unit does not matter. All losses must be
    above 0.
    Source: Chennupati, Sistu, Yogamani and Rawashdeh, CVPR Workshops 2019, arXiv 1904.08492.
    """

    def _total_and_weights(self, losses: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        losses = self._positive(losses)
        total = tf.exp(tf.reduce_mean(tf.math.log(losses)))
        return total, total / (len(self.task_names) * losses)


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
