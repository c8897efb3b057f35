"""Networks of several widths on many draws of generated tasks: score them, store the errors, compare them in pairs.

A pair of widths is (units of a shared trunk, units of each single-task network).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mtl_helpers.draws import Draw, alone, draw_errors, train_draws
from mtl_helpers.evaluation import paired_interval
from mtl_helpers.stored_runs import seed_values

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Widths = Sequence[tuple[int, int]]


def shared_errors(
    build_model: Callable[[], keras.Model], draws: Sequence[Draw], **settings: Any
) -> np.ndarray:
    """Train a network with all tasks on each draw; its test error, the mean over the tasks: (draws,).

    settings: rate, epochs and batch_size of `draws.train_draws`
    """
    return draw_errors(train_draws(build_model, draws, **settings), draws)


def single_errors(
    build_model: Callable[[], keras.Model], draws: Sequence[Draw], **settings: Any
) -> np.ndarray:
    """Train a network from `x` to `y` on each task of each draw; the test error, the mean over the tasks: (draws,).

    settings: rate, epochs and batch_size of `draws.train_draws`
    """
    return shared_errors(build_model, alone(draws), **settings).reshape(len(draws), -1).mean(axis=1)


def error_rows(
    found: Mapping[tuple[str, int], np.ndarray], *, part: str, relatedness: float, labels: int, rate: float
) -> list[dict[str, Any]]:
    """The rows of a table to store, one for each model, width and draw, with the error to four decimals.

    found: (model, width) -> one error a draw; draw n has the seed n
    The other arguments are the same in all rows: which comparison it is, how related the tasks are, how many labels
    each has, and the learning rate.
    """
    return [
        {
            "part": part,
            "relatedness": relatedness,
            "labels": labels,
            "model": model,
            "width": width,
            "rate": rate,
            "seed": seed,
            "error": round(float(error), 4),
        }
        for (model, width), errors in found.items()
        for seed, error in enumerate(errors)
    ]


def width_pairs(
    table: pd.DataFrame, widths: Widths, other: str = "single-task", **chosen: Any
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """For each pair of widths the errors of the shared trunk and of the other model, one a draw: "4 : 2" -> both.

    table:  as `error_rows` makes it
    other:  the model to compare with, "single-task" or "ridge"; ridge has no width, so only the trunk's counts
    chosen: column=entry of the one setting to read, such as relatedness=1.0
    Raises ValueError if the table does not hold that setting, or holds it twice.
    """
    return {
        f"{together} : {own}": (
            seed_values(table, "error", model="shared", width=together, **chosen),
            seed_values(table, "error", model=other, width=0 if other == "ridge" else own, **chosen),
        )
        for together, own in widths
    }


def width_differences(
    table: pd.DataFrame, widths: Widths, others: Sequence[str] = ("single-task", "ridge")
) -> pd.DataFrame:
    """The paired differences *shared minus other* of every setting in a table, with two intervals each.

    table:  as `error_rows` makes it, of one part
    others: the models to compare with
    Returns a row for each other model, number of labels, relatedness and pair of widths. Columns: mean; low and high
    of the 95 % interval; wide_low and wide_high of the same after a Bonferroni correction for all rows.
    """
    pairs = {
        (other, labels, relatedness, name): pair
        for other in others
        for labels in sorted(table["labels"].unique())
        for relatedness in sorted(table["relatedness"].unique(), reverse=True)
        for name, pair in width_pairs(table, widths, other, labels=labels, relatedness=relatedness).items()
    }
    corrected = 1 - 0.05 / len(pairs)
    rows = [[*paired_interval(*pair), *paired_interval(*pair, corrected)[1:]] for pair in pairs.values()]
    index = pd.MultiIndex.from_tuples(pairs, names=["other", "labels", "relatedness", "widths"])
    return pd.DataFrame(rows, index, ["mean", "low", "high", "wide_low", "wide_high"])


def draw_width_grids(differences: pd.DataFrame) -> Figure:
    """Draw differences as heat maps: a row of maps for each other model, a map for each number of labels.

    In a map the rows are the relatedness and the columns the pairs of widths. Below zero (purple) the shared trunk
    is better, and its sign is a triangle that points down; above (orange) it points up. The triangle is missing where
    the 95 % interval holds zero, hollow where only the corrected one does, and filled where neither does.

    differences: as `width_differences` returns it
    """
    others, labels = (differences.index.unique(level) for level in ("other", "labels"))
    figure, panels = plt.subplots(
        len(others), len(labels), figsize=(7.2, 4.5), dpi=80, sharex=True, sharey=True, squeeze=False
    )
    for other, of_other in zip(others, panels, strict=True):
        for number, axes in zip(labels, of_other, strict=True):
            _draw_grid(axes, differences.xs((other, number), level=("other", "labels")))
            axes.set_title(f"− {other}, {number} labels", fontsize=9)
    figure.supxlabel("units of the shared trunk : of each single one", fontsize=10)
    figure.supylabel("relatedness", fontsize=10)
    return figure


def _draw_grid(axes: Axes, differences: pd.DataFrame) -> None:
    dials, names = (differences.index.unique(level) for level in ("relatedness", "widths"))
    means = differences["mean"].unstack()[names].loc[dials]
    axes.imshow(means, cmap="PuOr_r", vmin=-0.6, vmax=0.6, aspect="auto")
    for (dial, name), row in differences.iterrows():
        ink = "white" if abs(row["mean"]) > 0.35 else "black"
        place = names.get_loc(name), dials.get_loc(dial)
        axes.text(*place, _cell_text(row), ha="center", va="center", fontsize=8, color=ink)
    axes.set_xticks(range(len(names)), [name.replace(" ", "") for name in names])
    axes.set_yticks(range(len(dials)), dials)
    axes.grid(False)


def _cell_text(row: pd.Series) -> str:
    """The mean, such as "+.12", and below it the sign."""
    mean = row["mean"]
    number = ".00" if abs(mean) < 0.005 else f"{mean:+.2f}".replace("0.", ".")
    worse, better = "△▽" if row["wide_low"] < 0 < row["wide_high"] else "▲▼"
    sign = "" if row["low"] < 0 < row["high"] else worse if mean > 0 else better
    return f"{number}\n{sign}"
