"""Times of several runs side by side, as a table to store and back, and how many times faster one is than another."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

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
    single times. Every second round goes backwards, so that no run always follows the same one. Before the first
    round each runs once and is not timed, so that nobody's time holds the building of a graph.
    Raises ValueError for fewer than two rounds or runs.
    """
    if rounds < 2 or len(runs) < 2:
        raise ValueError(
            f"At least two rounds of at least two runs are expected, but {rounds} rounds of {len(runs)} were given. "
            "Without a second one there is nothing to compare, and no spread for an interval."
        )
    for run in runs.values():
        run()
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


def examples_per_second(batches: Iterable[tuple[Any, dict[str, Any]]], rounds: int = 3) -> float:
    """The examples that a pipeline delivers in a second, the median over rounds; nothing is done with them.

    batches: pairs of inputs and targets, as `fit` takes them; all are read in each round
    Raises ValueError for a pipeline without batches.
    """
    speeds = []
    for _ in range(rounds):
        start = time.perf_counter()
        seen = sum(len(next(iter(targets.values()))) for _, targets in batches)
        speeds.append(seen / (time.perf_counter() - start))
    if not seen:
        raise ValueError("The pipeline delivers nothing. Give a dataset of batches, which can be read again.")
    return float(np.median(speeds))


def as_rows(seconds: pd.DataFrame, **constants: object) -> pd.DataFrame:
    """Write times as a long table to store: a row for each run and round, with columns "name", "round", "seconds".

    seconds:   what `time_in_rounds` returns
    constants: further columns that hold one value each, such as tasks=8
    """
    rows = seconds.rename_axis("round").reset_index()
    return rows.melt("round", var_name="name", value_name="seconds").assign(**constants)


def in_rounds(rows: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """Turn the rows of some runs back into what `time_in_rounds` returned; the columns are in the order of `names`.

    rows: a table with columns "name", "round" and "seconds"; those of other runs are left out
    Raises ValueError for a name without rows, and for a run with two rows of one round.
    """
    names = list(names)
    missing = [name for name in names if name not in set(rows["name"])]
    if missing:
        raise ValueError(
            f"The table holds {sorted(set(rows['name']))}, but {missing} were asked for. Name runs that were timed."
        )
    chosen = rows[rows["name"].isin(names)]
    return chosen.pivot(index="round", columns="name", values="seconds")[names]


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

    tables: up to two of what `times_faster` returns, by a name for the legend; the first says which runs have a
            row, and the second may lack some of them
    label:  of the axis
    """
    runs = next(iter(tables.values())).index
    figure, axes = plt.subplots(figsize=(6.0, 0.9 + 0.32 * len(runs)))
    for number, (name, unordered) in enumerate(tables.items()):
        table = unordered.reindex(runs)
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
    axes.set_yticks(range(len(runs)), runs)
    axes.set(xlabel=label, ylim=(len(runs) - 0.5, -0.5), xscale="log")
    ticks = [0.25, 0.5, 1, 2, 4, 8, 16]
    low, high = axes.get_xlim()
    shown = [tick for tick in ticks if low <= tick <= high]
    axes.set_xticks(shown, [f"{tick:g}" for tick in shown])
    axes.minorticks_off()
    axes.grid(visible=False, axis="y")
    axes.legend()
    return figure
