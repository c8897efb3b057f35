"""Figures show what they are given."""

from mtl_helpers import plots
from mtl_helpers.evaluation import mean_interval

import keras
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

matplotlib.use("agg")


@pytest.fixture
def axes():
    figure, axes = plt.subplots()
    yield axes
    plt.close("all")


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_every_task_and_kind_of_model_has_its_own_look():
    for data in (["species", "body_mass", "sex"], ["digit", "box", "mask"]):  # never in one figure
        assert len({plots.TASK_COLOURS[task] for task in data}) == 3
    for key in ("marker", "linestyle", "color"):
        assert len({style[key] for style in plots.MODEL_STYLES.values()}) == len(plots.MODEL_STYLES)
    models = {style["color"] for style in plots.MODEL_STYLES.values()}
    assert not models & set(plots.TASK_COLOURS.values())


def test_a_baseline_inside_the_picture_is_a_line(axes):
    axes.set_ylim(0, 10)
    plots.baseline(axes, 4.0, "linear")
    assert axes.lines[0].get_ydata()[0] == 4.0 and texts(axes) == ["linear"]


def test_a_baseline_above_the_picture_is_named(axes):
    axes.set_ylim(0, 10)
    plots.baseline(axes, 694.0, "trivial")
    assert not axes.lines and texts(axes) == ["trivial: 694, far above ↑"]


def test_seed_points_show_every_seed_the_mean_and_its_interval(axes):
    values = np.array([1.0, 2.0, 4.0])
    plots.seed_points(axes, {"shared": values, "linear": values + 1})
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), values)
    mean, (_, _), (bars,) = axes.containers[0]
    assert mean.get_ydata()[0] == pytest.approx(values.mean())
    assert bars.get_segments()[0][:, 1] == pytest.approx(mean_interval(values)[1:])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["shared", "linear"]


def test_curve_over_draws_means_with_intervals(axes):
    plots.curve_over(axes, [20, 80], [[1.0, 3.0], [2.0, 2.5]], "single-task", shift=1.1)
    line, _, (bars,) = axes.containers[0]
    np.testing.assert_allclose(line.get_xydata(), [[22, 2.0], [88, 2.25]])
    assert bars.get_segments()[1][:, 1] == pytest.approx(mean_interval([2.0, 2.5])[1:])


def test_loss_curves_tell_tasks_by_colour_and_validation_by_dashes(axes):
    plots.loss_curves(axes, {"species_loss": [2, 1], "val_species_loss": [3, 2]})
    training, validation = axes.lines
    assert training.get_color() == validation.get_color() == plots.TASK_COLOURS["species"]
    assert (training.get_linestyle(), validation.get_linestyle()) == ("-", "--")
    assert list(training.get_xdata()) == [1, 2]


def test_draw_model_shows_layers_arrows_and_an_input_that_leads_nowhere(axes):
    used, unused = keras.Input((3,), name="used"), keras.Input((4,), name="unused")
    trunk = keras.layers.Dense(8, activation="relu", name="trunk")(used)
    head = keras.layers.Dense(1, name="last")(trunk)
    figure = plots.draw_model(keras.Model({"used": used, "unused": unused}, {"body_mass": head}))
    drawn = figure.axes[0]
    boxes = {text.get_text().split("\n")[0]: text for text in drawn.texts if text.get_text()}
    assert set(boxes) == {"used", "unused", "trunk", "last"}
    assert boxes["trunk"].get_text() == "trunk\nDense 8\nrelu"
    assert boxes["last"].get_color() == plots.TASK_COLOURS["body_mass"]
    assert boxes["unused"].get_bbox_patch().get_linestyle() == "--"
    assert boxes["used"].get_bbox_patch().get_linestyle() == "-"
    assert sum(1 for text in drawn.texts if not text.get_text()) == 2  # used → trunk → last


def test_a_scene_shows_truth_and_prediction(axes):
    image, mask = np.zeros((28, 28, 1)), np.zeros((28, 28, 1))
    mask[4:12, 6:10] = 1
    true_box, predicted_box = np.array([6, 4, 10, 12]) / 28, np.array([6, 4, 14, 12]) / 28
    plots.draw_scene(axes, image, true_box, mask, predicted_box, mask)
    drawn = {line.get_linestyle(): line.get_xdata().max() for line in axes.lines}
    assert drawn == {"--": pytest.approx(9.5), "-": pytest.approx(13.5)}  # pixel n is drawn from n - 0.5
    outline = np.concatenate([path.vertices for path in axes.collections[0].get_paths()])
    np.testing.assert_allclose(outline.min(axis=0), [5.5, 3.5], atol=0.1)
    np.testing.assert_allclose(outline.max(axis=0), [9.5, 11.5], atol=0.1)
    assert len(axes.images) == 2
    plots.draw_scene(axes, image, true_box, mask)  # without a prediction
    assert len(axes.images) == 3
