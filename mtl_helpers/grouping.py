"""Which way to group the tasks of a family is best: brute force for few tasks, and tables of what others choose."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from mtl_helpers.affinity import Groups
from mtl_helpers.evaluation import mean_interval
from mtl_helpers.seeds import train_seeds
from mtl_helpers.split import Split
from mtl_helpers.task_clusters import TaskClusters

import keras
import numpy as np
import pandas as pd

Errors = dict[tuple[str, ...], dict[str, np.ndarray]]  # group -> part -> (families, tasks of the group)


def group_network(tasks: int, units: int, dimensions: int, kind: Any = keras.Model) -> Any:
    """An untrained network for `task_1` to `task_<tasks>`: a linear trunk that all share, and a linear head each.

    Every task has an input of its own, `x_1`, `x_2`, …, (examples, dimensions), that passes the same trunk.
    """
    trunk = keras.layers.Dense(units, name="trunk")
    inputs = {f"x_{k}": keras.Input((dimensions,), name=f"x_{k}") for k in range(1, tasks + 1)}
    outputs = {
        f"task_{k}": keras.layers.Dense(1, name=f"task_{k}")(trunk(inputs[f"x_{k}"]))
        for k in range(1, tasks + 1)
    }
    return kind(inputs, outputs)


def group_errors(
    families: Sequence[TaskClusters],
    sizes: Sequence[int],
    *,
    units: int,
    rate: float,
    epochs: int,
    batch_size: int,
) -> Errors:
    """Train a network for every group of so many tasks, on every family; its mean squared errors.

    units: of the trunk, the same for every group. All groups of one size, in all families, are trained at once;
    each network keeps the weights of its best epoch on its validation examples.
    Returns {group: {"validation": (families, tasks of the group), "test": the same}}.
    """
    tasks = tuple(families[0].test.targets)
    dimensions = families[0].test.inputs["x_1"].shape[1]
    errors: Errors = {}
    for size in sizes:
        groups = list(combinations(tasks, size))

        def parts(part: str, groups: list[tuple[str, ...]] = groups) -> list[Split]:
            return [_of_group(getattr(family, part), group) for family in families for group in groups]

        def build(size: int = size) -> keras.Model:
            return group_network(size, units, dimensions)

        runs = train_seeds(
            build,
            parts("train"),
            losses={f"task_{k}": "mse" for k in range(1, size + 1)},
            epochs=epochs,
            batch_size=batch_size,
            seeds=len(families) * len(groups),
            optimizer=keras.optimizers.Adam(rate),
            validation=parts("validation"),
        )
        for part in ("validation", "test"):
            splits = parts(part)
            predicted = runs.predict([split.inputs for split in splits])
            squared = [
                (values - np.stack([split.targets[task] for split in splits])) ** 2
                for task, values in predicted.items()
            ]
            means = np.stack(squared).mean(axis=(2, 3)).T.reshape(len(families), len(groups), size)
            for place, group in enumerate(groups):
                errors.setdefault(group, {})[part] = means[:, place]
        keras.backend.clear_session()
    return errors


def partition_error(errors: Errors, groups: Groups, part: str) -> np.ndarray:
    """The mean error of all tasks if each group has a network of its own: (families,)."""
    return np.concatenate([errors[group][part] for group in groups], axis=1).mean(axis=1)


def pairwise_gains(errors: Errors, tasks: Sequence[str], part: str) -> np.ndarray:
    """How much less task j errs beside task i than alone: (families, i, j), zero on the diagonal."""
    families = len(errors[(tasks[0],)][part])
    gains = np.zeros((families, len(tasks), len(tasks)))
    for i, helper in enumerate(tasks):
        for j, helped in enumerate(tasks):
            if i != j:
                pair = (helper, helped) if i < j else (helped, helper)
                gains[:, i, j] = errors[(helped,)][part][:, 0] - errors[pair][part][:, pair.index(helped)]
    return gains


def affinity_rows(family: str, affinity: np.ndarray, gains: np.ndarray | None = None) -> pd.DataFrame:
    """Affinities as a table to store: a row for each draw and ordered pair of different tasks.

    affinity, gains: (draws, tasks, tasks), row onto column; without gains that column is empty
    Columns: experiment ("affinity"), data (the family's name), seed, helper, task, affinity, gain.
    """
    gains = np.full_like(affinity, np.nan) if gains is None else gains
    draws, tasks, _ = affinity.shape
    return pd.DataFrame(
        [
            (
                "affinity",
                family,
                seed,
                f"task_{i + 1}",
                f"task_{j + 1}",
                affinity[seed, i, j],
                gains[seed, i, j],
            )
            for seed in range(draws)
            for i in range(tasks)
            for j in range(tasks)
            if i != j
        ],
        columns=["experiment", "data", "seed", "helper", "task", "affinity", "gain"],
    )


def affinity_matrices(table: pd.DataFrame, family: str, column: str = "affinity") -> np.ndarray:
    """A column of `affinity_rows` as (draws, tasks, tasks), NaN on the diagonal."""
    rows = table[(table["experiment"] == "affinity") & (table["data"] == family)]
    return np.stack(
        [
            of_draw.pivot(index="helper", columns="task", values=column).to_numpy()
            for _, of_draw in rows.groupby("seed")
        ]
    )


def label(groups: Groups) -> str:
    """Groups of task_1, task_2, … as a text, such as "1 2 3 | 4 5 6"."""
    return " | ".join(" ".join(task.removeprefix("task_") for task in group) for group in groups)


def chooser_table(
    grouping: pd.DataFrame, chosen: Mapping[str, Sequence[Groups]], clusters: Groups
) -> pd.DataFrame:
    """How often each chooser finds the true clusters, and the test error of what it chose: a row for each.

    grouping: columns seed, groups (as `label` writes them), validation and test, one row a family and way
    chosen:   chooser -> the groups it chose for each family, in the order of the seeds
    clusters: the true groups

    Rows are added for brute force, which takes the lowest validation error among ways of as many groups as there
    are clusters, for chance, which is their mean, and for one network for all tasks, and one for each.
    """
    errors = {
        part: grouping.pivot(index="seed", columns="groups", values=part) for part in ("validation", "test")
    }
    ways = [way for way in errors["test"] if way.count("|") == len(clusters) - 1]
    picks = {"brute force": list(errors["validation"][ways].idxmin(axis=1))}
    picks |= {chooser: [label(groups) for groups in of_families] for chooser, of_families in chosen.items()}
    true = _as_set(label(clusters))
    rows = {}
    for chooser, labels in picks.items():
        found = sum(_as_set(way) == true for way in labels)
        test = [errors["test"].loc[seed, way] for seed, way in zip(errors["test"].index, labels, strict=True)]
        rows[chooser] = [f"{found} of {len(labels)}", f"{mean_interval(test):.2f}"]
    tasks = sum(len(group) for group in clusters)
    others = {
        "chance": errors["test"][ways].mean(axis=1),
        "one network for all": errors["test"][next(way for way in errors["test"] if "|" not in way)],
        "a network for each": errors["test"][
            next(way for way in errors["test"] if way.count("|") == tasks - 1)
        ],
    }
    rows |= {name: ["", f"{mean_interval(values):.2f}"] for name, values in others.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["finds the clusters", "test error"])


def _as_set(way: str) -> set[frozenset[str]]:
    return {frozenset(group.split()) for group in way.split("|")}


def _of_group(split: Split, group: tuple[str, ...]) -> Split:
    """The examples of a group's tasks, renamed to task_1, task_2, … so that all groups of one size look alike."""
    return Split(
        {f"x_{n}": split.inputs[f"x_{task.removeprefix('task_')}"] for n, task in enumerate(group, 1)},
        {f"task_{n}": split.targets[task] for n, task in enumerate(group, 1)},
    )
