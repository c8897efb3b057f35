"""Figures of scores over seeds: learning curves over numbers of labels, and a panel of points for each task."""

from collections.abc import Mapping, Sequence
from typing import Any

from mtl_helpers import plots

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

SHIFT = 0.05  # between two curves, as a share of the number of labels: so their intervals do not cover one another


def draw_label_curves(
    labels: Sequence[int],
    curves: Mapping[str, Sequence[Any]],
    trivial: float,
    ylabel: str,
    xlabel: str = "labelled training birds",
) -> Figure:
    """Draw the mean over seeds with its 95 % interval at every number of labels, on a logarithmic axis.

    labels:  the numbers of labels
    curves:  kind of model, a name in `plots.MODEL_STYLES` -> for each number of labels the numbers of its seeds
    trivial: what the trivial answer reaches, drawn as a line

    Raises ValueError for a curve with more or fewer points than there are labels.
    """
    figure, axes = plt.subplots()
    for place, (kind, values) in enumerate(curves.items()):
        if len(values) != len(labels):
            raise ValueError(
                f"Each curve needs a point for each of {list(labels)} labels, but '{kind}' has {len(values)}. "
                "Give the numbers of its seeds for each number of labels."
            )
        plots.curve_over(axes, labels, values, kind, shift=1 + SHIFT * (place - (len(curves) - 1) / 2))
    axes.set(xscale="log", xlabel=xlabel, ylabel=ylabel)
    axes.set_xticks(labels, [str(number) for number in labels])
    axes.minorticks_off()
    plots.baseline(axes, trivial, "trivial")
    axes.legend()
    return figure


def draw_seed_panels(
    scores: Mapping[str, Mapping[str, np.ndarray]], trivial: Mapping[str, float], ylabel: str
) -> Figure:
    """Draw a panel for each task, with a column for each kind of model, as `plots.seed_points` does.

    scores:  task -> kind of model -> one number a seed
    trivial: the score of the trivial answer to each task; it stands in the title, as it may lie far away
    ylabel:  of the first panel
    """
    figure, panels = plt.subplots(1, len(scores), figsize=(1 + 2 * len(scores), 2.7), squeeze=False)
    for axes, (task, groups) in zip(panels[0], scores.items(), strict=True):
        plots.seed_points(axes, {kind: values.tolist() for kind, values in groups.items()})
        axes.set_title(f"{task}, trivial {trivial[task]:.2f}")
    panels[0, 0].set_ylabel(ylabel)
    return figure
