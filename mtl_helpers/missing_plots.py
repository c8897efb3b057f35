"""The figures of lesson 08: what a loss is divided by, and what a label of another task is worth."""

from collections.abc import Mapping
from typing import Any

from mtl_helpers.plots import GREY, ORANGE, PINK, baseline, curve_over

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

Curves = Mapping[str, np.ndarray]
Errors = Mapping[int, Any]  # number of labels -> one error a seed, (seeds,)
DIVISORS = [("-", GREY, 2), ("--", ORANGE, 2), (":", PINK, 4)]  # style, colour and width
DIRECT_LABELS = {"+ costly": (2, 0.36), "+ cheap": (100, 0.40), "+ cheap, ridge": (60, 0.14)}


def draw_divided(curves: Mapping[str, Curves]) -> Figure:
    """Draw validation losses over the steps, means over seeds, with a panel for each optimizer.

    curves: optimizer -> what the loss is divided by -> (seeds, steps); the same one to three curves in each panel
    """
    figure, panels = plt.subplots(1, len(curves), figsize=(7, 2.8), sharey=True, squeeze=False)
    for axes, (optimizer, by_divisor) in zip(panels[0], curves.items(), strict=True):
        for (label, values), (style, colour, width) in zip(by_divisor.items(), DIVISORS, strict=False):
            axes.plot(values.mean(axis=0), style, color=colour, label=label, linewidth=width)
        axes.set(xlabel="step", title=optimizer, ylim=(0, 1.5))
    panels[0, 0].set_ylabel("validation loss of body_mass")
    panels[0, 0].legend(title="divided by")
    return figure


def draw_exchange(
    related: Mapping[str, Errors], unrelated: Mapping[str, Errors], before: int, always_zero: float
) -> Figure:
    """Draw the error of `costly` over the number of labels added, with 95 % intervals; two panels.

    related, unrelated: "own", "cheap" and "ridge" -> number of labels -> one error a seed, as
                        `stored_runs.exchange_errors` returns them
    before:             the number of labels of `costly` to which the others are added
    always_zero:        the error of the trivial answer
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3), sharey=True)
    for axes, errors in ((left, related), (right, unrelated)):
        more = {labels - before: own for labels, own in errors["own"].items() if labels > before}
        curve_over(axes, list(more), list(more.values()), "single-task")
        for name, style, shift in (("cheap", "shared", 1.0), ("ridge", "linear", 1.06)):
            curve_over(axes, list(errors[name]), list(errors[name].values()), style, shift)
        axes.set(xscale="log", xlabel=f"labels added to {before}", ylim=(0, 1.2))
        axes.set_xticks([2, 6, 24, 96, 384], ["2", "6", "24", "96", "384"])
        axes.minorticks_off()
        baseline(axes, errors["own"][before].mean(), f"{before} costly labels alone" if axes is left else "")
        baseline(axes, always_zero, "always 0: variance 1, and noise" if axes is right else "")
    for label, place in DIRECT_LABELS.items():
        left.annotate(label, place, fontsize=9)
    left.set(title="related, 0.9", ylabel="test error of costly")
    right.set(title="unrelated, 0")
    return figure
