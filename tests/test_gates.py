"""The weights of gates, for every draw, task and example; and their picture."""

from mtl_helpers import gates
from mtl_helpers.dial import dial_tasks
from mtl_helpers.sharing import MMoE

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from keras import layers


def network(seed):
    keras.utils.set_random_seed(seed)
    x = keras.Input((5,), name="x")
    features = MMoE(["task_1", "task_2"], experts=3, units=2, name="experts")(x)
    return keras.Model(
        {"x": x}, {task: layers.Dense(1, name=task)(of_task) for task, of_task in features.items()}
    )


@pytest.fixture(scope="module")
def draws():
    return [dial_tasks(0.0, train_examples=6, test_examples=7, dimensions=5, seed=seed) for seed in range(2)]


def test_weights_are_those_of_each_draws_own_gates(draws):
    models = [network(seed) for seed in range(2)]
    found = gates.gate_weights(models, draws)
    assert found.shape == (2, 2, 7, 3)
    np.testing.assert_allclose(found.sum(axis=-1), 1, atol=1e-5)
    for model, draw, of_draw in zip(models, draws, found, strict=True):
        for gate, of_task in zip(model.get_layer("experts").gate_layers, of_draw, strict=True):
            scores = np.exp(draw.test.inputs["x"] @ np.asarray(gate.kernel))
            np.testing.assert_allclose(of_task, scores / scores.sum(axis=1, keepdims=True), atol=1e-5)


def test_models_and_draws_must_match(draws):
    with pytest.raises(ValueError, match="1 models and 2 draws"):
        gates.gate_weights([network(0)], draws)


def test_bars_are_means_with_the_spread_of_the_examples():
    weights = np.random.default_rng(0).dirichlet(np.ones(4), size=(2, 50))  # (tasks, examples, experts)
    figure = gates.draw_gates({"p = 0": weights, "p = 1": weights[::-1]}, ["task_1", "task_2"])
    first, second = figure.axes
    assert (first.get_title(), second.get_title()) == ("p = 0", "p = 1")
    heights = np.array([bar.get_height() for bar in first.patches]).reshape(2, 4)
    np.testing.assert_allclose(heights, weights.mean(axis=1))
    ends = first.containers[0].lines[2][0].get_segments()[0][:, 1]  # of the first expert's error bar
    np.testing.assert_allclose(np.diff(ends), 2 * weights[0, :, 0].std())
    assert [text.get_text() for text in first.get_legend().get_texts()] == ["task_1", "task_2"]
    assert [label.get_text() for label in first.get_xticklabels()] == ["1", "2", "3", "4"]
    plt.close(figure)
