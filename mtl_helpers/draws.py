"""Train and score networks on many draws of generated tasks, each draw with tasks and examples of its own.

A draw is what `related_tasks` and `dial_tasks` return: anything with train, validation and test. Its task k has the
target `task_k`, and the input `x_k` or, where all tasks read the same, `x`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mtl_helpers.seeds import SeedRuns, train_seeds
from mtl_helpers.split import Split

import keras
import numpy as np

PARTS = ("train", "validation", "test")
PENALTIES = np.logspace(-2, 3, 12)


class Draw(Protocol):
    """Three parts of generated data."""

    @property
    def train(self) -> Split: ...  # noqa: D102
    @property
    def validation(self) -> Split: ...  # noqa: D102
    @property
    def test(self) -> Split: ...  # noqa: D102


@dataclass(frozen=True)
class OneTask:
    """One task of a draw as a data set of its own, with the input `x` and the target `y`."""

    train: Split
    validation: Split
    test: Split


def alone(draws: Sequence[Draw]) -> list[OneTask]:
    """Each task of each draw by itself: first those of the first draw."""

    def one(split: Split, k: int) -> Split:
        own = f"x_{k}" if f"x_{k}" in split.inputs else "x"
        return Split({"x": split.inputs[own]}, {"y": split.targets[f"task_{k}"]})

    return [
        OneTask(*(one(getattr(draw, part), k) for part in PARTS))
        for draw in draws
        for k in range(1, len(draw.test.targets) + 1)
    ]


def train_draws(
    build_model: Callable[[], keras.Model],
    draws: Sequence[Draw],
    *,
    rate: float,
    epochs: int,
    batch_size: int,
) -> SeedRuns:
    """Train one network on each draw, all at once: Adam, mean squared errors, the best epoch in validation.

    The network of draw n starts from seed n. See `mtl_helpers.seeds.train_seeds`.
    """
    train, validation, _ = ([getattr(draw, part) for draw in draws] for part in PARTS)
    losses = dict.fromkeys(build_model().output, "mse")
    return train_seeds(
        build_model,
        train,
        validation=validation,
        losses=losses,
        epochs=epochs,
        batch_size=batch_size,
        seeds=len(draws),
        optimizer=keras.optimizers.Adam(rate),
    )


def draw_errors(runs: SeedRuns, draws: Sequence[Draw], part: str = "test") -> np.ndarray:
    """The mean squared error of each draw's network, the mean over its tasks: (draws,)."""
    splits = [getattr(draw, part) for draw in draws]
    predicted = runs.predict([split.inputs for split in splits])
    truth = {task: np.stack([split.targets[task] for split in splits]) for task in predicted}
    return np.mean([((predicted[task] - truth[task]) ** 2).mean(axis=(1, 2)) for task in truth], axis=0)


def ridge_errors(draws: Sequence[Draw], parts: Sequence[str] = PARTS[:2]) -> np.ndarray:
    """The test error of ridge regression, one model a task, the mean over the tasks: (draws,).

    It learns from the examples of all `parts` together, and chooses its penalty among them by leaving one out.
    """
    from sklearn.linear_model import RidgeCV

    def error(task: OneTask) -> Any:
        labelled = [getattr(task, part) for part in parts]
        x = np.concatenate([split.inputs["x"] for split in labelled])
        y = np.concatenate([split.targets["y"] for split in labelled])
        predicted = RidgeCV(PENALTIES).fit(x, y.ravel()).predict(task.test.inputs["x"])
        return np.mean((predicted - task.test.targets["y"].ravel()) ** 2)

    return np.array([error(task) for task in alone(draws)]).reshape(len(draws), -1).mean(axis=1)
