"""Tables of intervals as texts: the numbers are those of `evaluation`, in the order and style that were asked for."""

from mtl_helpers.evaluation import mean_interval, paired_interval
from mtl_helpers.interval_tables import mean_texts, paired_texts

import numpy as np
import pytest

FIRST, SECOND = [1.0, 2.0, 4.0], np.array([0.5, 2.5, 2.0])


def test_means_stand_with_their_intervals_in_the_order_given():
    table = mean_texts(
        {"b": {"y": FIRST, "x": SECOND}, "a": {"y": 694.4, "x": 0.58}}, {"x": ".2f", "y": ".0f"}
    )
    assert table.index.tolist() == ["b", "a"] and table.columns.tolist() == ["y", "x"]
    assert (
        table.loc["b", "x"] == f"{mean_interval(SECOND):.2f}"
        and table.loc["b", "y"] == f"{mean_interval(FIRST):.0f}"
    )
    assert table.loc["a"].tolist() == ["694", "0.58"]  # a single number has no interval


def test_differences_are_paired_and_ours_minus_baseline():
    table = paired_texts({20: {"gain": (FIRST, SECOND)}, 40: {"gain": (SECOND, FIRST)}}, ".3f")
    assert table.index.tolist() == [20, 40]
    assert table["gain"].tolist() == [
        f"{paired_interval(FIRST, SECOND):.3f}",
        f"{paired_interval(SECOND, FIRST):.3f}",
    ]


def test_a_row_without_a_column_is_empty_there():
    table = mean_texts({"both": {"x": FIRST, "y": FIRST}, "one": {"y": SECOND}})
    assert table.loc["one", "x"] == "" and table.loc["one", "y"] == f"{mean_interval(SECOND):.2f}"


def test_what_does_not_fit_is_told():
    with pytest.raises(ValueError, match=r"\['y'\] has none"):
        mean_texts({"row": {"x": FIRST, "y": FIRST}}, {"x": ".1f"})
    with pytest.raises(ValueError, match="same seeds"):
        paired_texts({"row": {"x": (FIRST, FIRST[:2])}})
