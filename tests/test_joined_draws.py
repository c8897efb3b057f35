"""Draws joined into one data set: who owns a row, how rows are drawn, and errors against those by hand."""

from mtl_helpers.data import related_tasks
from mtl_helpers.draws import PENALTIES, ridge_errors
from mtl_helpers.joined_draws import draw_rows, join_draw, joined_errors, two_ridge_errors
from mtl_helpers.seeds import SeedRuns

import keras
import numpy as np
import pytest
from sklearn.linear_model import RidgeCV


@pytest.fixture(scope="module")
def draws():
    options = {"tasks": 2, "rank": 1, "train_examples": 40, "validation_examples": 1, "test_examples": 30}
    return [related_tasks(0.9, seed=seed, **options) for seed in range(2)]


def test_joined_rows_have_one_label_each(draws):
    counts = {"costly": 2, "cheap": 3}
    both = join_draw(draws[0], counts)
    there = np.concatenate([np.isfinite(both.targets[task]) for task in counts], axis=1)
    np.testing.assert_array_equal(there, [[1, 0]] * 2 + [[0, 1]] * 3)
    train = draws[0].train
    np.testing.assert_array_equal(both.inputs["x"][:2], train.inputs["x_1"][:2])
    np.testing.assert_array_equal(both.inputs["x"][2:], train.inputs["x_2"][:3])
    np.testing.assert_array_equal(both.targets["costly"][:2], train.targets["task_1"][:2])
    np.testing.assert_array_equal(both.targets["cheap"][2:], train.targets["task_2"][:3])
    assert both.targets["cheap"].dtype == "float32"


def test_one_task_alone_has_every_label(draws):
    alone = join_draw(draws[0], {"costly": 5})
    assert list(alone.targets) == ["costly"] and np.isfinite(alone.targets["costly"]).all()


@pytest.mark.parametrize("counts", [{"costly": 41}, {"costly": 2, "cheap": 41}, {"a": 1, "b": 1, "c": 1}])
def test_more_than_there_is_cannot_be_joined(draws, counts):
    with pytest.raises(ValueError, match="2 tasks with 40 training examples"):
        join_draw(draws[0], counts)


def test_rows_come_from_the_sets_in_their_shares():
    rows = draw_rows([10, 90], [3, 1], 4000, seeds=[4, 5])
    assert rows.shape == (2, 4000) and rows.min() == 0 and rows.max() == 99
    np.testing.assert_allclose((rows < 10).mean(axis=1), 0.75, atol=0.02)
    counts = np.bincount(rows[0], minlength=100)
    assert counts[:10].min() > 200 and counts[10:].min() > 0  # every example of a set alike
    assert not np.array_equal(rows[0], rows[1])
    np.testing.assert_array_equal(draw_rows([10, 90], [0.75, 0.25], 4000, seeds=[5])[0], rows[1])


def test_each_network_is_scored_on_its_own_draw(draws):
    def constant(answers):
        x = keras.Input((30,), name="x")
        outputs = {
            task: keras.layers.Dense(
                1, kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(answer), name=task
            )(x)
            for task, answer in answers.items()
        }
        return keras.Model({"x": x}, outputs)

    models = [constant({"costly": 0.0, "cheap": 1.0}), constant({"costly": 2.0, "cheap": 3.0})]
    errors = joined_errors(SeedRuns((0, 1), {}, None, 0.0, models), draws, ["costly", "cheap"])
    for task, name, answers in (("task_1", "costly", (0, 2)), ("task_2", "cheap", (1, 3))):
        wanted = [
            np.mean((draw.test.targets[task] - answer) ** 2)
            for draw, answer in zip(draws, answers, strict=True)
        ]
        np.testing.assert_allclose(errors[name], wanted, rtol=1e-5)


def test_without_labels_of_the_other_task_it_is_plain_ridge(draws):
    found = two_ridge_errors(draws, 40, 0)
    both = ridge_errors(draws, parts=["train"])  # the mean over both tasks
    flipped = [
        type(draw)(*(_swapped(part) for part in (draw.train, draw.validation, draw.test)), draw.weights)
        for draw in draws
    ]
    np.testing.assert_allclose((found + two_ridge_errors(flipped, 40, 0)) / 2, both, rtol=1e-5)


def _swapped(split):
    return type(split)(
        {"x_1": split.inputs["x_2"], "x_2": split.inputs["x_1"]},
        {"task_1": split.targets["task_2"], "task_2": split.targets["task_1"]},
    )


def test_the_other_tasks_answer_is_one_more_input(draws):
    train, test = draws[0].train, draws[0].test
    other = RidgeCV(PENALTIES).fit(train.inputs["x_2"][:30], train.targets["task_2"][:30, 0])

    def with_answer(x):
        return np.c_[x, 5 * other.predict(x)]

    own = RidgeCV(PENALTIES).fit(with_answer(train.inputs["x_1"][:12]), train.targets["task_1"][:12, 0])
    wanted = np.mean((own.predict(with_answer(test.inputs["x_1"])) - test.targets["task_1"][:, 0]) ** 2)
    assert two_ridge_errors(draws, 12, 30)[0] == pytest.approx(wanted, rel=1e-5)
    assert two_ridge_errors(draws, 12, 40).mean() < two_ridge_errors(draws, 12, 0).mean()
