"""Networks on many draws: each draw with its own data, errors per draw, ridge as scikit-learn has it."""

from mtl_helpers.data import related_tasks
from mtl_helpers.dial import dial_tasks
from mtl_helpers.draws import PENALTIES, alone, draw_errors, ridge_errors, train_draws

import keras
import numpy as np
import pytest
from sklearn.linear_model import RidgeCV


@pytest.fixture
def eight():
    settings = {"tasks": 3, "train_examples": 12, "validation_examples": 4, "test_examples": 20}
    return [related_tasks(0.5, seed=seed, **settings) for seed in range(2)]


@pytest.fixture
def two():
    settings = {"train_examples": 30, "validation_examples": 10, "test_examples": 20, "dimensions": 6}
    return [dial_tasks(0.5, seed=seed, **settings) for seed in range(2)]


def test_alone_keeps_the_order_of_draws_and_tasks(eight, two):
    single = alone(eight)
    assert len(single) == 6
    np.testing.assert_array_equal(single[4].validation.inputs["x"], eight[1].validation.inputs["x_2"])
    np.testing.assert_array_equal(single[4].validation.targets["y"], eight[1].validation.targets["task_2"])
    single = alone(two)
    assert len(single) == 4
    np.testing.assert_array_equal(single[3].test.inputs["x"], two[1].test.inputs["x"])
    np.testing.assert_array_equal(single[3].test.targets["y"], two[1].test.targets["task_2"])


@pytest.mark.slow
def test_each_draw_has_its_own_network_and_error(two):
    def build():
        x = keras.Input((6,), name="x")
        return keras.Model({"x": x}, {t: keras.layers.Dense(1, name=t)(x) for t in ("task_1", "task_2")})

    runs = train_draws(build, two, rate=0.05, epochs=20, batch_size=15)
    assert (runs.best_epoch > 0).all()
    found = draw_errors(runs, two)
    for place, draw in enumerate(two):
        predicted = runs.model(place)(draw.test.inputs)
        wanted = np.mean([(predicted[t] - draw.test.targets[t]) ** 2 for t in ("task_1", "task_2")])
        assert found[place] == pytest.approx(wanted, rel=1e-4)
    assert not np.allclose(draw_errors(runs, two, "validation"), found)


def test_ridge_learns_from_training_and_validation_of_each_task_alone(eight):
    wanted = []
    for draw in eight:
        of_draw = []
        for k in (1, 2, 3):
            x = np.concatenate([draw.train.inputs[f"x_{k}"], draw.validation.inputs[f"x_{k}"]])
            y = np.concatenate([draw.train.targets[f"task_{k}"], draw.validation.targets[f"task_{k}"]])
            ridge = RidgeCV(PENALTIES).fit(x, y[:, 0])
            error = ridge.predict(draw.test.inputs[f"x_{k}"]) - draw.test.targets[f"task_{k}"][:, 0]
            of_draw.append(np.mean(error**2))
        wanted.append(np.mean(of_draw))
    np.testing.assert_allclose(ridge_errors(eight), wanted, rtol=1e-5)


def test_ridge_learns_from_the_parts_that_are_named() -> None:
    eight = [related_tasks(0.75, tasks=8, train_examples=30, validation_examples=10, seed=0)]
    few, many = ridge_errors(eight, parts=["train"]), ridge_errors(eight)
    assert few.shape == (1,) and few[0] > 1.2 * many[0]
