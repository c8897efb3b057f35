"""The figures of lesson 08 show what they were given."""

from mtl_helpers import missing_plots

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

matplotlib.use("agg")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_each_optimizer_has_a_panel_with_the_means_over_seeds():
    curves = {
        name: {"labels": np.full((3, 5), level), "batch": np.arange(15.0).reshape(3, 5)}
        for name, level in (("SGD", 0.25), ("Adam", 0.5))
    }
    figure = missing_plots.draw_divided(curves)
    assert [axes.get_title() for axes in figure.axes] == ["SGD", "Adam"]
    labels, batch = figure.axes[1].get_lines()
    np.testing.assert_allclose(labels.get_ydata(), 0.5)
    np.testing.assert_allclose(batch.get_ydata(), np.arange(5) + 5.0)
    assert labels.get_linestyle() != batch.get_linestyle() and labels.get_color() != batch.get_color()
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["labels", "batch"]


def test_own_labels_are_drawn_by_what_was_added():
    seeds = np.array([-0.01, 0.0, 0.01])
    related = {
        "own": {12: 0.6 + seeds, 14: 0.5 + seeds, 36: 0.2 + seeds},
        "cheap": {6: 0.55 + seeds, 96: 0.3 + seeds},
        "ridge": {6: 0.8 + seeds, 96: 0.25 + seeds},
    }
    unrelated = related | {"cheap": {6: 0.61 + seeds, 96: 0.62 + seeds}}
    left, right = missing_plots.draw_exchange(related, unrelated, before=12, always_zero=1.04).axes
    own, cheap, ridge = (container.lines[0] for container in left.containers)
    np.testing.assert_allclose(own.get_xydata(), [[2, 0.5], [24, 0.2]])
    np.testing.assert_allclose(cheap.get_xydata(), [[6, 0.55], [96, 0.3]])
    np.testing.assert_allclose(ridge.get_ydata(), [0.8, 0.25])
    np.testing.assert_allclose(right.containers[1].lines[0].get_ydata(), [0.61, 0.62])
    for axes, name in ((left, "12 costly labels alone"), (right, "always 0")):
        levels = [line.get_ydata()[0] for line in axes.get_lines() if len(set(line.get_ydata())) == 1]
        assert {round(level, 2) for level in levels} == {0.6, 1.04}
        assert any(text.get_text().startswith(name) for text in axes.texts)
