"""Checks that `MultiTaskModel` makes before anything is trained, and the clear errors they raise.

Every message says what was expected, what was given and what to do. Wrong kinds of object raise a
TypeError, all else a ValueError. This file knows names, heads and losses; what the arrays hold is
looked at in `mtl_helpers.data_checks` and `array_checks`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from mtl_helpers.graph import last_activation, made_from, walk

import keras
import tensorflow as tf


def quoted(names: Iterable[Any]) -> str:
    """Names as they stand in a message: 'species', 'mass'."""
    return ", ".join(f"'{name}'" for name in names) or "nothing"


def describe(value: Any) -> str:
    """A few words for what was given: its kind and, if it has one, its shape."""
    kind = type(value).__name__
    if isinstance(value, (list, tuple)):
        return f"a {kind} of {len(value)}"
    if isinstance(value, str):
        return f"'{value}'"
    shape = getattr(value, "shape", None)
    return f"a {kind}" if shape is None else f"a {kind} of shape {tuple(shape)}"


def nearest(name: Any, known: Iterable[str]) -> str:
    """The known name that was probably meant, as a question, or nothing."""
    close = difflib.get_close_matches(str(name), list(known), 1, cutoff=0.5)
    return f"Did you mean '{close[0]}'? " if close else ""


def example_of(names: Iterable[str]) -> str:
    """The dictionary to write: {'species': ..., 'mass': ...}."""
    return "{" + ", ".join(f"'{name}': ..." for name in names) + "}"


def check_dictionary(what: str, value: Any, key: str, example: str) -> None:
    """A dictionary, not a list, an array or a DataFrame."""
    if not isinstance(value, Mapping):
        raise TypeError(
            f"{what} must be a dictionary with the {key} as keys, but {describe(value)} was given. "
            f"Write {example}."
        )


def check_names(
    what: str, given: Iterable[str], expected: Iterable[str], owner: str, all_needed: bool = True
) -> None:
    """Every name given must be expected and, if all are needed, every expected one given.

    what: "The loss", as it begins the message. owner: "tasks" or "inputs", what the names belong to.
    """
    given, expected = list(given), list(expected)
    unknown = [name for name in given if name not in expected]
    if unknown:
        raise ValueError(
            f"{what} is for {quoted(unknown)}, but the model's {owner} are {quoted(expected)}. "
            f"{nearest(unknown[0], expected)}Use the names of the {owner} as keys."
        )
    missing = [name for name in expected if name not in given]
    if missing and all_needed:
        raise ValueError(
            f"{what} is missing for {quoted(missing)}: the model's {owner} are {quoted(expected)}, "
            f"but only {quoted(given)} was given. Add the key {quoted(missing[:1])}."
        )


def check_one_replica() -> None:
    """That nothing is distributed: a weighting or a balancer has to see the losses of the whole batch."""
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    if replicas > 1:
        raise ValueError(
            f"The steps of a MultiTaskModel are for one replica, but tf.distribute has {replicas}: each would weigh the "
            "losses of its own share of a batch. Write the step of lesson 11, which adds up model.task_losses(...) "
            "over the replicas before model.weighting sees them."
        )


def check_model(inputs: Any, outputs: Any, weighting: Any) -> None:
    """What `MultiTaskModel(inputs, outputs, weighting)` is given."""
    check_dictionary("inputs", inputs, "names of the inputs", "inputs={'measurements': measurements}")
    check_dictionary("outputs", outputs, "names of the tasks", "outputs={'species': species_head}")
    for what, tensors in (("inputs", inputs), ("outputs", outputs)):
        if not tensors:
            raise ValueError(f"{what} needs at least one entry, but an empty dictionary was given. Add one.")
        for key, tensor in tensors.items():
            if not isinstance(key, str) or not isinstance(tensor, keras.KerasTensor):
                raise TypeError(
                    f"{what} must map a name to a tensor that comes from keras.Input, but {key!r} maps to "
                    f"{describe(tensor)}. Call the layers on the inputs and give what they return."
                )
    for key, tensor in inputs.items():
        if made_from(tensor)[1]:
            raise ValueError(
                f"The input '{key}' must be made by keras.Input, but it is computed by the layer "
                f"'{made_from(tensor)[0].name}'. Begin at a keras.Input(..., name='{key}')."
            )
        if tensor.name != key:
            raise ValueError(
                f"The key of an input must be its name, but the input under '{key}' has the name "
                f"'{tensor.name}'. Make it with keras.Input(..., name='{key}')."
            )
    used: set[int] = set()
    for task, tensor in outputs.items():
        sources = {id(source): source for source, _, parents in walk([tensor]) if not parents}
        foreign = [source.name for key, source in sources.items() if key not in map(id, inputs.values())]
        if foreign:
            raise ValueError(
                f"The output '{task}' must depend on the model's inputs {quoted(inputs)} alone, but it is "
                f"computed from {quoted(foreign)}. Build its head on the inputs of this model, or add "
                f"{quoted(foreign)} to inputs."
            )
        used.update(sources)
        if last_activation(tensor) == "softmax" and tensor.shape[-1] == 1:
            raise ValueError(
                f"The output '{task}' is a softmax over one unit, which is always 1. It must have two or "
                "more units, one for each class; use sigmoid for yes or no, and no activation for a number."
            )
    unused = [key for key, tensor in inputs.items() if id(tensor) not in used]
    if unused:
        raise ValueError(
            f"The input {quoted(unused)} is connected to no output: nothing would be learned from it. "
            f"Every one of {quoted(inputs)} must lead to an output. Join it to the others, for example with "
            "keras.layers.Concatenate, or leave it out of inputs."
        )
    if not isinstance(weighting, keras.layers.Layer) or not hasattr(weighting, "after_step"):
        raise TypeError(
            f"weighting must be a loss weighting from mtl_helpers.weighting, but {describe(weighting)} was "
            "given. For fixed weights write weighting=Static({'species': 1.0, 'body_mass': 0.5})."
        )
    if weighting.built and (weighting.variables or weighting.task_names != tuple(outputs)):
        raise ValueError(
            "Each model must have a weighting of its own, but this one belongs to a model with the tasks "
            f"{quoted(weighting.task_names)}. Make a new one."
        )


# Losses and heads.


def loss_kind(loss: Any) -> str:
    """What a loss wants as targets: "labels", "one-hot", "yes or no", "numbers", or "unknown" (your own)."""
    loss = keras.losses.get(loss)
    owner = loss if hasattr(loss, "__name__") else type(loss)
    name = owner.__name__.replace("_", "").lower()
    if not owner.__module__.startswith("keras.") or name in ("ctc", "circle", "losses", "loss"):
        return "unknown"
    if name in ("sparsecategoricalcrossentropy", "categoricalgeneralizedcrossentropy"):
        return "labels"
    kinds = {"categorical": "one-hot", "binary": "yes or no"}
    return next((k for start, k in kinds.items() if name.startswith(start) and "entropy" in name), "numbers")


def loss_option(loss: Any, option: str) -> Any:
    """An option of a loss object, such as from_logits; None for losses that do not have it."""
    loss = keras.losses.get(loss)
    return loss.get_config().get(option) if isinstance(loss, keras.losses.Loss) else None


def check_compile(model: Any, loss: Any, metrics: Any, weighted_metrics: Any, loss_weights: Any) -> None:
    """What `compile` is given; also that each head and its loss fit together."""
    tasks, example = model.task_names, example_of(model.task_names)
    if loss_weights is not None:
        raise ValueError(
            "loss_weights are expected in the model's weighting, but they were given to compile. Make the "
            "model with MultiTaskModel(..., weighting=Static({'task': weight, ...})) instead."
        )
    if loss is None:
        raise ValueError(f"compile needs a loss for each task, but none was given. Write loss={example}.")
    check_dictionary("loss", loss, "names of the tasks", f"loss={example}")
    check_names("The loss", loss, tasks, "tasks")
    for task in tasks:
        check_loss(task, loss[task], model.output[task])
    for what, given in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
        if given is not None:
            check_dictionary(what, given, "names of the tasks", f"{what}={{'{tasks[0]}': [...]}}")
            check_names(f"The entry in {what}", given, tasks, "tasks", all_needed=False)
            for task, wanted in given.items():
                for metric in wanted if isinstance(wanted, (list, tuple)) else [wanted]:
                    check_metric(task, metric)


def check_metric(task: str, metric: Any) -> None:
    """One that Keras can make something of."""
    try:
        known = metric in ("accuracy", "acc", "crossentropy", "ce") or keras.metrics.get(metric) is not None
    except ValueError:
        known = False
    if not known:
        raise ValueError(
            f"The metric of '{task}' must be one that Keras knows, or an object from keras.metrics, but "
            f"{metric!r} was given. {nearest(metric, ['accuracy', *dir(keras.metrics)])}"
            "See keras.metrics for the names."
        )


def check_loss(task: str, loss: Any, head: Any) -> None:
    """One loss, that gives one number, for the units and the activation of the task's head."""
    if isinstance(loss, (list, tuple, Mapping)) or loss is None:
        raise TypeError(
            f"The loss of '{task}' must be one loss, but {describe(loss)} was given. Add several up in one "
            "function, or make an output for each."
        )
    try:
        kind = loss_kind(loss)
    except ValueError:
        raise ValueError(
            f"The loss of '{task}' must be one that Keras knows or a loss object, but {loss!r} was "
            f"given. {nearest(loss, dir(keras.losses))}See keras.losses for the names."
        ) from None
    if loss_option(loss, "reduction") in (None, "none") and isinstance(loss, keras.losses.Loss):
        raise ValueError(
            f"The loss of '{task}' must give one number for a batch, but its reduction is None. "
            "Use reduction='sum_over_batch_size', the default."
        )
    units, activation = head.shape[-1], last_activation(head)
    if kind in ("labels", "one-hot") and units == 1:
        raise ValueError(
            f"The loss of '{task}' is for two or more classes, but its head has one unit. Give the head one "
            "unit for each class, with softmax; or use 'binary_crossentropy' with sigmoid for yes or no."
        )
    wanted = {"labels": "softmax", "one-hot": "softmax", "yes or no": "sigmoid"}.get(kind)
    if wanted and loss_option(loss, "from_logits") and activation in ("softmax", "sigmoid"):
        raise ValueError(
            f"The loss of '{task}' has from_logits=True and expects a head without activation, but the head "
            f"ends in {activation}, which would be applied twice. Leave out from_logits, or the activation."
        )
    if wanted and not loss_option(loss, "from_logits") and activation in ("linear", "relu", "tanh"):
        raise ValueError(
            f"The loss of '{task}' expects probabilities, but the head ends in {activation} activation. "
            f"Use activation='{wanted}' in the head, or a loss with from_logits=True on a linear head."
        )
