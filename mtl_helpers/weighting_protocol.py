"""What every loss weighting has in common: how a model, or a loop of your own, uses it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mtl_helpers.validation import check_names, quoted

import keras
import tensorflow as tf

Losses = Mapping[str, Any]  # {task: scalar tensor}


class Weighting(keras.layers.Layer):
    """Turns the losses of the tasks into the one number that is trained on.

        weighting.build_for(task_names)             # once; MultiTaskModel does all of this by itself
        weighting.take_losses(loss_functions)
        for each batch:
            with tf.GradientTape() as tape:         # persistent=True if weighting.uses_tape
                losses = {task: ...}
                total = weighting.call(losses)
            ...                                     # gradients of the total, update of the network
            weighting.after_step(losses, tape, losses_again)
        weighting.end_epoch()                       # after each epoch

    A weighting is a Keras layer, and all it remembers are variables made by `add_weight`: so they are saved,
    loaded and restored with the model. What it learns, it learns by steps of its own in `after_step`, out of
    reach of the model's optimizer, its weight decay and its clipping.

    A new one defines `_total_and_weights`, and if needed `_build`, `after_step`, `end_epoch`, `get_config`.
    """

    uses_tape = False  # after_step needs a persistent tape
    uses_losses_again = False  # after_step needs the losses of the same batch after the update

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.task_names: tuple[str, ...] = ()

    def build_for(self, task_names: Sequence[str], model: keras.Model | None = None) -> None:
        """Fixes the tasks and their order, and makes all variables. model: the one that is trained."""
        self.task_names = tuple(task_names)
        self.step_weights = self._state("step_weights", (len(self.task_names),), "ones")
        self._build(model)
        self.built = True

    def take_losses(self, loss_functions: Mapping[str, Any]) -> None:
        """Told by `compile` which loss each task has, as `{task: name or loss}`."""

    def call(self, losses: Losses) -> Any:
        """The total of one batch, a scalar; also notes the weights, for `weights_by_task`."""
        total, weights = self._total_and_weights(self._stacked(losses))
        self.step_weights.assign(weights)
        return total

    def after_step(
        self,
        losses: Losses,
        tape: tf.GradientTape | None = None,
        losses_again: Callable[[], Losses] | None = None,
    ) -> None:
        """Called after each update of the network.

        losses: those that `call` was given. tape: recorded them. losses_again: computes them once more, on the
        same batch with the network as it is now.
        """
        return  # tf.function cannot transform a function that is empty

    def end_epoch(self) -> None:
        """Called at the end of each epoch."""

    def weights_by_task(self) -> dict[str, Any]:
        """The weight of every task in the last step: the derivative of the total in that task's loss.

        They are numbers; inside a `tf.function`, tensors.
        """
        weights = self.step_weights.value
        values = weights.numpy().tolist() if tf.executing_eagerly() else tf.unstack(weights)
        return dict(zip(self.task_names, values, strict=True))

    def check(self, losses: Losses) -> None:
        """Raises ValueError if `build_for` was not called, or for losses of other tasks."""
        if not self.task_names:
            raise ValueError(
                f"{type(self).__name__} must know the tasks before it is used, but build_for was not called. In a "
                f"loop of your own, call weighting.build_for({list(losses)}) first, with the model if it is GradNorm."
            )
        check_names("The loss", losses, self.task_names, "tasks")

    def _build(self, model: keras.Model | None) -> None:
        """Makes further variables."""

    def _total_and_weights(self, losses: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """From the losses, (tasks,), to the total and its derivative in each loss, (tasks,)."""
        raise NotImplementedError

    def _stacked(self, losses: Losses) -> tf.Tensor:
        """The losses as one vector, in the order of the tasks."""
        self.check(losses)
        return tf.stack([tf.cast(losses[task], "float32") for task in self.task_names])

    def _positive(self, losses: tf.Tensor) -> tf.Tensor:
        """The losses, if a logarithm or a ratio of each can be taken (XLA leaves this check out)."""
        check = tf.debugging.Assert(
            tf.reduce_all(losses > 0),
            [
                f"{type(self).__name__} takes logarithms or ratios of the losses and expects them above 0, but "
                f"the losses of {quoted(self.task_names)} were",
                losses,
                "Use losses that cannot reach 0, or another weighting.",
            ],
            summarize=-1,
        )
        with tf.control_dependencies([check] if check is not None else []):
            return tf.identity(losses)

    def _state(self, name: str, shape: tuple, initial: str = "zeros") -> keras.Variable:
        """A variable that no optimizer of the model touches; several workers keep its mean."""
        return self.add_weight(
            shape=shape, initializer=initial, dtype="float32", trainable=False, aggregation="mean", name=name
        )


def positive_number(what: str, value: Any, zero_too: bool = False) -> float:
    """A setting of a weighting as a number. Raises ValueError if it is not above zero and finite."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if isinstance(value, (str, bool)) or not 0 <= number < float("inf") or (number == 0 and not zero_too):
        limit = "of zero or more" if zero_too else "above zero"
        raise ValueError(f"{what} must be a finite number {limit}, but {value!r} was given. Change it.")
    return number
