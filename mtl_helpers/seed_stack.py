"""What `train_seeds` runs: the weights of many seeds in one stack, and the vectorised steps that train them."""

from collections.abc import Mapping
from typing import Any

from mtl_helpers.data import Split
from mtl_helpers.losses import as_loss
from mtl_helpers.missing import with_markers

import keras
import numpy as np
import tensorflow as tf

Tensors = dict[str, Any]  # by the name of an input or of a task


class SeedStack:
    """The weights of one model for several seeds, and the steps that train them all and measure their losses.

    The trainable weights of a seed are laid end to end as one row of `trainable`, (seeds, numbers), so that
    the optimizer has one variable to update. The others, such as the averages of a batch normalisation, are
    in `fixed`, each with a leading axis of seeds.
    """

    def __init__(
        self,
        models: list[keras.Model],
        losses: Mapping[str, Any],
        optimizer: keras.optimizers.Optimizer,
        train: Split,
        validation: tuple[Split, np.ndarray] | None,
        task_weights: dict[str, np.ndarray],
        sample_weights: dict[str, np.ndarray],
    ) -> None:
        self.model, self.optimizer = models[0], optimizer
        loss_functions = {task: as_loss(losses[task]) for task in self.model.output}
        self.losses = with_markers(loss_functions, getattr(self.model, "missing", {}))
        self.trainable = keras.Variable(np.stack([_end_to_end(model) for model in models]))
        fixed = zip(*(model.non_trainable_variables for model in models), strict=True)
        self.fixed = [keras.Variable(np.stack(copies), dtype=copies[0].dtype) for copies in fixed]
        self.optimizer.build([self.trainable])
        self.inputs, self.targets = _tensors(train.inputs), _tensors(train.targets)
        self.task_weights = _tensors(task_weights, "float32")
        self.sample_weights = _tensors(sample_weights, "float32")
        # Traced once, here; one trace serves the full batches and the smaller last one. The loop over batches
        # is in Python: that is as fast, and TensorFlow keeps twice the memory of a step with a loop around it.
        rows = tf.TensorSpec((len(models), None), tf.int32)
        self._step = tf.function(self._train_step).get_concrete_function(rows)
        if validation is not None:
            split, rows_of_seeds = validation
            self.validation_data = _tensors(split.inputs), _tensors(split.targets)
            self.validation_rows = tf.constant(rows_of_seeds, tf.int32)
            self._validate = tf.function(self._validation_losses).get_concrete_function()

    def train_epoch(self, batches: list[np.ndarray]) -> dict[str, np.ndarray]:
        """A step for each batch of rows, (seeds, batch); the mean of each loss over the examples."""
        sums: Tensors = {}
        for rows in batches:
            for name, values in self._step(tf.constant(rows, tf.int32)).items():
                sums[name] = sums.get(name, 0.0) + values.numpy().astype("float64") * rows.shape[1]
        examples = sum(rows.shape[1] for rows in batches)
        return {name: values / examples for name, values in sums.items()}

    def validate(self) -> dict[str, np.ndarray]:
        """The losses of every seed on the validation examples, with their plain sum."""
        return {f"val_{name}": values.numpy() for name, values in self._validate().items()}

    def weights(self) -> list[np.ndarray]:
        """A copy of all weights, the trainable ones first."""
        return [np.array(variable) for variable in (self.trainable, *self.fixed)]

    def write_back(self, models: list[keras.Model], weights: list[np.ndarray]) -> None:
        """Give each seed's weights to its model."""
        for index, model in enumerate(models):
            trainable, *fixed = (stacked[index] for stacked in weights)
            values = [*_pieces(trainable, model), *fixed]
            variables = model.trainable_variables + model.non_trainable_variables
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def _train_step(self, rows: tf.Tensor) -> Tensors:
        """A step of all seeds on a batch; their losses before it."""

        def losses_of_one_seed(of_one_seed: tuple) -> tuple[Tensors, list]:
            weights, rows, task_weights, sample_weights = of_one_seed
            data = _gathered(self.inputs, rows), _gathered(self.targets, rows)
            return self._losses(weights, *data, True, task_weights, _gathered(sample_weights, rows))

        with tf.GradientTape() as tape:
            each_seed = (self._weights(), rows, self.task_weights, self.sample_weights)
            losses, fixed = tf.vectorized_map(losses_of_one_seed, each_seed, warn=False)
            total = tf.reduce_sum(losses["loss"])  # no seed's weights appear in another seed's loss
        self.optimizer.apply([tape.gradient(total, self.trainable.value)], [self.trainable])
        for variable, value in zip(self.fixed, fixed, strict=True):
            variable.assign(value)
        return losses

    def _validation_losses(self) -> Tensors:
        """The losses of every seed on the validation examples."""

        def losses_of_one_seed(of_one_seed: tuple) -> Tensors:
            weights, rows = of_one_seed
            inputs, targets = (_gathered(arrays, rows) for arrays in self.validation_data)
            return self._losses(weights, inputs, targets, False, {}, {})[0]

        return tf.vectorized_map(losses_of_one_seed, (self._weights(), self.validation_rows), warn=False)

    def _weights(self) -> tuple[tf.Variable, list[tf.Variable]]:
        return self.trainable.value, [variable.value for variable in self.fixed]

    def _losses(
        self,
        weights: tuple,
        inputs: Tensors,
        targets: Tensors,
        training: bool,
        task_weights: Tensors,
        sample_weights: Tensors,
    ) -> tuple[Tensors, list]:
        """The losses of one seed: their weighted sum with regularisation, and each; and its new fixed weights."""
        trainable, fixed = weights
        outputs, fixed, penalties = self.model.stateless_call(
            _pieces(trainable, self.model), fixed, inputs, training=training, return_losses=True
        )
        losses = {
            task: loss(targets[task], outputs[task], sample_weights.get(task))
            for task, loss in self.losses.items()
        }
        weighted = [task_weights.get(task, 1.0) * loss for task, loss in losses.items()]
        return {"loss": tf.add_n([*weighted, *penalties]), **_named(losses)}, fixed


def choose(better: np.ndarray, new: list[np.ndarray], old: list[np.ndarray]) -> list[np.ndarray]:
    """Of every stack of weights the new ones for the seeds that are better, else the old ones."""

    def of_stack(new: np.ndarray, old: np.ndarray) -> np.ndarray:
        return np.where(better.reshape(-1, *[1] * (new.ndim - 1)), new, old)

    return [of_stack(*pair) for pair in zip(new, old, strict=True)]


def _end_to_end(model: keras.Model) -> np.ndarray:
    return np.concatenate([np.ravel(variable) for variable in model.trainable_variables])


def _pieces(end_to_end: Any, model: keras.Model) -> list:
    """The opposite: one array for each trainable variable."""
    shapes = [variable.shape for variable in model.trainable_variables]
    pieces = tf.split(end_to_end, [int(np.prod(shape)) for shape in shapes])
    return [tf.reshape(piece, shape) for piece, shape in zip(pieces, shapes, strict=True)]


def _gathered(arrays: Tensors, rows: tf.Tensor) -> Tensors:
    return {name: tf.gather(values, rows) for name, values in arrays.items()}


def _named(losses: Tensors) -> Tensors:
    return {f"{task}_loss": loss for task, loss in losses.items()}


def _tensors(arrays: Mapping[str, np.ndarray], dtype: str | None = None) -> dict[str, tf.Tensor]:
    return {name: tf.convert_to_tensor(values, dtype) for name, values in arrays.items()}
