"""The figures of lesson 06 show the numbers that they are given."""

from mtl_helpers.evaluation import mean_interval
from mtl_helpers.gains import gains_over
from mtl_helpers.weighting_plots import draw_gains_twice, draw_loss_weights, draw_trade_off

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def marks(axes):
    """Place, marker size and fill of every point with an interval."""
    lines = [container[0] for container in axes.containers]
    return [
        (line.get_xdata()[0], line.get_ydata()[0], line.get_markersize(), line.get_fillstyle())
        for line in lines
    ]


def test_trade_off_has_a_point_for_each_setting_and_the_chosen_one_is_larger():
    scores = {
        "1 : 1": {"body_mass": [300.0, 310.0], "sex": [0.8, 0.9]},
        "3 : 1": {"body_mass": [250.0, 270.0], "sex": [0.7, 0.8]},
    }
    (axes,) = draw_trade_off(scores, "3 : 1", ("error", "accuracy")).axes
    small, large = marks(axes)
    assert small[:2] == (305.0, pytest.approx(0.85)) and large[:2] == (260.0, pytest.approx(0.75))
    assert large[2] > small[2] and axes.xaxis_inverted()
    assert [text.get_text() for text in axes.texts] == ["1 : 1", "3 : 1"]
    bar = axes.containers[0][2][0].get_segments()[0]  # the interval to the right and left
    assert bar[1][0] == pytest.approx(mean_interval([300.0, 310.0]).high)
    (axes,) = draw_trade_off(scores, "1 : 1", ("accuracy", "accuracy"), less_is_better=False).axes
    assert not axes.xaxis_inverted()


def test_loss_weights_have_a_panel_for_each_method():
    steps = np.geomspace(0.1, 5, 40)
    weights = {name: np.stack([steps, steps[::-1]], axis=1) for name in ("A", "RLW", "C", "D")}
    figure = draw_loss_weights(weights, ["body_mass", "sex"])
    assert [axes.get_title() for axes in figure.axes] == list(weights)
    first, second = figure.axes[0].lines
    np.testing.assert_array_equal(first.get_ydata(), steps)
    np.testing.assert_array_equal(second.get_ydata(), steps[::-1])
    assert first.get_color() != second.get_color() and first.get_marker() != second.get_marker()
    assert figure.axes[1].lines[0].get_linewidth() < first.get_linewidth()
    assert figure.axes[0].get_yscale() == "log"


def test_gains_stand_at_their_method_and_the_second_version_is_hollow():
    generator, rows = np.random.default_rng(0), []
    for method in ("static", "A", "A, g", "static, g", "alone"):
        for task in ("body_mass", "sex"):
            rows += [(method, task, seed, generator.normal()) for seed in range(4)]
    scores = pd.DataFrame(rows, columns=["method", "task", "seed", "score"])
    gains = gains_over("static", scores, {"body_mass": False, "sex": True})
    figure = draw_gains_twice(gains, ["static", "A", "alone"], hollow=", g")
    assert [axes.get_title() for axes in figure.axes] == ["body_mass", "sex"]
    for axes, task in zip(figure.axes, ("body_mass", "sex"), strict=True):
        # The baseline itself has no gain; its second version has.
        wanted = [("static, g", 0.25, "none"), ("A", 1, "full"), ("A, g", 1.25, "none"), ("alone", 2, "full")]
        found = marks(axes)
        assert [(place, fill) for _, place, _, fill in found] == [(place, fill) for _, place, fill in wanted]
        assert [gain for gain, *_ in found] == [gains.loc[(name, task), "gain"] for name, *_ in wanted]
        low, high = axes.containers[1][2][0].get_segments()[0][:, 0]
        assert (low, high) == pytest.approx((gains.loc[("A", task), "low"], gains.loc[("A", task), "high"]))
    assert figure.axes[0].yaxis_inverted() and "right is better" in figure.axes[1].get_xlabel()
