"""The figures of lesson 06: what a ratio of loss weights buys, weights over a training, and gains in two units."""

from collections.abc import Mapping, Sequence

from mtl_helpers.evaluation import mean_interval
from mtl_helpers.gains import GRAMS
from mtl_helpers.plots import BLACK, GREY, TASK_COLOURS, TASK_MARKERS

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure


def draw_trade_off(
    scores: Mapping[str, Mapping[str, Sequence[float] | np.ndarray]],
    chosen: str,
    labels: tuple[str, str],
    *,
    less_is_better: bool = True,
) -> Figure:
    """Draw a point for each setting: one task to the right, the other up, both with their 95 % intervals.

    scores: setting -> task -> one number a seed; two tasks, the first one to the right
    chosen: the setting that is drawn larger
    labels: of the two axes
    less_is_better: of the first task; then its axis is turned, so that to the right is better
    """
    figure, axes = plt.subplots()
    for setting, of_tasks in scores.items():
        first, second = (mean_interval(values) for values in of_tasks.values())
        axes.errorbar(
            first.mean, second.mean, xerr=first.high - first.mean, yerr=second.high - second.mean, capsize=3,
            color=BLACK, marker="s", markersize=9 if setting == chosen else 5,
        )  # fmt: skip
        axes.annotate(
            setting, (first.mean, second.low), (0, -4), textcoords="offset points", ha="center", va="top"
        )
    axes.set(xlabel=labels[0], ylabel=labels[1])
    axes.margins(y=0.15)
    if less_is_better:
        axes.invert_xaxis()
    return figure


def draw_loss_weights(
    weights: Mapping[str, np.ndarray], tasks: Sequence[str], jumping: str = "RLW"
) -> Figure:
    """Draw the loss weights over the steps of one training, a panel for each method, three in a row.

    weights: method -> (steps, tasks), as `step_weights` of `turns.train_in_turn` holds them for one seed
    jumping: the method that is drawn with thin lines, as its weights are new at each step
    """
    rows = -(-len(weights) // 3)
    figure, panels = plt.subplots(rows, 3, figsize=(7, 1.9 * rows), sharex=True, sharey=True, squeeze=False)
    for spare in panels.flat[len(weights) :]:
        spare.remove()
    for axes, (method, by_step) in zip(figure.axes, weights.items(), strict=True):
        for task, values in zip(tasks, by_step.T, strict=True):
            axes.plot(
                values, label=task, color=TASK_COLOURS.get(task, GREY), marker=TASK_MARKERS.get(task, "o"),
                markevery=max(1, len(values) // 5), markersize=4, linewidth=0.6 if method == jumping else 1.5,
            )  # fmt: skip
        axes.set(yscale="log", ylim=(0.05, 10), title=method)
    figure.axes[0].legend(fontsize=8)
    figure.supxlabel("step", fontsize=10)
    figure.supylabel("loss weight", fontsize=10)
    return figure


def draw_gains_twice(gains: pd.DataFrame, methods: Sequence[str], hollow: str) -> Figure:
    """Draw gains with their 95 % intervals, a panel for each task, two in a row; to the right is better.

    gains:   as `gains.gains_over` gives them, a row for each (method, task)
    methods: from top to bottom; one without a row is left out
    hollow:  the end of the names of a second version of each method, drawn with a hollow mark below the first
    """
    tasks = gains.index.unique(1)
    rows = -(-len(tasks) // 2)
    figure, panels = plt.subplots(rows, 2, figsize=(7, 3 * rows), sharey=True, squeeze=False)
    for spare in panels.flat[len(tasks) :]:
        spare.remove()
    for axes, task in zip(figure.axes, tasks, strict=True):
        for place, method in enumerate(methods):
            for name, fill, shift in ((method, "full", 0.0), (method + hollow, "none", 0.25)):
                if (name, task) in gains.index:
                    _draw_gain(axes, gains.loc[(name, task)], place + shift, task, fill)
        axes.axvline(0, color=GREY, linestyle=":")
        unit = "error, g" if task == GRAMS else "accuracy"
        axes.set(title=task, xlabel=f"gain in {unit} (right is better)")
        axes.set_yticks(range(len(methods)), methods)
        axes.locator_params(axis="x", nbins=5)
    panels[0, 0].invert_yaxis()
    return figure


def _draw_gain(axes: Axes, row: pd.Series, place: float, task: str, fill: str) -> None:
    axes.errorbar(
        row["gain"], place, xerr=[[row["gain"] - row["low"]], [row["high"] - row["gain"]]], capsize=2, fillstyle=fill,
        color=TASK_COLOURS.get(task, GREY), marker=TASK_MARKERS.get(task, "o"),
    )  # fmt: skip
