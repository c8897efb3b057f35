"""The scores of digit scenes: of a perfect network, of one that errs, and of the trivial answers."""

from mtl_helpers import scene_scores
from mtl_helpers.data import digit_scenes
from mtl_helpers.split import Split

import numpy as np
import pytest


@pytest.fixture(scope="module")
def scenes():
    return digit_scenes(train=60, validation=20, test=20)


def answering(answers, asked):
    """A network that gives these answers, and notes how it was called."""

    def network(inputs, training):
        asked.append(training)
        return answers

    return network


def one_hot(digits):
    return np.eye(10, dtype="float32")[digits]


def test_a_perfect_network_gets_all_points_and_is_asked_without_dropout(scenes):
    truth, asked = scenes.test.targets, []
    answers = {**truth, "digit": one_hot(truth["digit"])}
    found = scene_scores.network_scores(answering(answers, asked), scenes.test)
    assert found == {"digit": 1.0, "box": 1.0, "mask": 1.0}
    assert asked == [False]


def test_each_task_is_scored_by_its_own_answers(scenes):
    truth = scenes.test.targets
    digits = truth["digit"].copy()
    digits[:5] = (digits[:5] + 1) % 10
    box = truth["box"].copy()
    box[:, 2] = box[:, 0] + (box[:, 2] - box[:, 0]) / 2  # half as wide: an overlap of one half
    answers = {"digit": one_hot(digits), "box": box, "mask": np.zeros_like(truth["mask"])}
    found = scene_scores.network_scores(answering(answers, []), scenes.test)
    assert found["digit"] == 0.75
    assert found["box"] == pytest.approx(0.5, abs=1e-5)
    assert found["mask"] == 0.0


def test_trivial_answers_come_from_the_training_scenes_alone():
    def split(digits, box, mask):
        targets = {
            "digit": np.array(digits),
            "box": np.array(box, "float32"),
            "mask": np.array(mask, "float32").reshape(len(digits), 1, 2, 1),
        }
        return Split({"image": np.zeros((len(digits), 1, 2, 1), "float32")}, targets)

    low, high = [0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]
    # Seven is the most frequent digit, `low` the median box; the second pixel lies in one mask of five: in.
    train = split([7, 7, 7, 2, 2], [low, low, low, high, high], [[0, 0]] * 4 + [[0, 1]])
    scored = split([7, 2, 2, 2], [low, low, high, high], [[0, 1], [0, 1], [0, 1], [1, 0]])
    assert scene_scores.trivial_scores(train, scored) == {"digit": 0.25, "box": 0.5, "mask": 0.75}


def test_trivial_answers_are_far_from_perfect_and_not_zero(scenes):
    found = scene_scores.trivial_scores(scenes.train, scenes.validation)
    assert set(found) == {"digit", "box", "mask"}
    assert all(0 < score < 0.7 for score in found.values())


def test_changes_are_counted_from_the_weights_before(scenes):
    truth = scenes.test.targets

    class Network:
        """Its one weight says how many digits are wrong."""

        def set_weights(self, weights):
            self.wrong = int(weights[0])

        def __call__(self, inputs, training):
            digits = truth["digit"].copy()
            digits[: self.wrong] = (digits[: self.wrong] + 1) % 10
            return {**truth, "digit": one_hot(digits)}

    after = {"a": [[np.array(3)], [np.array(6)]], "b": [[np.array(5)]]}
    found = scene_scores.score_changes(Network(), [np.array(5)], after, scenes.test)
    assert list(found) == ["a", "b"]
    assert list(found["a"]) == ["digit", "box", "mask"]
    np.testing.assert_allclose(found["a"]["digit"], [0.1, -0.05])
    assert (found["a"][["box", "mask"]] == 0).all(axis=None)
    assert (found["b"] == 0).all(axis=None) and len(found["b"]) == 1
