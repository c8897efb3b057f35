"""The graph of a functional Keras model: what is connected to what, and what a head ends in.

A Keras tensor knows the operation that made it. Keras has no public way to ask for the tensors that
went into that one call (a layer may be called several times), so `made_from` is the one place in the
course that reads private names of Keras.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras


def made_from(tensor: Any) -> tuple[Any, list]:
    """The operation that made a tensor, and the tensors it was made from."""
    operation, call, _ = tensor._keras_history
    return operation, list(operation._inbound_nodes[call].input_tensors) if operation else []


def walk(tensors: Iterable) -> list[tuple[Any, Any, list]]:
    """(tensor, operation, parents) for these tensors and all that they depend on, each once."""
    waiting, seen, found = list(tensors), set(), []
    while waiting:
        tensor = waiting.pop()
        if id(tensor) not in seen:
            seen.add(id(tensor))
            operation, parents = made_from(tensor)
            found.append((tensor, operation, parents))
            waiting.extend(parents)
    return found


def connections(model: keras.Model) -> list[tuple[str, str]]:
    """The edges of a functional model's graph, as pairs of names of operations (layers): (from, to).

    A layer that is called twice is one node. Edges come in the order in which the model runs.
    """
    order = {operation.name: place for place, operation in enumerate(model.operations)}
    edges = {
        (made_from(parent)[0].name, operation.name)
        for _, operation, parents in walk(model.outputs)
        for parent in parents
    }
    return sorted(edges, key=lambda edge: (order[edge[1]], order[edge[0]]))


def unused_inputs(model: keras.Model) -> list[str]:
    """The names of the inputs of a functional model that no output depends on."""
    reached = {id(tensor) for tensor, _, _ in walk(model.outputs)}
    return [made_from(tensor)[0].name for tensor in model.inputs if id(tensor) not in reached]


def last_activation(tensor: Any) -> str | None:
    """The activation that a head ends in ("softmax", "linear", ...), or None if that cannot be told."""
    operation, parents = made_from(tensor)
    activation = getattr(operation, "activation", None)
    passes_on = isinstance(operation, (keras.layers.Reshape, keras.layers.Flatten, keras.layers.Identity))
    if isinstance(operation, keras.layers.Activation) and activation is keras.activations.linear:
        passes_on = True  # such as the cast to float32 that ends a head under mixed precision
    if passes_on and parents:
        return last_activation(parents[0])
    name = getattr(activation, "__name__", type(operation).__name__.lower())
    return name if name in ("softmax", "sigmoid", "linear", "relu", "tanh") else None
