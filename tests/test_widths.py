"""Networks of several widths: their rows to store, their pairs, their differences, and what a map of these shows."""

from mtl_helpers import draws as drawing
from mtl_helpers import widths
from mtl_helpers.data import related_tasks
from mtl_helpers.evaluation import paired_interval

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from keras import layers

DRAWS = 6


def errors(centre, spread=0.0):
    return centre + spread * np.linspace(-1, 1, DRAWS)


@pytest.fixture
def table():
    """Two settings; sharing helps at relatedness 1, hurts at 0 with two units, and does neither with four."""
    rows = []
    for relatedness, shared in ((0.0, (0.9, 0.5)), (1.0, (0.2, 0.3))):
        found = {
            ("ridge", 0): errors(0.6, 0.01),
            ("shared", 2): errors(shared[0], 0.02),
            ("shared", 4): errors(shared[1], 0.3),
            ("single-task", 2): errors(0.5),
            ("single-task", 4): errors(0.5),
        }
        rows += widths.error_rows(found, part="eight", relatedness=relatedness, labels=40, rate=0.02)
    return pd.DataFrame(rows)


def test_rows_say_what_was_trained_and_how_it_erred():
    found = {("ridge", 0): [0.12346, 0.2], ("shared", 4): np.array([0.5, 0.25], "float32")}
    rows = widths.error_rows(found, part="two", relatedness=0.5, labels=80, rate=0.03)
    assert [(row["model"], row["width"], row["seed"], row["error"]) for row in rows] == [
        ("ridge", 0, 0, 0.1235),
        ("ridge", 0, 1, 0.2),
        ("shared", 4, 0, 0.5),
        ("shared", 4, 1, 0.25),
    ]
    for row in rows:
        assert (row["part"], row["relatedness"], row["labels"], row["rate"]) == ("two", 0.5, 80, 0.03)


def test_a_pair_holds_the_trunk_and_the_other_model_by_their_own_widths(table):
    table = table.sample(frac=1, random_state=0)  # the order of the rows must not matter
    pairs = widths.width_pairs(table, [(2, 4), (4, 2)], relatedness=1.0)
    assert list(pairs) == ["2 : 4", "4 : 2"]
    np.testing.assert_allclose(pairs["2 : 4"][0], errors(0.2, 0.02), atol=1e-4)
    np.testing.assert_allclose(pairs["4 : 2"][0], errors(0.3, 0.3), atol=1e-4)
    np.testing.assert_allclose(pairs["4 : 2"][1], errors(0.5), atol=1e-4)


def test_ridge_has_no_width(table):
    pairs = widths.width_pairs(table, [(2, 4)], "ridge", relatedness=0.0)
    np.testing.assert_allclose(pairs["2 : 4"][1], errors(0.6, 0.01), atol=1e-4)


def test_a_setting_that_is_missing_or_ambiguous_is_refused(table):
    with pytest.raises(ValueError, match="one row for each seed"):
        widths.width_pairs(table, [(2, 2)])  # of which relatedness?
    with pytest.raises(ValueError, match="one row for each seed"):
        widths.width_pairs(table, [(16, 16)], relatedness=1.0)


def test_differences_are_shared_minus_other_and_corrected_for_all_rows(table):
    found = widths.width_differences(table, [(2, 2), (4, 4)])
    assert len(found) == 2 * 1 * 2 * 2
    assert list(found.index.unique("relatedness")) == [1.0, 0.0]
    row = found.loc["single-task", 40, 0.0, "2 : 2"]
    pair = widths.width_pairs(table, [(2, 2)], relatedness=0.0)["2 : 2"]
    assert row["mean"] == pytest.approx(0.4)
    assert tuple(row[["low", "high"]]) == pytest.approx(paired_interval(*pair)[1:])
    assert tuple(row[["wide_low", "wide_high"]]) == pytest.approx(paired_interval(*pair, 1 - 0.05 / 8)[1:])


@pytest.mark.parametrize(
    "mean, half, wide_half, text",
    [
        (0.12, 0.2, 0.3, "+.12\n"),
        (0.12, 0.1, 0.3, "+.12\n△"),
        (0.12, 0.1, 0.11, "+.12\n▲"),
        (-0.12, 0.1, 0.3, "-.12\n▽"),
        (-0.12, 0.1, 0.11, "-.12\n▼"),
        (0.004, 0.001, 0.002, ".00\n▲"),
    ],
)
def test_a_sign_tells_direction_and_certainty(mean, half, wide_half, text):
    row = {"mean": mean, "low": mean - half, "high": mean + half}
    row |= {"wide_low": mean - wide_half, "wide_high": mean + wide_half}
    assert widths._cell_text(pd.Series(row)) == text


def test_the_maps_show_each_difference_at_its_place(table):
    differences = widths.width_differences(table, [(2, 2), (4, 4)])
    figure = widths.draw_width_grids(differences)
    single, ridge = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["− single-task, 40 labels", "− ridge, 40 labels"]
    texts = {text.get_position(): text.get_text() for text in single.texts}
    assert texts[0, 1].startswith("+.40") and texts[0, 0].startswith("-.30")
    assert [label.get_text() for label in ridge.get_xticklabels()] == ["2:2", "4:4"]
    assert [label.get_text() for label in single.get_yticklabels()] == ["1.0", "0.0"]
    colours = np.asarray(single.images[0].get_array())
    np.testing.assert_allclose(colours, [[-0.3, -0.2], [0.4, 0.0]], atol=1e-4)
    plt.close(figure)


@pytest.mark.slow
def test_networks_are_scored_as_draws_are():
    draws = [related_tasks(1.0, tasks=2, dimensions=3, rank=1, train_examples=12, seed=n) for n in range(2)]
    settings = {"rate": 0.02, "epochs": 2, "batch_size": 4}

    def shared():
        inputs = {f"x_{k}": keras.Input((3,), name=f"x_{k}") for k in (1, 2)}
        trunk = layers.Dense(2)
        heads = {k: layers.Dense(1, name=f"task_{k}") for k in (1, 2)}
        return keras.Model(inputs, {f"task_{k}": heads[k](trunk(inputs[f"x_{k}"])) for k in (1, 2)})

    def single():
        x = keras.Input((3,), name="x")
        return keras.Model({"x": x}, {"y": layers.Dense(1)(layers.Dense(2)(x))})

    together = drawing.draw_errors(drawing.train_draws(shared, draws, **settings), draws)
    np.testing.assert_allclose(widths.shared_errors(shared, draws, **settings), together, rtol=1e-5)
    apart = drawing.alone(draws)
    each = drawing.draw_errors(drawing.train_draws(single, apart, **settings), apart)
    by_hand = [(each[0] + each[1]) / 2, (each[2] + each[3]) / 2]
    np.testing.assert_allclose(widths.single_errors(single, draws, **settings), by_hand, rtol=1e-5)
