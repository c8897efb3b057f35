"""Checks of what `train_seeds` is given, before anything is trained; messages as in `mtl_helpers.validation`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from mtl_helpers.array_checks import as_numbers, check_finite, check_sample_weight
from mtl_helpers.data import Split
from mtl_helpers.data_checks import check_evaluate, check_predict
from mtl_helpers.validation import check_dictionary, check_loss, check_names, describe, example_of, quoted

import keras
import numpy as np

# Optimizers that treat each number of a weight by itself, so that stacking the seeds changes nothing.
_KINDS = ["SGD", "Adam", "AdamW", "Nadam", "Adamax", "RMSprop", "Adagrad", "Adadelta", "Ftrl", "Lion"]
ELEMENT_WISE = tuple(getattr(keras.optimizers, kind) for kind in _KINDS)


def as_seeds(seeds: int | Sequence[int]) -> tuple[int, ...]:
    """The seeds as numbers: 0, 1, 2, … for a count."""
    numbers = np.arange(seeds) if isinstance(seeds, (int, np.integer)) else np.asarray(seeds)
    whole = numbers.ndim == 1 and numbers.dtype.kind in "iu"
    if not whole or not len(numbers) or numbers.min() < 0 or len(set(numbers.tolist())) < len(numbers):
        raise ValueError(
            "seeds must be how many (20), or different whole numbers of zero or more ([3, 5, 8]), but "
            f"{seeds!r} was given. Give at least one seed, and none twice."
        )
    return tuple(numbers.tolist())


def check_counts(**counts: int) -> None:
    """Numbers of epochs and the like: whole and at least 1."""
    for what, count in counts.items():
        if not isinstance(count, (int, np.integer)) or count < 1:
            raise ValueError(
                f"{what} must be a whole number of at least 1, but {count!r} was given. Use more."
            )


def as_fresh_optimizer(optimizer: str | keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """A new optimizer of the same kind and settings; it must work on each number of a weight by itself."""
    optimizer = keras.optimizers.get(optimizer)
    if type(optimizer) not in ELEMENT_WISE:
        raise ValueError(
            "The optimizer must work on each number of a weight by itself, or it would mix the seeds, but "
            f"{describe(optimizer)} was given. Use one of {quoted(_KINDS)}."
        )
    if optimizer.clipnorm or optimizer.global_clipnorm:
        raise ValueError(
            "The optimizer must not clip by norm, which would mix the seeds, but clipnorm or global_clipnorm "
            "was given. Use clipvalue, or no clipping."
        )
    if optimizer.use_ema:
        raise ValueError("The optimizer must not average weights, but use_ema was given. Leave it out.")
    return type(optimizer).from_config(optimizer.get_config())


def check_build_model(build_model: Callable[[], keras.Model]) -> None:
    """A function that makes a model, not a model."""
    if isinstance(build_model, keras.Model) or not callable(build_model):
        raise TypeError(
            f"build_model must be a function that makes a model, but {describe(build_model)} was given. Make "
            "the model inside a function, and give the function without brackets."
        )


def check_models(models: Sequence[keras.Model]) -> None:
    """What build_model made: new models that differ in the values of their weights alone."""
    for model in models:
        if not isinstance(model, keras.Model) or not isinstance(getattr(model, "output", None), dict):
            raise TypeError(
                "build_model must return a Keras model with a dictionary of outputs, but it returned "
                f"{describe(model)}. End it with return keras.Model(inputs, outputs={{'task': head, ...}})."
            )
        check_dictionary("The model's inputs", model.input, "names of the inputs", "inputs={'name': tensor}")
    variables = [variable for model in models for variable in model.variables]
    if len(set(map(id, variables))) < len(variables):
        raise ValueError(
            "build_model must make every layer anew, but two of its models share weights. Make the model and "
            "all of its layers inside build_model."
        )
    layouts = {tuple((v.name, v.trainable, tuple(v.shape)) for v in model.variables) for model in models}
    if len(layouts) > 1 or len({tuple(model.output) for model in models}) > 1:
        raise ValueError(
            "build_model must make the same network each time, but the models differ in the shapes or names "
            "of their weights. Let nothing in it depend on chance but the initial weights."
        )
    if any(variable.constraint is not None for variable in variables):
        raise ValueError(
            "Weights must be without constraint, which acts on whole weights and would mix the seeds, but a "
            "layer has one. Leave out kernel_constraint and bias_constraint."
        )
    weighting = getattr(models[0], "weighting", None)  # of a MultiTaskModel
    if weighting is not None and set(getattr(weighting, "weights_by_task", dict)().values()) != {1.0}:
        raise ValueError(
            "Loss weights are expected in task_weights, but the model has a weighting of its own. Build the "
            "model without it, and give train_seeds task_weights={'task': weight, ...}."
        )


def check_losses(model: keras.Model, losses: Mapping[str, Any]) -> None:
    """A loss that fits for each output of the model, and no other."""
    check_dictionary("losses", losses, "names of the tasks", f"losses={example_of(model.output)}")
    check_names("The loss", losses, model.output, "tasks")
    for task, head in model.output.items():
        check_loss(task, losses[task], head)


def as_needed(
    part: str, model: keras.Model, losses: Mapping[str, Any], given: Split | Sequence[Split], seeds: int
) -> tuple[Split, np.ndarray]:
    """What the model needs, in one split, and the rows in it that belong to each seed, (seeds, n)."""
    if isinstance(given, Split) or not (given and all(isinstance(each, Split) for each in given)):
        split = _needed_of_split(part, model, losses, given)
        return split, np.broadcast_to(np.arange(len(split)), (seeds, len(split)))
    sizes = [len(each) for each in given]
    if len(given) != seeds or len(set(sizes)) != 1:
        raise ValueError(
            f"A list for the {part} part must hold one Split for each of the {seeds} seeds, all of one size, but "
            f"splits of {sizes} examples were given. Give one Split to use it for every seed."
        )
    splits = [_needed_of_split(part, model, losses, each) for each in given]
    rows = np.arange(seeds * sizes[0]).reshape(seeds, sizes[0])
    return Split(_end_to_end(s.inputs for s in splits), _end_to_end(s.targets for s in splits)), rows


def _end_to_end(parts: Iterable[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    parts = list(parts)
    return {name: np.concatenate([np.asarray(part[name]) for part in parts]) for name in parts[0]}


def _needed_of_split(part: str, model: keras.Model, losses: Mapping[str, Any], split: Any) -> Split:
    """What the model needs of a split, which may hold more inputs and targets; names and arrays checked."""
    if not isinstance(split, Split):
        raise TypeError(
            f"The {part} part must be a Split, but {describe(split)} was given. Write Split(inputs, targets)."
        )
    network = SimpleNamespace(  # what the checks of MultiTaskModel look at
        compiled=True, input=model.input, output=model.output, task_names=tuple(model.output), loss=losses,
        missing=getattr(model, "missing", {}),
    )  # fmt: skip
    try:
        needed = Split(
            _only("input", split.inputs, model.input), _only("target", split.targets, model.output)
        )
        check_evaluate(network, needed.inputs, needed.targets)
    except (TypeError, ValueError) as error:
        raise type(error)(f"In the {part} part: {error}") from None
    return needed


def as_needed_inputs(model: keras.Model, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The inputs that the model needs, checked."""
    needed = _only("input", inputs, model.input)
    check_predict(model, needed)
    return needed


def _only(kind: str, given: Mapping[str, np.ndarray], needed: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The needed entries of the inputs or targets given, which may be more."""
    owner = "inputs" if kind == "input" else "tasks"
    check_dictionary(f"The {kind}s", given, f"names of the {owner}", example_of(needed))
    if not set(needed) <= set(given):
        check_names(f"The {kind}", given, needed, owner)
    return {name: given[name] for name in needed}


def as_rows(subsets: np.ndarray | None, seeds: int, examples: int) -> np.ndarray:
    """The numbers of each seed's examples among its own, (seeds, n); all if no subsets are given."""
    if subsets is None:
        return np.broadcast_to(np.arange(examples), (seeds, examples))
    try:
        rows = np.asarray(subsets)
    except ValueError:  # rows of different lengths
        rows = np.empty(0)
    if rows.ndim != 2 or len(rows) != seeds or not rows.size or rows.dtype.kind not in "iu":
        raise ValueError(
            f"subsets must hold row numbers in shape ({seeds}, n), equally many for each seed, but "
            f"{describe(subsets)} was given. From a mask, numpy.flatnonzero gives the row numbers."
        )
    if rows.min() < 0 or rows.max() >= examples:
        raise ValueError(
            f"subsets must hold row numbers from 0 to {examples - 1}, but {rows.min()} to {rows.max()} were "
            "given. Number the rows of the training part alone."
        )
    return rows


def as_task_weights(
    given: Mapping[str, float | np.ndarray] | None, tasks: Sequence[str], seeds: int
) -> dict[str, np.ndarray]:
    """The weight of each task's loss for each seed, (seeds,); 1 where none is given."""
    weights = {task: np.ones(seeds) for task in tasks}
    _check_weight_names("task", given, tasks)
    for task, weight in (given or {}).items():
        array = np.asarray(weight, dtype=float)
        if array.shape not in ((), (seeds,)) or not np.isfinite(array).all() or array.min() < 0:
            raise ValueError(
                f"The task weight of '{task}' must be a finite number of zero or more, or one for each of the "
                f"{seeds} seeds, but {weight!r} was given. Use 0 to leave the task out."
            )
        weights[task] = np.broadcast_to(array, (seeds,))
    if not np.all(sum(weights.values()) > 0):
        raise ValueError(
            "At least one task weight of each seed must be above zero, but all are zero for some seed: nothing "
            "would be trained. Give a positive weight to the tasks that matter."
        )
    return weights


def as_sample_weights(
    given: Mapping[str, np.ndarray] | None, model: keras.Model, seeds: int, examples: int
) -> dict[str, np.ndarray]:
    """The weight of each example for each seed, (seeds, examples), of the tasks for which any are given."""
    weights = {}
    _check_weight_names("sample", given, model.output)
    for task, weight in (given or {}).items():
        what = f"The sample weight '{task}'"
        array = as_numbers(what, weight)
        if array.shape not in ((examples,), (seeds, examples)):
            raise ValueError(
                f"{what} must have shape ({examples},), one for each training example, or ({seeds}, {examples}), "
                f"for each seed too, but shape {array.shape} was given. Number all rows of the training part."
            )
        check_finite(what, array)
        check_sample_weight(what, array.ravel(), model.output[task])
        weights[task] = np.broadcast_to(array, (seeds, examples))
    return weights


def _check_weight_names(kind: str, given: Mapping[str, Any] | None, tasks: Sequence[str]) -> None:
    if given is not None:
        example = f"{kind}_weights={example_of(tasks)}"
        check_dictionary(f"{kind}_weights", given, "names of the tasks", example)
        check_names(f"The {kind} weight", given, tasks, "tasks", all_needed=False)
