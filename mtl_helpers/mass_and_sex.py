"""The penguins' body mass and sex as one problem of `contest`, with the mass in any unit."""

from collections.abc import Callable, Mapping

from mtl_helpers.contest import Problem
from mtl_helpers.split import Split
from mtl_helpers.training import MultiTaskModel

import numpy as np


def mass_and_sex(
    train: Split,
    validation: Split,
    test: Split,
    grams: float,
    network: Callable[..., MultiTaskModel],
    losses: Mapping[str, str],
    *,
    epochs: int,
    batch_size: int,
) -> Problem:
    """Two tasks on one bird: body mass (mean absolute error, always in grams) and sex (accuracy).

    train, validation, test: with the targets body_mass (birds, 1), the mass minus its mean in the unit, and sex (birds, 1)
    grams:   of one unit, such as 1000 for kilograms
    network: (tasks, options of `MultiTaskModel`) -> an untrained model, whose body_mass is in that unit
    losses:  task -> loss

    Each seed keeps its last epoch. The trivial answers are the mean mass and the sex that is more frequent in the part.
    Raises ValueError for grams that are not above zero.
    """
    if not grams > 0:
        raise ValueError(f"grams must be above zero, but {grams} was given. Use 1000 for kilograms.")

    def error(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
        return (np.abs(predicted - truth) * grams).mean(axis=(1, 2))

    def accuracy(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
        return ((predicted > 0.5) == truth).mean(axis=(1, 2))

    def trivial(part: Split) -> dict[str, float]:
        male = float(part.targets["sex"].mean())
        mass = float(np.abs(part.targets["body_mass"]).mean())
        return {"body_mass": mass * grams, "sex": max(male, 1 - male)}

    return Problem(
        train,
        validation,
        test,
        losses=dict(losses),
        network=network,
        measures={"body_mass": error, "sex": accuracy},
        higher_is_better={"body_mass": False, "sex": True},
        trivial={"validation": trivial(validation), "test": trivial(test)},
        epochs=epochs,
        batch_size=batch_size,
        keep_best=False,
    )
