"""The problem of body mass and sex: errors in grams whatever the unit, trivial answers, progress between both ends."""

from types import SimpleNamespace

from mtl_helpers import contest
from mtl_helpers.mass_and_sex import mass_and_sex
from mtl_helpers.split import Split

import numpy as np
import pytest

LOSSES = {"body_mass": "mse", "sex": "binary_crossentropy"}


def part(masses, sexes):
    """Birds with these masses minus their mean, in kilograms."""
    inputs = {"measurements": np.zeros((len(masses), 3), "float32")}
    targets = {"body_mass": np.array(masses)[:, None], "sex": np.array(sexes, float)[:, None]}
    return Split(inputs, targets)


@pytest.fixture
def problem():
    train = part([9.0, -9.0], [1, 1])
    validation, test = part([-1.0, 0.0, 2.0, 1.0], [0, 1, 1, 1]), part([0.5, -0.5, 0.5, -0.5], [0, 0, 1, 0])
    return mass_and_sex(train, validation, test, 1000, lambda tasks: None, LOSSES, epochs=3, batch_size=2)


def answering(mass, male):
    """Two seeds that give these answers to every bird."""

    def predict(inputs):
        birds = len(inputs["measurements"])
        return {
            "body_mass": np.broadcast_to(mass, (2, birds, 1)),
            "sex": np.broadcast_to(male, (2, birds, 1)),
        }

    return SimpleNamespace(predict=predict)


def test_errors_are_in_grams_and_sex_is_an_accuracy(problem):
    scores = problem.scores(answering(0.0, 0.9), "validation")
    np.testing.assert_allclose(scores["body_mass"], [1000.0, 1000.0])
    np.testing.assert_allclose(scores["sex"], [0.75, 0.75])
    np.testing.assert_allclose(problem.scores(answering(1.5, 0.1), "test")["body_mass"], 1500.0)


def test_another_unit_gives_the_same_grams(problem):
    """The same birds in tonnes."""
    tonnes = [
        Split(each.inputs, each.targets | {"body_mass": each.targets["body_mass"] / 1000})
        for each in (problem.train, problem.validation, problem.test)
    ]
    same = mass_and_sex(*tonnes, 1e6, lambda tasks: None, LOSSES, epochs=3, batch_size=2)
    wanted = problem.scores(answering(0.25, 0.9), "test")["body_mass"]
    np.testing.assert_allclose(same.scores(answering(0.00025, 0.9), "test")["body_mass"], wanted)
    assert same.trivial["test"]["body_mass"] == pytest.approx(problem.trivial["test"]["body_mass"])


def test_trivial_answers_are_those_of_the_part_itself(problem):
    assert problem.trivial["validation"] == {"body_mass": 1000.0, "sex": 0.75}
    assert problem.trivial["test"] == {"body_mass": 500.0, "sex": 0.75}


def test_progress_goes_from_trivial_to_perfect(problem):
    np.testing.assert_allclose(problem.progress(answering(0.0, 0.9)), 0.0)
    truth = problem.validation.targets
    np.testing.assert_allclose(problem.progress(answering(truth["body_mass"], truth["sex"])), 1.0)
    np.testing.assert_allclose(problem.progress(answering(truth["body_mass"] / 2, 0.9)), 0.25)


def test_each_seed_keeps_its_last_epoch(problem, monkeypatch):
    given = {}
    monkeypatch.setattr(
        contest, "train_in_turn", lambda build, train, **options: given.update(options, train=train)
    )
    problem.fit(0.02, (1, 2))
    assert given["validation"] is None and given["train"] is problem.train
    assert (given["epochs"], given["batch_size"], given["seeds"]) == (3, 2, (1, 2))


def test_a_unit_without_grams_is_refused():
    with pytest.raises(ValueError, match="above zero, but 0"):
        mass_and_sex(*[part([1.0], [1])] * 3, 0, lambda tasks: None, LOSSES, epochs=1, batch_size=1)
