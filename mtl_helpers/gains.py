"""Tables and pictures of many gains over one baseline: a row for each method, a column for each task."""

from collections.abc import Hashable, Mapping, Sequence

from mtl_helpers import plots
from mtl_helpers.comparisons import NOTHING, Values, compare

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

GRAMS = "body_mass"  # the one measure of the course that is no share; it is written without decimals


def gains_over(baseline: str, scores: pd.DataFrame, higher_is_better: Mapping[str, bool]) -> pd.DataFrame:
    """The gain of every method over the baseline in every task, as `comparisons.compare` gives it.

    scores: columns method, task, seed and score; every method has the same seeds
    higher_is_better: task -> the direction of its score
    Returns a row for each (method, task), methods and tasks in the order of `scores`.
    Raises ValueError if the baseline is missing for a task, or if its seeds are not those of a method.
    """
    by_seed = {
        key: rows.set_index("seed")["score"] for key, rows in scores.groupby(["method", "task"], sort=False)
    }
    pairs: dict[Hashable, tuple[Values, Values]] = {}
    higher: dict[Hashable, bool] = {}
    for (method, task), ours in by_seed.items():
        theirs = by_seed.get((baseline, task))
        if theirs is None or set(theirs.index) != set(ours.index):
            raise ValueError(
                f"'{method}' and the baseline '{baseline}' need scores of the same seeds in '{task}', but there are "
                f"{sorted(ours.index)} and {None if theirs is None else sorted(theirs.index)}. Train both from the "
                "same seeds."
            )
        if method != baseline:
            pairs[method, task] = (ours.to_numpy(), theirs[ours.index].to_numpy())
            higher[method, task] = bool(higher_is_better[task])
    return compare(pairs, higher)


def as_texts(gains: pd.DataFrame) -> pd.DataFrame:
    """A table to read: a row for each method, a column for each task, `gain [low, high]`.

    A star follows where the interval leaves out zero also when it is widened for all rows of `gains`.
    """
    texts = [
        f"{row['gain']:{style}} [{row['low']:{style}}, {row['high']:{style}}]"
        + ("" if row["among_all"] == NOTHING else " *")
        for (_, task), row in gains.iterrows()
        for style in ["+.0f" if task == GRAMS else "+.3f"]
    ]
    methods, tasks = (gains.index.unique(level) for level in (0, 1))
    table = pd.Series(texts, gains.index).unstack().reindex(index=methods, columns=tasks).fillna("")
    return table.rename(columns={GRAMS: f"{GRAMS}, g"})


def draw_gains(gains: pd.DataFrame, methods: Sequence[str]) -> Figure:
    """A panel for each task: thick the interval, thin the one that is widened for all rows of `gains`."""
    tasks = gains.index.unique(1)
    figure, panels = plt.subplots(
        1, len(tasks), figsize=(1.6 * len(tasks) + 0.6, 2.5), sharey=True, squeeze=False
    )
    for axes, task in zip(panels[0], tasks, strict=True):
        colour, marker = plots.TASK_COLOURS.get(task, plots.GREY), plots.TASK_MARKERS.get(task, "o")
        for place, method in enumerate(methods):
            row = gains.loc[(method, task)]
            axes.plot([row["wide_low"], row["wide_high"]], [place, place], color=colour, linewidth=1)
            axes.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=4, alpha=0.4)
            axes.plot(row["gain"], place, marker, color=colour)
        axes.axvline(0, color=plots.GREY, linestyle=":")
        axes.set(title=task, xlabel="gain, g" if task == GRAMS else "gain")
        axes.set_yticks(range(len(methods)), methods)
        axes.tick_params(axis="x", labelsize=8)
        axes.locator_params(axis="x", nbins=3)
    panels[0, 0].invert_yaxis()
    return figure


def draw_matrices(matrices: Mapping[str, np.ndarray], columns: int = 2) -> Figure:
    """Square tables of numbers with a colour around zero, a panel each: rows are who steps, columns who is helped."""
    rows = -(-len(matrices) // columns)
    figure, panels = plt.subplots(rows, columns, figsize=(3.2 * columns, 2.5 * rows), squeeze=False)
    for axes, (title, matrix) in zip(panels.flat, matrices.items(), strict=True):
        size, names = np.nanmax(np.abs(matrix)), range(1, len(matrix) + 1)
        picture = axes.imshow(matrix, cmap="PuOr", vmin=-size, vmax=size)
        figure.colorbar(picture, ax=axes, shrink=0.9)
        axes.set_title(title, fontsize=10)
        axes.set_xticks(range(len(matrix)), names)
        axes.set_yticks(range(len(matrix)), names)
        axes.grid(visible=False)
    for axes in panels[:, 0]:
        axes.set_ylabel("task that steps")
    for axes in panels[-1]:
        axes.set_xlabel("task helped")
    return figure
