"""Times side by side."""

import time

from mtl_helpers import stopwatch

import numpy as np
import pandas as pd
import pytest


def test_every_run_is_timed_in_every_round_and_every_second_one_goes_backwards():
    """Each runs once before, which builds its graph."""
    calls = []
    runs = {name: lambda name=name: calls.append(name) for name in ("a", "b")}
    runs["slow"] = lambda: (calls.append("slow"), time.sleep(0.05))
    seconds = stopwatch.time_in_rounds(runs, rounds=3)
    assert calls[:3] == ["a", "b", "slow"]
    assert calls[3:] == ["a", "b", "slow", "slow", "b", "a", "a", "b", "slow"]
    assert list(seconds.columns) == ["a", "b", "slow"] and len(seconds) == 3
    assert (seconds["slow"] > 0.05).all() and (seconds["a"] < 0.05).all()


def test_the_first_call_is_not_timed():
    first = iter([True])
    seconds = stopwatch.time_in_rounds(
        {"slow at first": lambda: next(first, False) and time.sleep(0.05), "fast": lambda: None}, rounds=2
    )
    assert (seconds < 0.05).all(axis=None)


SECONDS = pd.DataFrame({"old": [2.0, 20.0], "new": [1.0, 10.0]})


def test_times_are_stored_as_rows_and_come_back():
    rows = stopwatch.as_rows(SECONDS, tasks=8)
    assert rows.loc[3].to_dict() == {"name": "new", "round": 1, "seconds": 10.0, "tasks": 8}
    assert rows["name"].tolist() == ["old", "old", "new", "new"]
    back = stopwatch.in_rounds(rows.sample(frac=1, random_state=0), ["old", "new"])
    assert back.columns.tolist() == ["old", "new"]  # in the order asked for, not of the alphabet
    assert back["old"].tolist() == [2.0, 20.0] and back["new"].tolist() == [1.0, 10.0]
    assert stopwatch.in_rounds(rows, ["new"]).columns.tolist() == ["new"]


def test_only_runs_that_were_timed_come_back():
    rows = stopwatch.as_rows(SECONDS)
    with pytest.raises(ValueError, match=r"holds \['new', 'old'\], but \['newest'\] were asked for"):
        stopwatch.in_rounds(rows, ["old", "newest"])
    with pytest.raises(ValueError, match="duplicate"):
        stopwatch.in_rounds(pd.concat([rows, rows]), ["old"])


def test_ratios_are_taken_within_a_round():
    # The machine is ten times slower in the second round: the ratio stays.
    seconds = pd.DataFrame({"old": [2.0, 20.0, 2.0], "new": [1.0, 10.0, 1.1]})
    found = stopwatch.times_faster(seconds, than="old").loc["new"]
    logarithms = np.log([2, 2, 2 / 1.1])
    assert found["ratio"] == pytest.approx(np.exp(logarithms.mean()))
    half = 4.302653 * logarithms.std(ddof=1) / np.sqrt(3)  # t with two degrees of freedom
    assert found["low"] == pytest.approx(np.exp(logarithms.mean() - half), rel=1e-5)
    assert found["high"] == pytest.approx(np.exp(logarithms.mean() + half), rel=1e-5)


def test_the_figure_shows_each_ratio_with_its_ends():
    table = pd.DataFrame([[2.0, 1.5, 2.5], [0.5, 0.4, 0.6]], ["a", "b"], ["ratio", "low", "high"])
    (axes,) = stopwatch.draw_ratios({"stored": table, "live": 2 * table}, label="times faster").axes
    points = [container.lines[0].get_xydata()[:, 0].tolist() for container in axes.containers]
    assert points == [[2.0, 0.5], [4.0, 1.0]]
    ends = axes.containers[0].lines[2][0].get_segments()
    np.testing.assert_allclose([segment[:, 0] for segment in ends], [[1.5, 2.5], [0.4, 0.6]])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]


def test_a_run_missing_from_the_second_table_leaves_its_place_empty():
    table = pd.DataFrame([[2.0, 1.5, 2.5], [0.5, 0.4, 0.6]], ["a", "b"], ["ratio", "low", "high"])
    (axes,) = stopwatch.draw_ratios({"stored": table, "live": table.loc[["b"]]}, label="times faster").axes
    points = [container.lines[0].get_xydata()[:, 0] for container in axes.containers]
    np.testing.assert_array_equal(points, [[2.0, 0.5], [np.nan, 0.5]])


@pytest.mark.parametrize(("runs", "rounds"), [({"a": print, "b": print}, 1), ({"a": print}, 5)])
def test_one_time_is_no_comparison(runs, rounds):
    with pytest.raises(ValueError, match="At least two rounds of at least two runs"):
        stopwatch.time_in_rounds(runs, rounds)


def test_the_run_to_compare_with_is_named():
    with pytest.raises(ValueError, match=r"one of \['a', 'b'\], but 'c' was given"):
        stopwatch.times_faster(pd.DataFrame({"a": [1.0, 1], "b": [1.0, 1]}), than="c")


class Clock:
    """Each reading is the next of the given times."""

    def __init__(self, *times):
        self.times = iter(times)

    def __call__(self):
        return next(self.times)


def test_the_median_round_counts_examples(monkeypatch):
    monkeypatch.setattr(stopwatch.time, "perf_counter", Clock(0, 2, 10, 11, 20, 30))
    batches = [({}, {"digit": np.zeros(6), "box": np.zeros((6, 4))}), ({}, {"digit": np.zeros(4)})]
    assert stopwatch.examples_per_second(batches) == pytest.approx(5)  # 10 examples in 2, 1 and 10 seconds


def test_a_pipeline_that_is_used_up_is_an_error():
    with pytest.raises(ValueError, match="delivers nothing"):
        stopwatch.examples_per_second(iter([({}, {"digit": np.zeros(6)})]))
