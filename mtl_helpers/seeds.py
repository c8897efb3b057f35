"""Train many seeds of one small dense model at once.

Each weight of the model gets a leading axis, one entry a seed. One vectorised step then trains all seeds
together, for about the price of one: a small network's step is mostly overhead, not arithmetic.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mtl_helpers import seed_checks
from mtl_helpers.data import Split
from mtl_helpers.seed_stack import SeedStack, choose

import keras
import numpy as np
import tensorflow as tf


@dataclass
class SeedRuns:
    """What `train_seeds` returns.

    seeds:      the seeds, in the order of every leading axis below
    history:    name -> array of shape (seeds, epochs), with the names and meanings of `MultiTaskModel`:
                "loss", which was trained on, and "<task>_loss", not weighted, over the batches of each epoch;
                with validation data also "val_loss", their plain sum, and "val_<task>_loss" after the epoch
    best_epoch: (seeds,), the epoch (from 0) whose weights each seed kept; None without validation data
    seconds:    what the training took, building the models and tracing included
    """

    seeds: tuple[int, ...]
    history: dict[str, np.ndarray]
    best_epoch: np.ndarray | None
    seconds: float
    _models: list[keras.Model] = field(repr=False)

    def predict(
        self, inputs: Mapping[str, np.ndarray] | Sequence[Mapping[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """Predictions of every seed: task name -> (seeds, examples, units).

        inputs: the same for every seed, or a list with those of each seed
        """
        of_seeds = [inputs] * len(self.seeds) if isinstance(inputs, Mapping) else inputs
        outputs = []
        for model, of_seed in zip(self._models, of_seeds, strict=True):
            needed = seed_checks.as_needed_inputs(model, of_seed)
            tensors = {name: tf.convert_to_tensor(values) for name, values in needed.items()}
            outputs.append(model(tensors, training=False))
        return {task: np.stack([each[task] for each in outputs]) for task in outputs[0]}

    def model(self, index: int) -> keras.Model:
        """The trained Keras model of the seed at this place in `seeds`."""
        return self._models[index]


def batch_order(seed: int, epoch: int, examples: int) -> np.ndarray:
    """The order in which a seed sees its training examples in an epoch: a permutation of 0 … examples − 1."""
    return np.random.default_rng([seed, epoch]).permutation(examples)


def draw_subsets(examples: int, size: int, seeds: int | Sequence[int] = 20) -> np.ndarray:
    """For each seed the row numbers of `size` of the examples, drawn without replacement: (seeds, size)."""
    draws = [np.random.default_rng([seed, size]) for seed in seed_checks.as_seeds(seeds)]
    return np.stack([draw.choice(examples, size, replace=False) for draw in draws])


def train_seeds(
    build_model: Callable[[], keras.Model],
    train: Split | Sequence[Split],
    *,
    losses: Mapping[str, str | keras.losses.Loss],
    epochs: int,
    batch_size: int = 32,
    seeds: int | Sequence[int] = 20,
    optimizer: str | keras.optimizers.Optimizer = "adam",
    validation: Split | Sequence[Split] | None = None,
    subsets: np.ndarray | None = None,
    task_weights: Mapping[str, float | np.ndarray] | None = None,
    sample_weights: Mapping[str, np.ndarray] | None = None,
) -> SeedRuns:
    """Train one model from many seeds at once.

    To rounding, each seed ends where `fit` ends from the same seed on the same batches (see `batch_order`).

    build_model:    makes the model, with a dictionary of outputs; called once a seed, after that seed was set
    train:          the training examples, or a list with those of each seed; they may hold more inputs and
                    targets than the model has
    losses:         task name -> loss, as for `compile`; what is trained is their weighted sum
    seeds:          how many (0, 1, 2, …) or which
    optimizer:      any Keras optimizer that works number by number (Adam, SGD, …), without clipping by norm
    validation:     if given, each seed keeps the weights of the epoch with the lowest "val_loss"
                    on these examples, or on those of each seed in a list
    subsets:        (seeds, n) row numbers of `train`: the examples of each seed; all of them by default
    task_weights:   task name -> one number, or one for each seed (seeds,), for a grid of weights in one run
    sample_weights: task name -> (examples,) or (seeds, examples), with Keras' default reduction: the
                    weighted losses are summed and divided by the number of examples in the batch

    Where build_model makes a `MultiTaskModel` with `missing`, a task's losses are over its labels alone, in each batch
    and in validation; the training losses in `history` count each batch by its examples.

    It sets the random seed of Python, NumPy and TensorFlow, and leaves it at the last of `seeds`.
    Raises ValueError or TypeError, before training, for what does not fit (see `mtl_helpers.seed_checks`).
    """
    started = time.perf_counter()
    seeds = seed_checks.as_seeds(seeds)
    seed_checks.check_counts(epochs=epochs, batch_size=batch_size)
    optimizer = seed_checks.as_fresh_optimizer(optimizer)
    seed_checks.check_build_model(build_model)
    models = [_build(build_model, seed) for seed in seeds]
    model = models[0]
    seed_checks.check_models(models)
    seed_checks.check_losses(model, losses)
    examples, own_rows = seed_checks.as_needed("training", model, losses, train, len(seeds))
    held_out = None
    if validation is not None:
        held_out = seed_checks.as_needed("validation", model, losses, validation, len(seeds))
    own_examples = own_rows.shape[1]
    rows = np.take_along_axis(own_rows, seed_checks.as_rows(subsets, len(seeds), own_examples), axis=1)
    task_weights = seed_checks.as_task_weights(task_weights, tuple(model.output), len(seeds))
    sample_weights = {
        # Where each seed has examples of its own, they stand end to end, and so do copies of its weights.
        task: np.tile(weights, (1, len(examples) // own_examples))
        for task, weights in seed_checks.as_sample_weights(
            sample_weights, model, len(seeds), own_examples
        ).items()
    }

    stack = SeedStack(models, losses, optimizer, examples, held_out, task_weights, sample_weights)
    history: dict[str, list[np.ndarray]] = {}
    best, best_loss, best_epoch = stack.weights(), np.full(len(seeds), np.inf), np.zeros(len(seeds), int)
    for epoch in range(epochs):
        logs = stack.train_epoch(_batches(seeds, epoch, rows, batch_size))
        if validation is not None:
            logs |= stack.validate()
            better = (logs["val_loss"] < best_loss) | (epoch == 0)
            best_loss, best_epoch = np.fmin(best_loss, logs["val_loss"]), np.where(better, epoch, best_epoch)
            best = choose(better, stack.weights(), best)
        for name, values in logs.items():
            history.setdefault(name, []).append(values)
    stack.write_back(models, stack.weights() if validation is None else best)
    return SeedRuns(
        seeds,
        {name: np.stack(values, axis=1) for name, values in history.items()},
        None if validation is None else best_epoch,
        time.perf_counter() - started,
        models,
    )


def _build(build_model: Callable[[], keras.Model], seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return build_model()


def _batches(seeds: tuple[int, ...], epoch: int, rows: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """The row numbers of an epoch's batches, each (seeds, batch); the last batch may be smaller."""
    examples = rows.shape[1]
    order = np.stack([batch_order(seed, epoch, examples) for seed in seeds])
    shuffled = np.take_along_axis(rows, order, axis=1)
    return np.split(shuffled, range(batch_size, examples, batch_size), axis=1)
