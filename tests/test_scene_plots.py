"""Scenes in a grid: the chosen ones in their order, with true and predicted labels."""

from mtl_helpers.data import digit_scenes
from mtl_helpers.scene_plots import draw_scenes

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

matplotlib.use("agg")


@pytest.fixture(scope="module")
def scenes():
    return digit_scenes(8, 1, 1).train


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_the_chosen_scenes_stand_in_their_order(scenes):
    rows = [6, 0, 3, 1, 2, 5, 7]
    figure = draw_scenes(scenes, rows)
    assert [axes.get_title() for axes in figure.axes] == [f"digit {scenes.targets['digit'][n]}" for n in rows]
    for axes, n in zip(figure.axes, rows, strict=True):
        np.testing.assert_array_equal(axes.get_images()[0].get_array(), scenes.inputs["image"][n][..., 0])
        (box,) = axes.get_lines()
        assert box.get_linestyle() == "--"
        assert box.get_xdata().min() == pytest.approx(scenes.targets["box"][n][0] * 28 - 0.5)
    assert len({round(axes.get_position().y0, 3) for axes in figure.axes}) == 2  # five in a row


def test_a_prediction_is_drawn_beside_the_truth(scenes):
    predicted = {
        "digit": np.eye(10)[[3, 4, 5, 6, 7, 8, 9, 0]],
        "box": scenes.targets["box"] * 0.5,
        "mask": 1 - scenes.targets["mask"],
    }
    (axes,) = draw_scenes(scenes, [2], predicted).axes
    assert axes.get_title() == f"5, true {scenes.targets['digit'][2]}"
    true, guess = axes.get_lines()
    assert (true.get_linestyle(), guess.get_linestyle()) == ("--", "-")
    assert guess.get_xdata().min() == pytest.approx(scenes.targets["box"][2][0] * 14 - 0.5)
    filled = axes.get_images()[1].get_array()
    np.testing.assert_array_equal(filled == 1, scenes.targets["mask"][2][..., 0] < 0.5)
