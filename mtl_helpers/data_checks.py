"""Checks of the data that `fit`, `evaluate` and `predict` are given, before they start.

Arrays are looked at in full. Of a `tf.data.Dataset` only the structure, shapes and kinds are known
beforehand; of a `keras.utils.PyDataset` the first batch is looked at; of a generator `train_step`
checks the names when the first batch arrives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mtl_helpers.array_checks import (
    as_numbers,
    check_finite,
    check_kind,
    check_sample_weight,
    check_shape,
    check_target_form,
    check_target_values,
)
from mtl_helpers.missing import labelled_entries
from mtl_helpers.validation import check_dictionary, check_names, describe, example_of, loss_kind, quoted

import keras
import numpy as np
import tensorflow as tf


def check_fit(
    model: Any,
    x: Any,
    y: Any,
    sample_weight: Any,
    class_weight: Any,
    validation_data: Any,
    steps_per_epoch: int | None,
) -> None:
    """What `fit` is given."""
    check_evaluate(model, x, y, sample_weight)
    endless = isinstance(x, tf.data.Dataset) and x.cardinality() == tf.data.INFINITE_CARDINALITY
    if endless and steps_per_epoch is None:
        raise ValueError(
            "An epoch must end, but the dataset repeats without end and steps_per_epoch is not given. "
            "Give steps_per_epoch, or leave out .repeat()."
        )
    if class_weight is not None:
        _check_class_weight(model, y, sample_weight, class_weight)
    if validation_data is None:
        return
    is_tuple = isinstance(validation_data, tuple) and len(validation_data) in (2, 3)
    if not is_tuple and not isinstance(validation_data, (tf.data.Dataset, keras.utils.PyDataset)):
        raise TypeError(
            "validation_data must be a tuple (inputs, targets) or (inputs, targets, sample weights), or a "
            f"dataset, but {describe(validation_data)} was given. Write validation_data=(inputs, targets)."
        )
    try:
        check_evaluate(model, *(validation_data if is_tuple else (validation_data,)))
    except (TypeError, ValueError) as error:
        raise type(error)(f"In validation_data: {error}") from None


def check_evaluate(model: Any, x: Any, y: Any = None, sample_weight: Any = None) -> None:
    """What `evaluate` is given."""
    if not model.compiled:
        raise ValueError(
            "The model must be compiled before fit or evaluate, but it is not. Call "
            f"model.compile(optimizer, loss={example_of(model.task_names)}) first."
        )
    if isinstance(x, tf.data.Dataset):
        if y is not None or sample_weight is not None:
            raise ValueError(
                "Targets and sample weights are expected inside the dataset, but they were given beside it. "
                "Let the dataset yield (inputs, targets, sample weights)."
            )
        _check_dataset(model, x, parts=(2, 3))
    elif isinstance(x, keras.utils.PyDataset):
        _check_arrays(model, *x[0], all_examples=False)
    elif not isinstance(x, Iterator):
        _check_arrays(model, x, y, sample_weight)


def check_predict(model: Any, x: Any) -> None:
    """What `predict` is given."""
    if isinstance(x, tf.data.Dataset):
        _check_dataset(model, x, parts=(1, 2, 3))
    elif not isinstance(x, (keras.utils.PyDataset, Iterator)):
        _check_lengths(_check_inputs(model, x))


def _check_arrays(
    model: Any, x: Any, y: Any = None, sample_weight: Any = None, *, all_examples: bool = True
) -> None:
    arrays, tasks = _check_inputs(model, x), model.task_names
    if y is None:
        raise ValueError(
            f"Targets are expected for {quoted(tasks)}, but none were given. Give y={example_of(tasks)}."
        )
    targets = _by_name("target", y, tasks, "tasks")
    weights = {} if sample_weight is None else _by_name("sample weight", sample_weight, tasks, "tasks")
    arrays.update({f"target '{task}'": target for task, target in targets.items()})
    arrays.update({f"sample weight '{task}'": weight for task, weight in weights.items()})
    _check_lengths(arrays)
    for task, target in targets.items():
        what, loss, head = f"The target '{task}'", model.loss[task], model.output[task]
        marker = _markers(model).get(task)
        check_target_form(what, target.shape, _kind_of_labels(target.dtype, marker), loss, head)
        if marker is not None:
            target = _labelled(what, target, marker, loss, head, all_examples)
        if len(target):
            check_target_values(what, target, loss, head)
    for task, weight in weights.items():
        check_sample_weight(f"The sample weight '{task}'", weight, model.output[task])


def _markers(model: Any) -> Mapping[str, float]:
    """Of missing labels, by task; none for a model of Keras."""
    return getattr(model, "missing", {})


def _kind_of_labels(dtype: np.dtype, marker: float | None) -> np.dtype:
    """Whole numbers, where floating ones are there for the sake of NaN."""
    return np.dtype("int32") if marker is not None and np.isnan(marker) and dtype.kind == "f" else dtype


def _labelled(
    what: str, target: np.ndarray, marker: float, loss: Any, head: Any, all_examples: bool
) -> np.ndarray:
    """The targets that are not missing; of all examples there must be one at least."""
    target = target[labelled_entries(target, marker, len(head.shape))]
    if not len(target) and all_examples:
        raise ValueError(
            f"{what} must hold at least one label, but all are missing: nothing could be learned or measured. Add "
            "examples with labels, or make a model without this task."
        )
    if loss_kind(loss) == "labels" and target.dtype.kind == "f" and (bad := target[target % 1 != 0]).size:
        raise ValueError(
            f"{what} must hold class numbers, but {bad[0]:g} was given. If they are measurements use another loss, such "
            "as 'mse'."
        )
    return target


def _by_name(part: str, given: Any, names: Iterable[str], owner: str) -> dict[str, np.ndarray]:
    """NumPy's views of a dictionary of arrays that must have these names."""
    check_dictionary(f"The {part}s", given, f"names of the {owner}", example_of(names))
    check_names(f"The {part}", given, names, owner)
    return {name: as_numbers(f"The {part} '{name}'", given[name]) for name in names}


def _check_inputs(model: Any, x: Any) -> dict[str, np.ndarray]:
    arrays = _by_name("input", x, model.input, "inputs")
    for name, array in arrays.items():
        check_shape(f"The input '{name}'", array.shape, model.input[name].shape)
    for name, array in arrays.items():
        check_finite(f"The input '{name}'", array)
    return {f"input '{name}'": array for name, array in arrays.items()}


def _check_lengths(arrays: Mapping[str, np.ndarray]) -> None:
    lengths = {name: len(array) for name, array in arrays.items()}
    listed = ", ".join(f"{name}: {length}" for name, length in lengths.items())
    if len(set(lengths.values())) > 1:
        raise ValueError(
            f"All arrays must hold the same number of examples, but these were given: {listed}. "
            "Check how they were cut or joined."
        )
    if not all(lengths.values()):
        raise ValueError(
            f"At least one example is expected, but none was given: {listed}. "
            "Check the filter or the split that made these arrays."
        )


def _check_class_weight(model: Any, y: Any, sample_weight: Any, class_weight: Any) -> None:
    if y is None or sample_weight is not None:
        given = "a dataset" if y is None else "sample_weight beside it"
        raise ValueError(
            f"class_weight is expected with arrays and alone, but {given} was given. Put the weight of each "
            "example's class into the sample weights."
        )
    check_dictionary("class_weight", class_weight, "names of the tasks", "{'species': {0: 1.0, 1: 2.0}}")
    check_names("The class weight", class_weight, model.task_names, "tasks", all_needed=False)
    for task, weights in class_weight.items():
        check_dictionary(f"The class weight of '{task}'", weights, "classes", "{0: 1.0, 1: 2.0}")
        count = {"labels": model.output[task].shape[-1], "yes or no": 2}.get(loss_kind(model.loss[task]), 0)
        bad = {c: w for c, w in weights.items() if c not in range(count) or not 0 <= w < np.inf}
        if bad:
            raise ValueError(
                f"The class weight of '{task}' must give a finite weight of zero or more to its {count} "
                f"classes, but {bad} was given. Use class numbers as keys, for tasks with classes."
            )


def _check_dataset(model: Any, dataset: tf.data.Dataset, parts: tuple[int, ...]) -> None:
    """The structure, shapes and kinds of what a dataset yields: as many parts as `parts` allows."""
    elements = dataset.element_spec
    if not isinstance(elements, tuple) and 1 in parts:
        elements = (elements,)
    if not isinstance(elements, tuple) or len(elements) not in parts:
        raise TypeError(
            "The dataset must yield tuples (inputs, targets) or (inputs, targets, sample weights), but it "
            f"yields {describe(elements)}. Map its elements to that form."
        )
    if dataset.cardinality() == 0:
        raise ValueError("At least one example is expected, but the dataset is empty. Check its filter.")
    kinds = [("input", "inputs", model.input), ("target", "tasks", model.output)]
    kinds.append(("sample weight", "tasks", model.output))
    for (part, owner, expected), given in zip(kinds, elements, strict=False):
        check_dictionary(f"The {part}s of the dataset", given, f"names of the {owner}", example_of(expected))
        check_names(f"The {part} of the dataset", given, expected, owner)
        for name, spec in given.items():
            what, head = f"The {part} '{name}' of the dataset", expected[name]
            if getattr(spec, "shape", None) is None or spec.shape.rank is None:
                continue
            shape, dtype = tuple(spec.shape), np.dtype(spec.dtype.as_numpy_dtype)
            check_kind(what, dtype)
            if part == "input" and shape == tuple(head.shape[1:]) and shape != (1,):
                raise ValueError(f"{what} must come in batches, but examples come singly. Add .batch(32).")
            if part == "input":
                check_shape(what, shape, head.shape)
            elif part == "target" and model.compiled:
                dtype = _kind_of_labels(dtype, _markers(model).get(name))
                check_target_form(what, shape, dtype, model.loss[name], head)
