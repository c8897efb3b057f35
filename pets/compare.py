"""Compare shared networks with their single-task twins, seed by seed: `python -m pets.compare --help`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from mtl_helpers.comparisons import Values, compare

import numpy as np
import pandas as pd

# The budget that both sides must have in common. Rate and weighting are for each side to tune.
BUDGET = ("size", "batch", "epochs", "backbone", "weights", "mixed_precision")


def main(arguments: list[str] | None = None) -> None:
    """Print a row for each task. Ends with a message if runs do not belong together."""
    parser = argparse.ArgumentParser(prog="python -m pets.compare", description=__doc__)
    parser.add_argument("--ours", type=Path, nargs="+", required=True, help="folders of runs, a seed each")
    parser.add_argument(
        "--twins", type=Path, nargs="+", required=True, help="of runs with one task, a seed each"
    )
    parser.add_argument("--part", choices=("validation", "test"), default="validation")
    options = parser.parse_args(arguments)
    try:
        print(table(read(options.ours), read(options.twins), options.part).round(3).to_string())
    except (ValueError, OSError) as error:
        sys.exit(f"{error}")


def read(folders: list[Path]) -> list[dict[str, Any]]:
    """What the runs came to. Raises ValueError for one that is not finished."""
    if unfinished := [str(folder) for folder in folders if not (folder / "results.json").exists()]:
        raise ValueError(
            f"Finished runs are expected, but there is no results.json in {', '.join(unfinished)}. Run them to the end."
        )
    return [json.loads((folder / "results.json").read_text(encoding="utf-8")) for folder in folders]


def table(ours: list[dict[str, Any]], twins: list[dict[str, Any]], part: str = "validation") -> pd.DataFrame:
    """A row for each task: trivial answer, mean of either side, and their paired difference.

    ours, twins: results of runs; twins have one task each
    low, high are a 95 % interval for one comparison, wide_low, wide_high for all of the table at once (Bonferroni), on
    which the verdict rests. Seeds differ in first weights, order and mirroring; all share the photographs of each part.
    Raises ValueError for runs with another budget, for other settings among the seeds of one side, and for seeds that
    do not match.
    """
    budgets = {json.dumps([run["settings"][name] for name in BUDGET]) for run in ours + twins}
    if len(budgets) > 1:
        raise ValueError(
            f"Both sides must have the same {', '.join(BUDGET)}, but these were given: {'; '.join(sorted(budgets))}. "
            "Compare runs with one budget."
        )
    if any(len(run["settings"]["tasks"]) != 1 for run in twins):
        raise ValueError(
            "Twins must have one task each, but a run with several was given. Give it as one of ours."
        )
    rows: dict[str, dict[str, float]] = {}
    pairs: dict[Hashable, tuple[Values, Values]] = {}
    for task in ours[0]["settings"]["tasks"]:
        theirs = [run for run in twins if run["settings"]["tasks"] == [task]]
        first, second = _by_seed(ours, task, part), _by_seed(theirs, task, part)
        if set(first) != set(second) or len(first) < 2:
            raise ValueError(
                f"Two seeds or more, the same on both sides, are expected of '{task}', but ours are {sorted(first)} and "
                f"the twins' {sorted(second)}. Train what is missing."
            )
        seeds = sorted(first)
        pairs[task] = [first[seed] for seed in seeds], [second[seed] for seed in seeds]
        rows[task] = {
            "trivial": ours[0][part][task]["trivial"],
            "twin": float(np.mean(pairs[task][1])),
            "ours": float(np.mean(pairs[task][0])),
            "seeds": len(first),
        }
    compared = compare(pairs, dict.fromkeys(pairs, True))  # accuracy and IoU: more is better
    columns = ["gain", "low", "high", "wide_low", "wide_high", "among_all"]
    return pd.DataFrame.from_dict(rows, orient="index").join(
        compared[columns].rename(columns={"among_all": "verdict"})
    )


def _by_seed(runs: list[dict[str, Any]], task: str, part: str) -> dict[int, float]:
    """The score of each seed. Raises ValueError if a run has none, or if anything but the seed differs."""
    settings = {json.dumps({**run["settings"], "seed": None}, sort_keys=True) for run in runs}
    seeds = [run["settings"]["seed"] for run in runs]
    if len(settings) > 1 or len(set(seeds)) < len(seeds):
        raise ValueError(
            f"Runs of '{task}' on one side must differ in their seeds alone, each given once, but the seeds {seeds} and "
            f"{len(settings)} kinds of settings were given. Name the folders of one kind."
        )
    if not all(run[part] and task in run[part] for run in runs):
        raise ValueError(
            f"Scores of '{task}' on {part} are expected in all runs, but some have none. Run `pets.train` again"
            + (" with --test." if part == "test" else ".")
        )
    return {run["settings"]["seed"]: run[part][task]["score"] for run in runs}
