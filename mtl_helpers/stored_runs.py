"""Read one run out of a stored table, which has a row for each run, task and seed."""

from typing import Any

import numpy as np
import pandas as pd


def seed_values(table: pd.DataFrame, value: str = "value", **chosen: Any) -> np.ndarray:
    """The numbers of one run, in the order of its seeds: (seeds,).

    table:  with a column `seed`, as the tables in notebooks/results/
    value:  the column of the numbers
    chosen: column=entry, as many as it takes to leave one row for each seed. In a column of texts a number is looked
            for as Python writes it, such as "0.9".

    Raises ValueError if there is no such row, or a seed has several.
    """
    rows = _rows(table, chosen)
    if rows.empty or rows["seed"].duplicated().any():
        raise ValueError(
            f"{chosen} should leave one row for each seed, but it leaves {len(rows)} rows of {rows['seed'].nunique()} "
            f"seeds. Choose by more or other entries of the columns {list(table.columns)}."
        )
    return rows.sort_values("seed")[value].to_numpy()


def values_by(table: pd.DataFrame, column: str, value: str = "value", **chosen: Any) -> dict[int, np.ndarray]:
    """The numbers of several runs that differ in the whole number of a column: entry -> (seeds,), in its order.

    table, value, chosen: as in `seed_values`; together with an entry of the column they must leave one row a seed
    """
    rows = _rows(table, chosen)
    return {
        int(entry): seed_values(rows, value, **{column: entry}) for entry in sorted(rows[column].unique())
    }


def exchange_errors(table: pd.DataFrame, relatedness: float, before: int = 12) -> dict[str, dict]:
    """The errors of lesson 08 for labels of `costly` and of `cheap`, from its table.

    relatedness: of the two tasks, as in the column `setting`
    before:      the number of labels of `costly` to which those of `cheap` are added
    Returns number of labels -> one error a seed: "own" for all labels of `costly` alone, "cheap" for those of `cheap`
    that the network gets too, and "ridge" for the same with two ridge regressions.
    """
    chosen: dict[str, Any] = {"setting": relatedness, "task": "costly"}
    added = {
        name: values_by(table, "cheap", experiment=experiment, costly=before, **chosen)
        for name, experiment in (("cheap", "network"), ("ridge", "ridge"))
    }
    for by_labels in added.values():
        by_labels.pop(0, None)
    return {"own": values_by(table, "costly", experiment="network", cheap=0, **chosen), **added}


def _rows(table: pd.DataFrame, chosen: dict[str, Any]) -> pd.DataFrame:
    for column, entry in chosen.items():
        texts = not pd.api.types.is_numeric_dtype(table[column])
        table = table[table[column] == (str(entry) if texts else entry)]
    return table
