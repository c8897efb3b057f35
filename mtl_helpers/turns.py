"""Train the seeds of one `MultiTaskModel` one after another, with one traced step.

`mtl_helpers.seeds` trains dense models of a fixed weighted sum all at once. This is for everything else:
convolutions, weightings that change, gradient balancers. TensorFlow traces the step once, not once a seed.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mtl_helpers import seed_checks
from mtl_helpers.seeds import SeedRuns, batch_order
from mtl_helpers.split import Split
from mtl_helpers.traced_epochs import WEIGHTS, OnStep, TracedEpochs, state_of
from mtl_helpers.training import MultiTaskModel
from mtl_helpers.validation import describe, example_of

import keras
import numpy as np


@dataclass
class TurnRuns(SeedRuns):
    """What `train_in_turn` returns: all that `SeedRuns` has, and what was noted at each step.

    history:      as `fit` names it, with the metrics that `compile` was given
    step_weights: (seeds, steps, tasks), the weight that each task's loss had in the step
    recorded:     what on_step returned: name -> (seeds, steps, ...)
    """

    step_weights: np.ndarray
    recorded: dict[str, np.ndarray]


def train_in_turn(
    build_model: Callable[[], MultiTaskModel],
    train: Split | Sequence[Split],
    *,
    epochs: int,
    batch_size: int = 32,
    seeds: int | Sequence[int] = 5,
    validation: Split | Sequence[Split] | None = None,
    on_step: OnStep | None = None,
) -> TurnRuns:
    """Train one compiled model from several seeds, each as if it were alone.

    To rounding, each seed ends where `fit` ends from the same seed on the same batches (see
    `mtl_helpers.seeds.batch_order`), and where it ends without the other seeds.

    build_model: makes and compiles the model; called once a seed, after that seed was set
    train:       the training examples, or a list with those of each seed; they may hold more inputs and
                 targets than the model has
    seeds:       how many (0, 1, 2, …) or which
    validation:  if given, each seed keeps the weights of the epoch with the lowest "val_loss"
                 on these examples, or on those of each seed in a list
    on_step:     what else to note: a function of (model, inputs, targets) that TensorFlow traces, called with each
                 batch before the model learns from it. It returns {name: tensor}, of the same shape for each batch.

    Random numbers of Keras' layers, such as dropout's, are those of `fit`. Those of tf.random, or of keras.random
    without a seed of its own, come again the same with the same `seeds`, but are alike in every seed.

    It sets the random seed of Python, NumPy and TensorFlow, and leaves it at the last of `seeds`.
    Raises ValueError or TypeError, before training, for what does not fit.
    """
    started = time.perf_counter()
    seeds = seed_checks.as_seeds(seeds)
    seed_checks.check_counts(epochs=epochs, batch_size=batch_size)
    seed_checks.check_build_model(build_model)
    models = [_build(build_model, seed) for seed in seeds]
    _check_models(models)
    model = models[0]  # it trains for all
    examples, rows = seed_checks.as_needed("training", model, model.loss, train, len(seeds))
    held_out, held_out_rows = None, rows
    if validation is not None:
        held_out, held_out_rows = seed_checks.as_needed(
            "validation", model, model.loss, validation, len(seeds)
        )
    starts = [[np.array(variable) for variable in state_of(each)] for each in models]
    epochs_of_model = TracedEpochs(model, examples, held_out, batch_size, on_step)

    history: list[dict[str, Any]] = []  # of one seed after the other
    noted: list[dict[str, np.ndarray]] = []
    weights: list[list[np.ndarray]] = []
    best_epoch = np.zeros(len(seeds), int)
    for place, seed in enumerate(seeds):
        epochs_of_model.restart(seed, starts[place])
        best_loss = np.inf
        for epoch in range(epochs):
            order = rows[place][batch_order(seed, epoch, rows.shape[1])]
            logs, notes = epochs_of_model.train(order)
            if validation is not None:
                logs |= epochs_of_model.validate(held_out_rows[place])
                if epoch == 0 or logs["val_loss"] < best_loss:
                    best, best_epoch[place] = model.get_weights(), epoch
                best_loss = np.fmin(best_loss, logs["val_loss"])
            model.weighting.end_epoch()
            history.append(logs)
            noted.append(notes)
        model.optimizer.finalize_variable_values(model.trainable_variables)  # if it averages weights
        weights.append(model.get_weights() if validation is None else best)
    for each, values in zip(models, weights, strict=True):
        each.set_weights(values)
    recorded = _by_seed(noted, len(seeds))
    return TurnRuns(
        seeds,
        _by_seed(history, len(seeds)),
        None if validation is None else best_epoch,
        time.perf_counter() - started,
        models,
        step_weights=recorded.pop(WEIGHTS),
        recorded=recorded,
    )


def _build(build_model: Callable[[], MultiTaskModel], seed: int) -> MultiTaskModel:
    keras.utils.set_random_seed(seed)
    model = build_model()
    if not isinstance(model, MultiTaskModel):
        raise TypeError(
            f"build_model must return a MultiTaskModel, but it returned {describe(model)}. End it with "
            "return model, and use MultiTaskModel; train_seeds takes other Keras models."
        )
    if not model.compiled:
        raise ValueError(
            "build_model must return a compiled model, but it is not compiled. Call "
            f"model.compile(optimizer, loss={example_of(model.task_names)}) in it before return model."
        )
    model.optimizer.build(model.trainable_variables)
    return model


def _check_models(models: Sequence[MultiTaskModel]) -> None:
    """New models that differ in the values of their variables alone."""
    variables = [variable for model in models for variable in state_of(model)]
    if len(set(map(id, variables))) < len(variables):
        raise ValueError(
            "build_model must make everything anew, but two of its models share a layer, a weighting or an "
            "optimizer. Make the model with all of them inside build_model."
        )
    layouts = [
        (model.task_names, [tuple(variable.shape) for variable in state_of(model)]) for model in models
    ]
    if any(layout != layouts[0] for layout in layouts):
        raise ValueError(
            "build_model must make the same network each time, but the models differ in their tasks, or in the "
            "shapes of their variables. Let nothing in it depend on chance but the initial weights."
        )


def _by_seed(noted: list[dict[str, Any]], seeds: int) -> dict[str, np.ndarray]:
    """What was noted in each epoch of one seed after the other, as name -> (seeds, epochs or steps, ...)."""
    joined = {name: np.concatenate([np.atleast_1d(each[name]) for each in noted]) for name in noted[0]}
    return {name: values.reshape(seeds, -1, *values.shape[1:]) for name, values in joined.items()}
