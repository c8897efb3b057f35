"""Random search: settings drawn once, so that every method of a contest can try the same ones."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

Range = tuple[float, float]


@dataclass(frozen=True)
class Candidate:
    """A setting to try; a method uses what it needs.

    rate:     the learning rate of the network
    weights:  task -> its loss weight
    own_rate: the learning rate of what a method learns itself, such as the weights of uncertainty
    """

    rate: float
    weights: dict[str, float]
    own_rate: float


def draw_candidates(
    number: int, tasks: Iterable[str], rate: Range, weight: Range = (1 / 3, 3), own_rate: Range = (0.003, 0.3)
) -> list[Candidate]:
    """Draw so many candidates, the same at each call, every number evenly on a logarithmic scale.

    rate, weight, own_rate: the lowest and the highest value
    Source: Bergstra and Bengio, JMLR 13 (2012).
    Raises ValueError for a range that does not rise, or does not begin above zero.
    """
    for name, (low, high) in {"rate": rate, "weight": weight, "own_rate": own_rate}.items():
        if not 0 < low < high:
            raise ValueError(
                f"{name} must be a lowest and a higher highest value above zero, but {(low, high)} was given. "
                "Write (0.001, 0.1)."
            )
    tasks, generator = list(tasks), np.random.default_rng(0)

    def between(low: float, high: float) -> float:
        return float(np.exp(generator.uniform(np.log(low), np.log(high))))

    return [
        Candidate(between(*rate), {task: between(*weight) for task in tasks}, between(*own_rate))
        for _ in range(number)
    ]
