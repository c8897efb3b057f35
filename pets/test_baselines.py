"""Trivial answers, counted by hand."""

from pets import data
from pets.baselines import Labels, count_labels, trivial_score

import numpy as np
import pytest


def masks(*rows: list[int]) -> np.ndarray:
    return np.array(rows, "float32").reshape(len(rows), 1, -1, 1)


NAN = [np.nan] * 4
TRAIN = {
    "breed": np.array([3, 3, 5]),
    "head_box": np.array([[0, 0, 0.4, 0.4], NAN, [0, 0, 0.6, 0.6]], "float32"),
    "mask": masks([1, 1, 0, -1], [1, 0, 0, 0], [1, 1, -1, 0]),
}
TEST = {
    "breed": np.array([3, 5, 6, 3]),
    "head_box": np.array([NAN, [0, 0, 0.5, 1.0], [0, 0, 0.5, 0.5], NAN], "float32"),
    "mask": masks([1, 0, 0, 1], [1, 1, -1, 0], [0, 1, 1, 0], [-1, 1, 0, 0]),
}


def score(task: str, train: data.Tensors, test: data.Tensors) -> float:
    return trivial_score(task, count_labels([({}, train)]), count_labels([({}, test)]))


def test_by_hand() -> None:
    assert score("breed", TRAIN, TEST) == 0.5  # breed 3
    assert score("head_box", TRAIN, TEST) == pytest.approx(
        (0.5 + 1) / 2
    )  # the mean box is half a box wide and high
    # The answer: pet at the first two pixels, where 5 are and 2 are not; the part has 7 such pixels in all.
    assert score("mask", TRAIN, TEST) == pytest.approx(5 / 9)


def test_the_answer_is_chosen_on_the_training_part() -> None:
    # Pet at the first pixel alone is best there (3/4, against 4/6); at both it would be best on the part.
    train, part = {"mask": masks([1, 1], [1, 0], [1, 0])}, {"mask": masks([1, 1])}
    assert score("mask", train, part) == 0.5


def test_batches_are_added_up() -> None:
    split: list[tuple[dict, dict]] = [
        ({}, {task: values[part] for task, values in TEST.items()}) for part in (slice(0, 1), slice(1, 4))
    ]
    whole, parts = count_labels([({}, TEST)]), count_labels(split)
    np.testing.assert_array_equal(whole.breeds, parts.breeds)
    np.testing.assert_array_equal(whole.boxes, parts.boxes)
    np.testing.assert_array_equal(whole.pet, parts.pet)
    np.testing.assert_array_equal(whole.background, parts.background)


def test_labels_that_are_not_there_are_refused() -> None:
    with pytest.raises(ValueError, match="Labels of 'mask' are expected"):
        score("mask", {"breed": TRAIN["breed"]}, {"breed": TEST["breed"]})
    with pytest.raises(ValueError, match="2 of the training part and 0 of the other"):
        score("head_box", TRAIN, {"head_box": np.array([NAN], "float32")})
    with pytest.raises(ValueError, match="Labels of 'breed'"):
        trivial_score("breed", Labels(), Labels())
