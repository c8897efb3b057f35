"""What `train_in_turn` runs: whole epochs of a `MultiTaskModel`, traced once and set back for each seed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mtl_helpers.split import Split
from mtl_helpers.training import MultiTaskModel
from mtl_helpers.validation import describe

import keras
import numpy as np
import tensorflow as tf

Tensors = dict[str, Any]  # by name
OnStep = Callable[[MultiTaskModel, Tensors, Tensors], Mapping[str, Any]]
WEIGHTS = "step_weights"  # the name of the loss weights in what a step notes


class TracedEpochs:
    """An epoch of training and one of validation, traced once, and all that they change."""

    def __init__(
        self,
        model: MultiTaskModel,
        examples: Split,
        held_out: Split | None,
        batch_size: int,
        on_step: OnStep | None,
    ) -> None:
        self.model, self.batch_size, self.on_step = model, batch_size, on_step
        # What is traced takes seeds from here: so they do not depend on which seeds are trained.
        keras.utils.set_random_seed(0)
        first = examples.take(np.arange(1))
        model.test_step((first.inputs, first.targets))  # makes the metrics
        self._train = self._traced(self._train_step, examples)
        self._validate: Any = None if held_out is None else self._traced(model.test_step, held_out)
        self.state = state_of(model)
        # Variables that no layer owns, such as the one behind keras.random; listed here, they stay alive.
        owned = {id(variable.value) for variable in [*self.state, *model.metrics_variables]}
        self.others = [variable for variable in self._train.graph.variables if id(variable) not in owned]
        self.others_at_start = [variable.numpy() for variable in self.others]

    def restart(self, seed: int, start: Sequence[np.ndarray]) -> None:
        """Set everything to the start of a seed."""
        keras.utils.set_random_seed(seed)  # it also sets traced operations of tf.random back
        values = [*start, *self.others_at_start]
        for variable, value in zip([*self.state, *self.others], values, strict=True):
            variable.assign(value)

    def train(self, rows: np.ndarray) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """Train on batches of these rows, in their order; the results, and what each step noted."""
        self.model.reset_metrics()
        noted = self._train(tf.constant(rows, tf.int32))
        return self._results(), {name: values.numpy() for name, values in noted.items()}

    def validate(self, rows: np.ndarray) -> dict[str, float]:
        """The results on these rows, as `fit` names them."""
        self.model.reset_metrics()
        self._validate(tf.constant(rows, tf.int32))
        return {f"val_{name}": value for name, value in self._results().items()}

    def _results(self) -> dict[str, float]:
        return {name: float(value) for name, value in self.model.get_metrics_result().items()}

    def _traced(self, step: Callable[[tuple], Tensors], split: Split) -> Any:
        """The loop over batches of rows, of which the last may be smaller; from each step what it returns."""
        data = tf.nest.map_structure(tf.convert_to_tensor, (split.inputs, split.targets))

        def on_rows(rows: tf.Tensor) -> Tensors:
            return step(tf.nest.map_structure(lambda values: tf.gather(values, rows), data))

        # Without autograph, as `fit` traces.
        any_rows = tf.TensorSpec((None,), tf.int32)
        one_step = tf.function(on_rows, autograph=False).get_concrete_function(any_rows)
        returned = tf.nest.map_structure(tf.TensorSpec.from_tensor, one_step.structured_outputs)

        def epoch(rows: tf.Tensor) -> Tensors:
            return tf.map_fn(
                lambda start: one_step(rows[start : start + self.batch_size]),
                tf.range(0, tf.size(rows), self.batch_size),
                fn_output_signature=returned,
                parallel_iterations=1,  # a step begins where the one before ended
            )

        return tf.function(epoch, autograph=False).get_concrete_function(any_rows)

    def _train_step(self, batch: tuple[Tensors, Tensors]) -> Tensors:
        noted = {} if self.on_step is None else self.on_step(self.model, *batch)
        if not isinstance(noted, Mapping) or WEIGHTS in noted:
            raise TypeError(
                f"on_step must return a dictionary {{name: tensor}} without the name '{WEIGHTS}', but it returned "
                f"{describe(noted)}. Write for example return {{'cosine': cosine}}."
            )
        self.model.train_step(batch)
        weights = self.model.weighting.weights_by_task()
        in_order = [tf.cast(weights[task], "float32") for task in self.model.task_names]
        return {**noted, WEIGHTS: tf.stack(in_order)}


def state_of(model: MultiTaskModel) -> list[keras.Variable]:
    """All that training changes: weights, states of random numbers, the weighting's and the optimizer's."""
    return [*model.variables, *model.optimizer.variables]
