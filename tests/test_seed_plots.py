"""Figures over seeds: means stand at their numbers of labels; each task has a panel with its points."""

from mtl_helpers.seed_plots import draw_label_curves, draw_seed_panels

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

matplotlib.use("Agg")

CURVES = {
    "linear": [[3.0, 5.0], [2.0, 2.5]],
    "single-task": [[4.0, 4.5], [1.0, 3.0]],
    "shared": [[6.0, 7.0], [1.0, 2.0]],
}


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def test_curves_stand_side_by_side_at_their_numbers_of_labels():
    (axes,) = draw_label_curves((20, 200), CURVES, 6.5, "error (g)").axes
    drawn = [container[0] for container in axes.containers]
    assert [container.get_label() for container in axes.containers] == list(CURVES)
    for line, means in zip(drawn, ([4.0, 2.25], [4.25, 2.0], [6.5, 1.5]), strict=True):
        np.testing.assert_allclose(line.get_ydata(), means)
    np.testing.assert_allclose([line.get_xdata() for line in drawn], [[19, 190], [20, 200], [21, 210]])
    assert axes.get_xscale() == "log" and axes.get_ylabel() == "error (g)"
    assert [text.get_text() for text in axes.get_xticklabels()] == ["20", "200"]
    assert "trivial" in [text.get_text() for text in axes.texts]


def test_a_curve_of_another_length_is_refused():
    with pytest.raises(ValueError, match="'linear' has 2"):
        draw_label_curves((20, 40, 80), CURVES, 6.5, "error (g)")


def test_each_task_has_its_points_and_its_trivial_answer():
    scores = {
        "digit": {"single-task": np.array([0.9, 0.8]), "shared": np.array([0.7, 0.6])},
        "box": {"single-task": np.array([0.5, 0.4]), "shared": np.array([0.3, 0.2])},
    }
    figure = draw_seed_panels(scores, {"digit": 0.1, "box": 0.424, "mask": 0.2}, "accuracy or IoU")
    assert [axes.get_title() for axes in figure.axes] == ["digit, trivial 0.10", "box, trivial 0.42"]
    assert [axes.get_ylabel() for axes in figure.axes] == ["accuracy or IoU", ""]
    for axes, groups in zip(figure.axes, scores.values(), strict=True):
        assert [label.get_text() for label in axes.get_xticklabels()] == list(groups)
        points = [list(line.get_ydata()) for line in axes.get_lines() if len(line.get_ydata()) == 2]
        assert all(list(values) in points for values in groups.values())
