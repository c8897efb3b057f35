"""Lesson 00: each wrong answer is met by its own message."""

from mtl_helpers.checks.lesson_00 import check_1, check_2
from mtl_helpers.data import load_penguins

import pytest

GRAMS = load_penguins().table["body_mass_g"]
CROSS_ENTROPY = "sparse_categorical_crossentropy"


def test_right_answers():
    assert check_1((GRAMS > 5000).sum()) is None
    assert check_2({"species": CROSS_ENTROPY, "body_mass": "mse"}) is None


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((GRAMS > 5).sum(), "in grams"),
        ((GRAMS >= 5000).sum(), "not `>=`"),
        ((GRAMS < 5000).sum(), "Turn the comparison round"),
        ((GRAMS > 5000).mean(), "This is a share"),
        (12, "Compare the column"),
        (True, "A number is expected"),
    ],
)
def test_heavy_birds(answer, message):
    assert message in check_1(answer)


@pytest.mark.parametrize(
    ("species", "body_mass", "message"),
    [
        ("mse", CROSS_ENTROPY, "wrong way round"),
        ("categorical_crossentropy", "mse", "one-hot"),
        ("accuracy", "mse", "is a metric"),
        ("binary_crossentropy", "mse", "two classes"),
        ("mse", "mse", "no such order"),
        (CROSS_ENTROPY, CROSS_ENTROPY, "is a number"),
    ],
)
def test_losses(species, body_mass, message):
    assert message in check_2({"species": species, "body_mass": body_mass})


def test_losses_need_the_names_of_the_tasks():
    assert "keys must be the tasks" in check_2({"specis": CROSS_ENTROPY, "body_mass": "mse"})
    assert "A dictionary" in check_2([CROSS_ENTROPY, "mse"])
