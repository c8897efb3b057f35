"""The figures of lesson 09: directions beside two gradients, paths over the toy's plane, cosines by batch size."""

import functools
from collections.abc import Mapping, Sequence

from mtl_helpers import toy
from mtl_helpers.evaluation import mean_interval
from mtl_helpers.plots import BLACK, BLUE, GREEN, GREY, ORANGE, PINK, SKY, VERMILION

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLUMNS = 4
PAIR_STYLES = {"two tasks": ("s-", BLACK), "one task": ("o--", SKY)}
START_STYLES = (("o", SKY), ("s", ORANGE), ("^", PINK))


def draw_directions(gradients: np.ndarray, directions: Mapping[str, np.ndarray]) -> Figure:
    """Draw two gradients in the plane, and in a panel for each method the direction that it makes of them.

    Shaded is where no task loses: the directions at most 90° from both gradients. A step goes against its direction;
    one outside the shade raises the loss of the task that the panel names.

    gradients:  (2, 2), one row a task
    directions: for each method a vector, (2,)
    """
    gradients = np.asarray(gradients, dtype=float)
    drawn = np.array([*gradients, *directions.values()])
    size = 1.3 * max(1e-9, *np.linalg.norm(drawn, axis=1))
    lowest = drawn[:, 1].min() - 0.35 * size
    figure = _panels(len(directions), height=1.45)
    for axes, (name, direction) in zip(figure.axes, directions.items(), strict=True):
        _shade_where_no_task_loses(axes, gradients, size)
        for task, colour in ((0, BLUE), (1, VERMILION)):
            _arrow(axes, gradients[task], colour, size)
            tip = gradients[task] / max(np.linalg.norm(gradients[task]), 1e-9)
            axes.annotate(
                f"$g_{task + 1}$", tuple(gradients[task]), tuple(7 * tip), textcoords="offset points", color=colour,
                ha="center", va="center", fontsize=9,
            )  # fmt: skip
        _arrow(axes, np.asarray(direction), BLACK, size, width=2.6)
        says = [f"task {task + 1} loses" for task in (0, 1) if gradients[task] @ direction < -1e-9 * size**2]
        if np.linalg.norm(direction) < 1e-6 * size:
            says = ["stands still"]
        axes.text(0, lowest, " and ".join(says), ha="center", va="bottom", fontsize=8.5)
        axes.set_title(name, fontsize=10)
        axes.set(xlim=(-size, size), ylim=(lowest, max(size, 0)), aspect="equal")
        axes.axis("off")
    return figure


def draw_paths(paths: Mapping[str, np.ndarray]) -> Figure:
    """Draw the paths of each method in a panel of its own, over the mean of the toy's two losses (darker is lower).

    The Pareto front is the green line; the dashed ones are the two narrow valleys, blue of task 1 and vermilion of
    task 2. A path begins at its open marker and ends at the filled one; each start has
    its own marker and colour.

    paths: for each method its paths from the three starts, (3, points, 2)
    """
    figure = _panels(len(paths), height=1.85)
    x, y, mean_loss = _landscape()
    upper = np.linspace(0, 10, 101)
    for axes, (name, from_starts) in zip(figure.axes, paths.items(), strict=True):
        axes.contourf(x, y, mean_loss, levels=9, cmap="Greys_r", alpha=0.55)
        axes.plot(*toy.front().T, color=GREEN, linewidth=3.5, solid_capstyle="round")
        for valley, colour in zip(toy.valleys(upper), (BLUE, VERMILION), strict=True):
            axes.plot(valley, upper, linestyle=(0, (3, 2)), color=colour, linewidth=1)
        for path, (marker, colour) in zip(from_starts, START_STYLES, strict=True):
            axes.plot(*path.T, color="white", linewidth=2.6)
            axes.plot(*path.T, color=colour, linewidth=1.5)
            axes.plot(*path[0], marker, color=colour, markerfacecolor="white", markersize=6, clip_on=False)
            axes.plot(
                *path[-1], marker, color=colour, markeredgecolor=BLACK, markersize=7, clip_on=False, zorder=3
            )
        axes.set_title(name, fontsize=10)
        axes.set(xlim=(-10, 10), ylim=(-10, 10), xticks=[-10, 0, 10], yticks=[-10, 0, 10], aspect="equal")
        axes.tick_params(labelsize=8)
        axes.grid(visible=False)
    return figure


def draw_cosines(table: pd.DataFrame) -> Figure:
    """Draw over the batch size how many cosines are negative, and their mean, both with 95 % intervals over seeds.

    table: columns seed, batch, pair ("two tasks" or "one task"), negative (a share) and cosine; what else there is for
           a seed, such as several epochs, is averaged first
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8))
    for pair, (look, colour) in PAIR_STYLES.items():
        rows = table[table["pair"] == pair]
        for axes, column, factor in ((left, "negative", 100), (right, "cosine", 1)):
            of_seeds = factor * rows.groupby(["batch", "seed"])[column].mean().unstack()
            sizes = of_seeds.index.to_numpy()
            middle, low, high = np.array([mean_interval(row) for row in of_seeds.to_numpy()]).T
            axes.errorbar(sizes, middle, [middle - low, high - middle], fmt=look, color=colour, capsize=3)
            axes.text(1.2 * sizes[-1], middle[-1], pair, color=colour, va="center")
            axes.set_xscale("log")
            axes.set(xlabel="batch size", xlim=(0.8 * sizes[0], 7.2 * sizes[-1]))
            axes.set_xticks(sizes, [f"{size:.0f}" for size in sizes], fontsize=8, minor=False)
            axes.minorticks_off()
    left.set(ylabel="negative cosines (%)", ylim=(-2, 60))
    right.set(ylabel="mean cosine", ylim=(-0.1, 1.05))
    return figure


def _panels(number: int, height: float) -> Figure:
    rows = -(-number // COLUMNS)
    columns = min(number, COLUMNS)
    figure, grid = plt.subplots(
        rows, columns, figsize=(1.65 * columns, height * rows), squeeze=False, sharex=True, sharey=True
    )
    for spare in grid.flat[number:]:
        spare.remove()
    return figure


def _arrow(axes: Axes, vector: np.ndarray, colour: str, size: float, width: float = 1.6) -> None:
    """Draw a vector from the origin, with a smaller head if it is short; one too short for an arrow as a point."""
    length = np.linalg.norm(vector) / size
    if length < 0.02:
        axes.plot(0, 0, "o", color=colour, markersize=2.5 * width, zorder=3)
    else:
        look = {"arrowstyle": "-|>", "color": colour, "linewidth": width, "shrinkA": 0, "shrinkB": 0}
        head = min(6 + 2 * width, 4 + 25 * length)
        axes.annotate("", tuple(vector), (0, 0), arrowprops=look | {"mutation_scale": head})


def _shade_where_no_task_loses(axes: Axes, gradients: np.ndarray, size: float) -> None:
    angles = np.linspace(-np.pi, np.pi, 721)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    fine = (circle @ gradients.T >= 0).all(axis=1)
    for begin, end in _stretches(fine):
        corners = np.concatenate([[[0, 0]], 2 * size * circle[begin:end]])
        axes.fill(*corners.T, color=GREY, alpha=0.18, linewidth=0)


def _stretches(flags: Sequence[bool] | np.ndarray) -> list[tuple[int, int]]:
    """Where runs of True begin and end."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    return list(zip(edges[::2], edges[1::2], strict=True))


@functools.cache
def _landscape() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    side = np.linspace(-10, 10, 121)
    x, y = np.meshgrid(side, side)
    values = toy.losses(np.stack([x.ravel(), y.ravel()], axis=1)).numpy().mean(axis=1)
    return x, y, values.reshape(x.shape)
