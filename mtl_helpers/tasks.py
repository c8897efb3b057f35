"""A task in one place: its name, its head, its loss, its metrics and how to read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Task:
    """What a network needs to know about one task.

        tasks = [
            Task("species", Dense(3, activation="softmax"), "sparse_categorical_crossentropy", ["accuracy"]),
            Task("body_mass", Dense(1), "mse", ["mae"], higher_is_better=False, unit="g"),
        ]
        outputs = {task.name: task.head(features) for task in tasks}
        model.compile(loss={task.name: task.loss for task in tasks}, ...)

    name: the key of the task in outputs, losses, metrics and targets.
    head: from the shared features to the task's prediction: a layer, or a function that calls several.
    loss: what `compile` takes: a name, a `keras.losses.Loss` or a function of (targets, predictions).
    metrics: what `compile` takes, in a list; the first one is the one that is reported.
    higher_is_better: whether the reported metric is better when it is higher (accuracy) or lower (error).
    unit: of the reported metric, for tables and axes, for example "g".

    Raises TypeError or ValueError if a part is not of that kind.
    """

    name: str
    head: Callable[[Any], Any]
    loss: Any
    metrics: Sequence[Any] = ()
    higher_is_better: bool = True
    unit: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(
                f"A task's name must be a string that is not empty, but {self.name!r} was given. "
                "Use a short name such as 'species'."
            )
        where = f"task '{self.name}'"
        if isinstance(self.head, type) or not callable(self.head):
            given = f"the class {self.head.__name__}" if isinstance(self.head, type) else repr(self.head)
            raise TypeError(
                f"The head of {where} must be a layer or a function from features to a prediction, but "
                f"{given} was given. Make the layer, for example head=Dense(3, activation='softmax')."
            )
        if not isinstance(self.loss, str) and not callable(self.loss):
            raise TypeError(
                f"The loss of {where} must be one name, Loss or function, but {self.loss!r} was given. "
                "Write for example loss='mse'."
            )
        if isinstance(self.metrics, (str, dict)) or not hasattr(self.metrics, "__iter__"):
            raise TypeError(
                f"The metrics of {where} must be a list, but {self.metrics!r} was given. "
                "Write for example metrics=['accuracy']."
            )
        if not isinstance(self.higher_is_better, bool):
            raise TypeError(
                f"higher_is_better of {where} must be True or False, but {self.higher_is_better!r} was "
                "given. Use True for an accuracy and False for an error."
            )
        object.__setattr__(self, "metrics", tuple(self.metrics))
