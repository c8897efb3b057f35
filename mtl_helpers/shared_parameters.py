"""What the tasks of a model share: which variables, in which layers, and where the shared part ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from mtl_helpers.graph import walk
from mtl_helpers.validation import describe, nearest, quoted

import keras
import numpy as np
import pandas as pd


class Halves(NamedTuple):
    """A model cut in two: what more than one task uses, and the rest.

    encoder: from the model's inputs to the tensors at the cut, the shared features, by number
    heads:   from a list of these tensors, followed by the inputs that heads read directly, to the model's outputs
    direct:  the names of these inputs
    ready:   the outputs that are shared features themselves, as {task: number}; heads leaves them out
    """

    encoder: keras.Model
    heads: keras.Model
    direct: tuple[str, ...]
    ready: dict[str, int]


def tasks_of_variables(model: keras.Model) -> dict[int, set[str]]:
    """For each trainable variable, by its id, the tasks whose prediction depends on it."""
    reached: dict[int, set[str]] = {id(variable): set() for variable in model.trainable_variables}
    for task, output in model.output.items():
        for _, operation, _ in walk([output]):
            for variable in getattr(operation, "trainable_variables", ()):
                reached[id(variable)].add(task)
    return reached


def shared_variables(model: keras.Model, layers: Sequence[str] | None = None) -> list[Any]:
    """The trainable variables that more than one task uses, or those of some layers.

    Raises ValueError if there are none, and TypeError or ValueError for names that are no layers with variables.
    """
    if layers is not None:
        chosen = {id(v) for name in _names(layers) for v in _layer(model, name, "shared").trainable_variables}
        return [variable for variable in model.trainable_variables if id(variable) in chosen]
    tasks = tasks_of_variables(model)
    shared = [variable for variable in model.trainable_variables if len(tasks[id(variable)]) > 1]
    if not shared:
        raise ValueError(
            f"At least one trainable variable that several of the tasks {quoted(model.output)} use is expected, "
            "but they share none. Let their heads read the same layers, or train without a balancer."
        )
    return shared


def shared_table(model: keras.Model, layers: Sequence[str] | None = None) -> pd.DataFrame:
    """A row for each trainable variable: its layer, name, shape, size, the tasks that use it, and "shared"."""
    tasks, shared = tasks_of_variables(model), {id(variable) for variable in shared_variables(model, layers)}
    owners = {id(v): layer.name for layer in model.layers for v in layer.trainable_variables}
    rows = [
        {
            "layer": owners[id(variable)],
            "variable": variable.name,
            "shape": tuple(variable.shape),
            "numbers": int(np.prod(variable.shape)),
            "tasks": ", ".join(task for task in model.output if task in tasks[id(variable)]),
            "shared": id(variable) in shared,
        }
        for variable in model.trainable_variables
        if id(variable) in owners
    ]
    return pd.DataFrame(rows)


def layer_for_gradients(model: keras.Model | None, name: str | None) -> keras.layers.Layer:
    """The layer with this name, or else the last one with variables that every task uses."""
    if model is None:
        raise ValueError(
            "GradNorm needs the model, to find the layer whose gradients it measures, but none was given. Write "
            "weighting.build_for(task_names, model)."
        )
    if name is not None:
        return _layer(model, name, "GradNorm's layer")
    tasks = tasks_of_variables(model)
    for layer in reversed(model.layers):
        if any(len(tasks[id(variable)]) == len(model.output) for variable in layer.trainable_variables):
            return layer
    raise ValueError(
        f"GradNorm needs a trainable layer that all of the tasks {quoted(model.output)} use, but there is none. "
        "Let all heads read one layer, or choose another weighting."
    )


def halves(model: keras.Model) -> Halves:
    """Cut a functional model where its shared part ends.

    With skip connections the cut runs through several tensors. A tensor that more than one task depends on is
    shared; it lies at the cut if a head reads it, or if it is an output itself.

    Raises ValueError if no tensor but the inputs is shared, or if a layer is called on both sides of the cut.
    """
    tasks: dict[int, set[str]] = {}
    for task, output in model.output.items():
        for tensor, _, _ in walk([output]):
            tasks.setdefault(id(tensor), set()).add(task)
    graph = walk(model.outputs)
    is_input = {id(tensor) for tensor, _, parents in graph if not parents}
    read_by_heads = {id(p) for tensor, _, parents in graph if len(tasks[id(tensor)]) == 1 for p in parents}
    read_by_heads |= {id(output) for output in model.outputs}
    ends = [
        t for t, _, _ in graph if id(t) in read_by_heads and len(tasks[id(t)]) > 1 and id(t) not in is_input
    ]
    if not ends:
        raise ValueError(
            f"Features that several of the tasks {quoted(model.output)} read are expected, but they share nothing "
            "between the inputs and layers that give each task features of its own, such as a mixture of experts. Put "
            "a shared layer in front of these, or balance the gradients in the parameters, in separate passes: "
            "balance_on='parameters', passes='separate'."
        )
    sources = {id(tensor) for tensor, _, _ in walk(ends)}
    below = {operation for tensor, operation, _ in graph if id(tensor) in sources}
    above = {operation for tensor, operation, _ in graph if id(tensor) not in sources}
    if twice := [operation.name for operation in below & above if getattr(operation, "variables", ())]:
        raise ValueError(
            "Layers that belong to the shared part or to the heads are expected, but the model calls "
            f"{quoted(sorted(twice))} in both. Give the heads layers of their own, or balance the gradients in the "
            "parameters, in separate passes: balance_on='parameters', passes='separate'."
        )
    inputs = model.input
    read = {name: tensor for name, tensor in inputs.items() if id(tensor) in sources}
    encoder = keras.Model(read, {str(number): end for number, end in enumerate(ends)})
    direct = tuple(name for name, tensor in inputs.items() if id(tensor) in read_by_heads)
    numbers = {id(end): number for number, end in enumerate(ends)}
    ready = {task: numbers[id(output)] for task, output in model.output.items() if id(output) in numbers}
    outputs = {task: output for task, output in model.output.items() if task not in ready}
    heads = keras.Model([*ends, *(inputs[name] for name in direct)], outputs)
    return Halves(encoder, heads, direct, ready)


def _names(layers: Any) -> Sequence[str]:
    if isinstance(layers, str) or not isinstance(layers, (list, tuple)) or not layers:
        raise TypeError(
            f"shared must be a list of names of layers, but {describe(layers)} was given. Write shared=['trunk']."
        )
    return layers


def _layer(model: keras.Model, name: str, what: str) -> keras.layers.Layer:
    """A layer of the model that has trainable variables."""
    trainable = {layer.name: layer for layer in model.layers if layer.trainable_variables}
    if name not in trainable:
        raise ValueError(
            f"{what} must name a layer of the model with trainable variables: {quoted(trainable)}; but "
            f"{name!r} was given. {nearest(name, trainable)}Use one of these names."
        )
    return trainable[name]
