"""The report card: every task against its single-task twin, with intervals, costs and what they allow to say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mtl_helpers import plots
from mtl_helpers.comparisons import (
    BETTER,
    NOTHING,
    SLIGHTLY_BETTER,
    WORSE,
    Values,
    gain_interval,
    verdict,
)
from mtl_helpers.evaluation import mean_interval

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure


@dataclass(frozen=True)
class ReportCard:
    """What `report_card` returns. `print(card)` writes its sentences.

    table:     a row for each task: trivial, alone, shared, gain with its interval (above zero is better), verdict
    costs:     a row for each cost: alone, shared and their ratio
    sentences: one for each task, one for each cost, and the decision
    """

    table: pd.DataFrame
    costs: pd.DataFrame
    sentences: tuple[str, ...]
    gains: dict[str, np.ndarray]
    margin: dict[str, float]
    units: dict[str, str]

    def __str__(self) -> str:
        return "\n".join(self.sentences)

    def draw(self) -> Figure:
        """A panel for each task: a point for each seed's gain, the interval, zero, and the margin as a band."""
        figure, panels = plt.subplots(
            1, len(self.table), figsize=(2.3 * len(self.table) + 0.4, 2.6), squeeze=False
        )
        for axes, (task, row) in zip(panels[0], self.table.iterrows(), strict=True):
            colour, marker = plots.TASK_COLOURS.get(task, plots.GREY), plots.TASK_MARKERS.get(task, "o")
            if task in self.margin:
                axes.axhspan(-self.margin[task], self.margin[task], color=plots.GREY, alpha=0.15, linewidth=0)
            axes.axhline(0, color=plots.GREY, linestyle=":")
            sideways = -0.3 + 0.25 * (np.arange(len(self.gains[task])) * 0.618 % 1 - 0.5)
            axes.plot(
                sideways, self.gains[task], marker, color=colour, alpha=0.5, markersize=4, markeredgewidth=0
            )
            axes.errorbar(
                0.15, row["gain"], [[row["gain"] - row["low"]], [row["high"] - row["gain"]]],
                fmt=marker, color=colour, capsize=4, linewidth=2,
            )  # fmt: skip
            axes.set(xlim=(-0.6, 0.5), xticks=[], title=f"{task}\n{row['verdict']}")
            axes.title.set_fontsize(9)
            axes.locator_params(axis="y", nbins=5)
            axes.set_ylabel(f"gain{_in(self.units, task)} (up is better)", fontsize=8)
        return figure


def report_card(
    shared: Mapping[str, Values],
    alone: Mapping[str, Values],
    higher_is_better: Mapping[str, bool],
    *,
    trivial: Mapping[str, float],
    margin: Mapping[str, float] | None = None,
    units: Mapping[str, str] | None = None,
    costs: Mapping[str, tuple[float, float]] | None = None,
    comparisons: int | None = None,
    confidence: float = 0.95,
) -> ReportCard:
    """Compare a multi-task network with one network for each task, task by task.

        card = report_card(
            shared={"species": [.98, .97, …], "body_mass": [262, 270, …]},   # one number a seed
            alone={"species": [.98, .98, …], "body_mass": [265, 268, …]},    # of the same seeds
            higher_is_better={"species": True, "body_mass": False},
            trivial={"species": .43, "body_mass": 690},
            margin={"species": .02, "body_mass": 20},  # what would not matter, set before looking
            units={"body_mass": "g"},
            costs={"parameters": (160, 310)},          # shared, all single-task networks together
        )
        print(card); card.draw(); card.table

    comparisons: in how many differences you looked for a gain, this card's included (default: the number of its
        tasks). The intervals are widened for so many (Bonferroni).
    The verdicts are those of `mtl_helpers.comparisons.verdict`. For a fair card both sides were tuned with the same
    budget, on validation data, and the seeds of the card were not used for it.
    Raises ValueError for tasks that do not match, fewer comparisons than tasks, and as `paired_interval` does.
    """
    margin, units, costs = dict(margin or {}), dict(units or {}), dict(costs or {})
    _check(shared, {"alone": alone, "higher_is_better": higher_is_better, "trivial": trivial}, margin | units)
    comparisons = len(shared) if comparisons is None else comparisons
    if comparisons < len(shared):
        raise ValueError(
            f"At least {len(shared)} comparisons are expected, one for each task, but {comparisons} were given. "
            "Count all in which you looked for a gain."
        )
    rows: dict[str, dict[str, Any]] = {}
    gains: dict[str, np.ndarray] = {}
    for task, ours in shared.items():
        better = higher_is_better[task]
        gain = gain_interval(ours, alone[task], better, 1 - (1 - confidence) / comparisons)
        over_trivial = gain_interval(ours, np.full(len(ours), trivial[task]), better, confidence)
        gains[task] = (1 if better else -1) * (np.asarray(ours, float) - np.asarray(alone[task], float))
        rows[task] = {
            "trivial": trivial[task], "alone": mean_interval(alone[task]).mean, "shared": mean_interval(ours).mean,
            "gain": gain.mean, "low": gain.low, "high": gain.high,
            "verdict": verdict(gain, margin.get(task)), "learned": verdict(over_trivial) == BETTER,
        }  # fmt: skip
    table = pd.DataFrame.from_dict(rows, orient="index")
    cost_rows = {name: {"alone": b, "shared": a, "ratio": a / b} for name, (a, b) in costs.items()}
    cost_table = pd.DataFrame.from_dict(cost_rows, orient="index", columns=["alone", "shared", "ratio"])
    sentences = [_sentence(task, row, units.get(task, "")) for task, row in table.iterrows()]
    sentences += [
        f"{name}: {row['ratio']:.2f} times that of the networks alone." for name, row in cost_table.iterrows()
    ]
    return ReportCard(table, cost_table, (*sentences, _decision(table)), gains, margin, units)


def _sentence(task: str, row: pd.Series, unit: str) -> str:
    digits = max(0, 3 - int(np.floor(np.log10(max(abs(row["alone"]), 1e-9)))) - 1)

    def told(value: float, sign: str = "") -> str:
        return f"{value:{sign}.{digits}f}"

    text = (
        f"{task}: {row['verdict']}; gain {told(row['gain'], '+')} "
        f"[{told(row['low'], '+')}, {told(row['high'], '+')}]{' ' * bool(unit)}{unit}"
        f" ({told(row['shared'])} shared, {told(row['alone'])} alone, {told(row['trivial'])} trivial)."
    )
    return text if row["learned"] else text + " Not learned: not shown to be better than the trivial answer."


def _decision(table: pd.DataFrame) -> str:
    """The last sentence: what the verdicts together allow."""

    def named(*verdicts: str) -> str:
        return ", ".join(table.index[table["verdict"].isin(verdicts)])

    if not table["learned"].all():
        return f"Decision: do not ship; not learned: {', '.join(table.index[~table['learned']])}."
    if worse := named(WORSE):
        return f"Decision: a task pays for the others: {worse}. Ship only if you accept that."
    if undecided := named(NOTHING):
        return (
            f"Decision: open. A loss that matters is not excluded for {undecided}: state what would not matter "
            "(margin), or train more seeds."
        )
    gained = named(BETTER, SLIGHTLY_BETTER)
    return (
        "Decision: no task loses more than its margin"
        + (f", and a gain is shown for {gained}" if gained else ", and no gain is shown")
        + "; the costs decide."
    )


def _check(
    shared: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]], optional: Mapping[str, Any]
) -> None:
    for name, given in others.items():
        if not shared or set(given) != set(shared):
            raise ValueError(
                f"shared and {name} must name the same tasks, but they name {sorted(shared)} and {sorted(given)}. "
                "Give each one entry for every task."
            )
    if unknown := sorted(set(optional) - set(shared)):
        raise ValueError(
            f"margin and units may name the tasks {sorted(shared)}, but {unknown} were given. Look for a misspelt name."
        )


def _in(units: Mapping[str, str], task: str) -> str:
    return f", {units[task]}" if task in units else ""
