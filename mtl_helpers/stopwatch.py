"""Times of several runs side by side, and how many times faster one is than another."""

import time
from collections.abc import Callable, Mapping

from mtl_helpers.evaluation import mean_interval
from mtl_helpers.plots import BLUE, GREY, ORANGE
from mtl_helpers.process_memory import give_back

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure


def time_in_rounds(runs: Mapping[str, Callable[[], object]], rounds: int) -> pd.DataFrame:
    """Run all of them in every round, and return the seconds: a row for each round, a column for each run.

    What slows the machine for a while slows all runs of a round, so ratios within a round are worth more than two
    single times. Every second round goes backwards, so that no run always follows the same one. Run each once
    before, so that nobody's time holds the building of a graph.
    Raises ValueError for fewer than two rounds or runs.
    """
    if rounds < 2 or len(runs) < 2:
        raise ValueError(
            f"At least two rounds of at least two runs are expected, but {rounds} rounds of {len(runs)} were given. "
            "Without a second one there is nothing to compare, and no spread for an interval."
        )
    rows = []
    for number in range(rounds):
        seconds = {}
        for name in list(runs)[:: -1 if number % 2 else 1]:
            start = time.perf_counter()
            runs[name]()
            seconds[name] = time.perf_counter() - start
        rows.append(seconds)
    give_back()  # graphs and compilers leave much behind
    return pd.DataFrame(rows, columns=list(runs))


def times_faster(seconds: pd.DataFrame, than: str) -> pd.DataFrame:
    """For each run the ratio of the times, that of `than` divided by its own: columns "ratio", "low" and "high".

    A ratio is taken within each round; "ratio" is their geometric mean, "low" and "high" its 95 % t interval on the
    logarithms. 2 means: twice as fast.

    seconds: what `time_in_rounds` returns
    Raises ValueError if there is no run of that name.
    """
    if than not in seconds:
        raise ValueError(
            f"The run to compare with must be one of {list(seconds)}, but {than!r} was given. Name one of them."
        )
    others = [name for name in seconds if name != than]
    logarithms = np.log(seconds[[than]].to_numpy() / seconds[others].to_numpy())
    return pd.DataFrame(
        np.exp([mean_interval(column) for column in logarithms.T]), others, ["ratio", "low", "high"]
    )


def draw_ratios(tables: Mapping[str, pd.DataFrame], label: str) -> Figure:
    """Draw ratios with their intervals, a row for each run and a marker for each table, beside a line at 1.

    tables: up to two of what `times_faster` returns, by a name for the legend
    label:  of the axis
    """
    figure, axes = plt.subplots(figsize=(6.0, 0.9 + 0.32 * len(next(iter(tables.values())))))
    for number, (name, table) in enumerate(tables.items()):
        rows = np.arange(len(table)) + 0.3 * number - 0.15
        ends = np.abs(table[["low", "high"]].to_numpy() - table[["ratio"]].to_numpy()).T
        marker, colour, fill = (("o", BLUE, BLUE), ("s", ORANGE, "white"))[number]
        axes.errorbar(
            table["ratio"],
            rows,
            xerr=ends,
            fmt=marker,
            color=colour,
            markerfacecolor=fill,
            capsize=3,
            label=name,
        )
    axes.axvline(1, color=GREY, linestyle=(0, (1, 1)))
    axes.set_yticks(range(len(table)), table.index)
    axes.set(xlabel=label, ylim=(len(table) - 0.5, -0.5), xscale="log")
    ticks = [0.25, 0.5, 1, 2, 4, 8, 16]
    low, high = axes.get_xlim()
    shown = [tick for tick in ticks if low <= tick <= high]
    axes.set_xticks(shown, [f"{tick:g}" for tick in shown])
    axes.minorticks_off()
    axes.grid(visible=False, axis="y")
    axes.legend()
    return figure
