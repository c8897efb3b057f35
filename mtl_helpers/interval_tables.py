"""Tables to read: means and paired differences over seeds with their 95 % intervals, written out as texts."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from mtl_helpers.evaluation import mean_interval, paired_interval

import numpy as np
import pandas as pd

Values = Sequence[float] | np.ndarray
Styles = str | Mapping[Hashable, str]  # a format such as ".2f", for all columns or for each


def mean_texts(
    rows: Mapping[Hashable, Mapping[Hashable, Values | float]], styles: Styles = ".2f"
) -> pd.DataFrame:
    """A table of means over seeds, `0.77 [0.75, 0.79]`.

    rows:   row -> column -> one number a seed, or a single number, which is written without an interval
    styles: a format for all columns, or column -> format

    Returns texts, rows and columns in the order given; a row without a column has an empty text there.
    Raises ValueError as `evaluation.mean_interval` does, and for a column without a style.
    """
    return _table(rows, styles, lambda values: values if np.ndim(values) == 0 else mean_interval(values))


def paired_texts(
    rows: Mapping[Hashable, Mapping[Hashable, tuple[Values, Values]]], styles: Styles = "+.2f"
) -> pd.DataFrame:
    """A table of differences over seeds, *ours minus baseline*, `-0.04 [-0.08, -0.01]`.

    rows: row -> column -> (ours, baseline), one number a seed each, paired; the rest as in `mean_texts`
    Raises ValueError as `evaluation.paired_interval` does, and for a column without a style.
    """
    return _table(rows, styles, lambda pair: paired_interval(*pair))


def _table(
    rows: Mapping[Hashable, Mapping[Hashable, Any]], styles: Styles, summary: Callable[[Any], Any]
) -> pd.DataFrame:
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    by_column = dict.fromkeys(columns, styles) if isinstance(styles, str) else styles
    if missing := [column for column in columns if column not in by_column]:
        raise ValueError(
            f"Each column needs a style, but {missing} has none. Give {{column: '.2f'}}, or one style for all."
        )
    texts = {
        name: [f"{summary(row[column]):{by_column[column]}}" if column in row else "" for column in columns]
        for name, row in rows.items()
    }
    return pd.DataFrame.from_dict(texts, orient="index", columns=columns)
