"""The figures of lesson 09 show the vectors and paths that they are given."""

from collections.abc import Iterator
from typing import Any

from mtl_helpers import gradient_plots, toy
from mtl_helpers.evaluation import mean_interval

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Annotation

matplotlib.use("agg")

CONFLICT = np.array([[1.0, 0.0], [-1.0, np.sqrt(3)]])  # 120° apart


@pytest.fixture(autouse=True)
def close() -> Iterator[None]:
    yield
    plt.close("all")


def test_directions_are_drawn_beside_the_gradients_and_named_if_a_task_loses() -> None:
    directions = {"mean": CONFLICT.mean(axis=0), "bad": np.array([-1.0, 1.0]), "none": np.zeros(2)}
    figure = gradient_plots.draw_directions(CONFLICT, directions)
    assert [axes.get_title() for axes in figure.axes] == list(directions)
    said = [{text.get_text() for text in axes.texts} - {"", "$g_1$", "$g_2$"} for axes in figure.axes]
    assert said == [set(), {"task 1 loses"}, {"stands still"}]
    # An annotation's point is where its arrow ends.
    texts = [text for text in figure.axes[0].texts if isinstance(text, Annotation) and text.arrow_patch]
    np.testing.assert_allclose([text.xy for text in texts], [*CONFLICT, directions["mean"]])


@pytest.mark.parametrize("turn", [0, 100, 200, 300])
def test_what_is_shaded_is_where_no_task_loses(turn: float) -> None:
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    gradients = CONFLICT @ np.array([[cos, sin], [-sin, cos]])
    [axes] = gradient_plots.draw_directions(gradients, {"mean": gradients.mean(axis=0)}).axes
    angles = np.radians(np.arange(2.5, 360, 5))
    inside = np.zeros(len(angles), dtype=bool)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    for patch in axes.patches:
        inside |= patch.get_path().contains_points(0.5 * circle)
    np.testing.assert_array_equal(inside, (circle @ gradients.T >= 0).all(axis=1))
    assert inside.sum() == 12  # 60 of 360 degrees


def test_paths_begin_and_end_where_they_should() -> None:
    path = np.stack([np.linspace(start, toy.BEST, 5) for start in toy.STARTS])
    figure = gradient_plots.draw_paths({"mean": path, "PCGrad": path[:, :3]})
    assert [axes.get_title() for axes in figure.axes] == ["mean", "PCGrad"]
    for axes, ends in zip(figure.axes, (path[:, -1], path[:, 2]), strict=True):
        lines = [np.asarray(line.get_xydata()) for line in axes.lines]
        points = [line[0] for line in lines if len(line) == 1]
        np.testing.assert_allclose(points[::2], np.array(toy.STARTS))
        np.testing.assert_allclose(points[1::2], ends)


def test_spare_panels_are_left_out() -> None:
    figure = gradient_plots.draw_directions(CONFLICT, {str(n): CONFLICT[0] for n in range(5)})
    assert len(figure.axes) == 5


def test_cosines_are_means_over_seeds_with_their_intervals() -> None:
    generator = np.random.default_rng(0)
    table = pd.DataFrame(
        [
            {"pair": pair, "batch": size, "seed": seed, "epoch": epoch, "negative": generator.uniform(),
             "cosine": generator.uniform()}
            for pair in ("two tasks", "one task")
            for size in (16.0, 64.0)
            for seed in range(4)
            for epoch in (1, 3)
        ]
    )  # fmt: skip
    left, right = gradient_plots.draw_cosines(table).axes
    for axes, column, factor in ((left, "negative", 100), (right, "cosine", 1)):
        containers: list[Any] = list(axes.containers)
        for bars, pair in zip(containers, ("two tasks", "one task"), strict=True):
            sizes, middle = bars.lines[0].get_data()
            ends = [[y for _, y in segment] for segment in bars.lines[2][0].get_segments()]
            assert list(sizes) == [16, 64]
            for place, size in enumerate((16, 64)):
                rows = table[(table["pair"] == pair) & (table["batch"] == size)]
                expected = mean_interval(factor * rows.groupby("seed")[column].mean().to_numpy())
                np.testing.assert_allclose([middle[place], *ends[place]], expected)
    assert [text.get_text() for text in left.texts] == ["two tasks", "one task"]
