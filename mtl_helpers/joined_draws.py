"""Draws of generated tasks, joined: one data set in which each example has the label of one task alone.

A draw is what `data.related_tasks` returns: task k has examples of its own, with the input `x_k` and the target
`task_k`. Here each task also gets a name, and all of them read the one input `x`.
"""

from collections.abc import Iterable, Mapping, Sequence

from mtl_helpers.draws import PENALTIES, Draw, OneTask, alone
from mtl_helpers.seeds import SeedRuns
from mtl_helpers.split import Split

import numpy as np


def join_draw(draw: Draw, counts: Mapping[str, int]) -> Split:
    """The first training examples of each task, one task after the other, with NaN where a label is missing.

    counts: name of the first task -> number of its examples, and so on, for as many tasks as are wanted

    Returns the input `x`, (examples, dimensions), and a target for each name, (examples, 1).
    Raises ValueError for more tasks, or more examples of a task, than the draw has.
    """
    tasks = alone([draw])
    if len(counts) > len(tasks) or any(
        count > len(task.train) for count, task in zip(counts.values(), tasks, strict=False)
    ):
        raise ValueError(
            f"The draw has {len(tasks)} tasks with {len(tasks[0].train)} training examples each, but {dict(counts)} "
            "was asked for. Ask for fewer, or draw more."
        )
    parts = [task.train.take(np.arange(count)) for task, count in zip(tasks, counts.values(), strict=False)]
    owner = np.repeat(list(counts), [len(part) for part in parts])[:, None]
    x = np.concatenate([part.inputs["x"] for part in parts])
    y = np.concatenate([part.targets["y"] for part in parts])
    return Split({"x": x}, {name: np.where(owner == name, y, np.float32("nan")) for name in counts})


def draw_rows(
    sizes: Iterable[int], probabilities: Sequence[float] | np.ndarray, drawn: int, seeds: Sequence[int]
) -> np.ndarray:
    """Draw examples of joined data sets with replacement: first which set, then which of its examples.

    sizes:         the number of examples of each set, in the order in which they were joined
    probabilities: how likely each set is; they need not add up to 1
    drawn:         the number of examples to draw
    Returns row numbers for each seed, (seeds, drawn), as `seeds.train_seeds` takes them as `subsets`.
    """
    begin = np.cumsum([0, *sizes])
    shares = np.asarray(probabilities, dtype=float) / np.sum(probabilities)
    rows = []
    for seed in seeds:
        generator = np.random.default_rng([seed, 8])  # not the numbers that made the examples of this seed
        chosen = generator.choice(len(shares), drawn, p=shares)
        rows.append(generator.integers(begin[chosen], begin[chosen + 1]))
    return np.stack(rows)


def joined_errors(runs: SeedRuns, draws: Sequence[Draw], names: Iterable[str]) -> dict[str, np.ndarray]:
    """The mean squared error of each draw's network on the test examples of each task: name -> (draws,).

    runs:  of networks with the input `x` and an output for each name, one network for each draw
    names: in the order of the draws' tasks
    """
    tests = [[task.test for task in alone([draw])] for draw in draws]
    errors = {}
    for place, name in enumerate(names):
        own = [of_draw[place] for of_draw in tests]
        predicted = runs.predict([{"x": test.inputs["x"]} for test in own])[name]
        truth = np.stack([test.targets["y"] for test in own])
        errors[name] = ((predicted - truth) ** 2).mean(axis=(1, 2))
    return errors


def two_ridge_errors(draws: Sequence[Draw], own: int, other: int) -> np.ndarray:
    """The test error of the first task, for ridge regression that uses the labels of the second one too: (draws,).

    A ridge regression learns the second task; its answer, times five so that the penalty hardly holds it back, is one
    more input of a ridge regression on the first task. Both choose their penalty by leaving one example out.

    own, other: the number of training examples of the first and of the second task; without any of the second, a ridge
                regression on the first task alone
    """
    tasks = [alone([draw]) for draw in draws]
    return np.array([_two_ridges(first, second, own, other) for first, second, *_ in tasks])


def _two_ridges(first: OneTask, second: OneTask, own: int, other: int) -> float:
    from sklearn.linear_model import RidgeCV

    def fitted(x: np.ndarray, y: np.ndarray) -> RidgeCV:
        return RidgeCV(PENALTIES).fit(x, y.ravel())

    x, test_x = first.train.inputs["x"][:own], first.test.inputs["x"]
    if other:
        helper = fitted(second.train.inputs["x"][:other], second.train.targets["y"][:other])
        x, test_x = (np.c_[inputs, 5 * helper.predict(inputs)] for inputs in (x, test_x))
    predicted = fitted(x, first.train.targets["y"][:own]).predict(test_x)
    return float(np.mean((predicted - first.test.targets["y"].ravel()) ** 2))
