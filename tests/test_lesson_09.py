"""Lesson 09: its own cells, run here, balance as the helpers do, and measure what they say."""

import ast
from typing import Any

from mtl_helpers import balancing
from mtl_helpers.evaluation import paired_interval
from tools import lessons

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

KINDS = (ast.Import, ast.ImportFrom, ast.FunctionDef)
NAMES = ["pcgrad", "mgda", "cagrad", "imtl_g", "nash_mtl", "aligned_mtl", "upgrad"]
# The lesson's choice where the helper's default is another one.
OPTIONS: dict[str, dict[str, float]] = {"cagrad": {"c": 0.5}}


def defined(*parts: str, changed: tuple[str, str] = ("", "")) -> dict[str, Any]:
    """The imports, functions and constants of the cells of some parts of the lesson."""
    cells = lessons.read(lessons.find(["09"])[0]).cells
    lines = "\n\n".join(cell.source for cell in cells if cell.metadata.get("part") in parts).splitlines()
    code = "\n".join(line for line in lines if not line.startswith("%"))
    assert code.count(changed[0]) == 1 or not changed[0]
    kept = [
        node
        for node in ast.parse(code.replace(*changed)).body
        if isinstance(node, KINDS) or _is_constant(node)
    ]
    names: dict[str, Any] = {}
    exec(compile(ast.Module(kept, []), "lesson 09", "exec"), names)
    return names


def _is_constant(node: ast.AST) -> bool:
    """An assignment to a name in capitals, or of another name for a function."""
    if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
        return False
    return node.targets[0].id.isupper() or isinstance(node.value, ast.Attribute)


@pytest.fixture(scope="module")
def lesson() -> dict[str, Any]:
    return defined("methods")


def random_gradients(number: int) -> list[np.ndarray]:
    """Pairs of gradients of all angles and very different lengths."""
    generator = np.random.default_rng(1)
    scales = 10 ** generator.uniform(-2, 2, size=(number, 2, 1))
    return list(scales * generator.normal(size=(number, 2, 3)))


def test_the_lesson_has_every_method(lesson):
    assert sorted(lesson["METHODS"]) == sorted([*NAMES, "mean"])


@pytest.mark.parametrize("name", NAMES)
def test_weights_of_two_tasks_give_the_direction_of_the_helper(lesson, name):
    for gradients in random_gradients(50):
        expected = getattr(balancing, name)(gradients, **OPTIONS.get(name, {})).numpy()
        found = lesson["direction"](lesson["METHODS"][name], gradients)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7 * np.abs(gradients).max())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("angle", [180, 170, 90, 10])
def test_weights_are_finite_for_all_that_the_slider_offers(lesson, name, angle):
    for length in (1, 2, 3, 10):
        gradients = lesson["two_gradients"](angle, length)
        direction = lesson["direction"](lesson["METHODS"][name], gradients)
        assert np.isfinite(direction).all()
        if angle < 180 and name not in ("cagrad", "aligned_mtl"):
            assert (gradients @ direction > -1e-9).all()


def test_pcgrad_by_hand_is_the_helper(lesson):
    for gradients in random_gradients(50):
        expected = balancing.pcgrad(gradients).numpy()
        np.testing.assert_allclose(lesson["pcgrad_by_hand"](gradients), expected, rtol=1e-6, atol=1e-9)


def test_the_trap_is_seen(lesson):
    wrong = 0
    for gradients in random_gradients(50):
        by_hand = lesson["pcgrad_by_hand"](gradients, trap=True)
        wrong += not np.allclose(by_hand, balancing.pcgrad(gradients).numpy())
    assert wrong > 15  # about half of the pairs conflict


def test_a_wrong_weight_is_seen():
    broken = defined("methods", changed=("over(c - b, a + c - 2 * b)", "over(a - b, a + c - 2 * b)"))
    test_weights_of_two_tasks_give_the_direction_of_the_helper(broken, "pcgrad")
    with pytest.raises(AssertionError):
        test_weights_of_two_tasks_give_the_direction_of_the_helper(broken, "mgda")


def test_two_pairs_of_methods_share_a_direction(lesson):
    for gradients in random_gradients(10):
        of = {name: lesson["direction"](method, gradients) for name, method in lesson["METHODS"].items()}
        np.testing.assert_allclose(of["pcgrad"], 2 * of["upgrad"])
        same, other = (of[name] / np.linalg.norm(of[name]) for name in ("imtl_g", "nash_mtl"))
        np.testing.assert_allclose(same, other, atol=1e-6)


@pytest.fixture(scope="module")
def digits() -> dict[str, Any]:
    names = defined("methods", "toy", "measure")
    names["train"] = names["two_digits"](train=256, seed=3).train
    keras.utils.set_random_seed(0)
    names["network"] = names["new_network"](width=2)
    pieces = names["piece_gradients"](names["task_gradients"], names["network"], names["train"], size=16)
    names["pieces"] = pieces
    return names


@pytest.mark.slow
def test_task_gradients_are_those_that_the_model_balances(digits):
    network, given = digits["network"], []

    def notes(matrix: tf.Tensor) -> tf.Tensor:
        given.append(matrix)
        return matrix[0]

    balanced = digits["new_network"](width=2, balancer=notes)
    balanced.set_weights(network.get_weights())
    batch = digits["train"].take(np.arange(16))
    inputs, targets = tf.nest.map_structure(tf.constant, (batch.inputs, batch.targets))
    balanced.balanced_step(inputs, targets, None)
    expected = digits["task_gradients"](network, inputs, targets)
    np.testing.assert_allclose(given[0], expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("size", [16, 64, 256])
def test_cosines_from_pieces_are_those_of_whole_batches(digits, size):
    found = digits["cosines"](digits["pieces"], size)["two tasks"]
    assert found.shape == (256 // size,)
    for number in range(256 // size):
        batch = digits["train"].take(np.arange(size * number, size * (number + 1)))
        both = digits["task_gradients"](digits["network"], batch.inputs, batch.targets).numpy()
        expected = both[0] @ both[1] / np.linalg.norm(both, axis=1).prod()
        assert found[number] == pytest.approx(expected, abs=1e-3)


@pytest.mark.slow
def test_pairs_of_one_task_share_no_image(digits):
    rows = []
    for first in range(0, 16, 2):
        pair = []
        for number in (first, first + 1):
            batch = digits["train"].take(np.arange(16 * number, 16 * (number + 1)))
            pair.append(digits["task_gradients"](digits["network"], batch.inputs, batch.targets).numpy())
        rows.append(
            [
                one @ other / np.linalg.norm(one) / np.linalg.norm(other)
                for one, other in zip(*pair, strict=True)
            ]
        )
    found = digits["cosines"](digits["pieces"], 16)["one task"]
    np.testing.assert_allclose(found, np.ravel(rows), atol=1e-3)


@pytest.fixture(scope="module")
def stored() -> pd.DataFrame:
    return pd.read_csv(lessons.NOTEBOOKS / "results" / "09_conflicting_gradients.csv", comment="#")


def test_stored_cosines_say_what_the_lesson_says(stored):
    conflicts = stored.query("experiment == 'conflict' and width == 8 and epoch > 0")
    of = conflicts.groupby(["pair", "batch"])[["negative", "cosine"]].mean()
    assert 0.4 < of.loc[("two tasks", 16), "negative"] < 0.5
    assert of.loc[("two tasks", 3072), "negative"] > 0.15
    assert 0.2 < of.loc[("one task", 16), "negative"] < 0.4
    assert of.loc[("one task", 1024), "negative"] == 0
    assert of.loc[("one task", 3072), "cosine"] > 0.95
    assert of.loc["two tasks"]["cosine"].abs().max() < 0.1
    whole = stored.query("experiment == 'conflict' and batch == 6144")
    by_width = whole.query("epoch > 0").groupby(["width", "epoch"])
    assert by_width["cosine"].mean().between(0, 0.1).all()
    assert (by_width["cosine"].min() < 0).all() and (by_width["cosine"].max() > 0).all()
    assert (by_width["ratio"].mean() < 2).all()


def test_stored_accuracies_say_what_the_lesson_says(stored):
    scores = stored.query("experiment == 'balancers'")
    accuracy = scores.pivot(index="seed", columns=["network", "task"], values="accuracy")
    assert len(accuracy) == 20
    above = []
    for name in NAMES:
        for task in ("top_left", "bottom_right"):
            pair = accuracy[name, task], accuracy["plain sum", task]
            gain = paired_interval(*pair)
            assert gain.high >= 0 and gain.mean < 0.01
            if gain.low > 0:
                above.append((name, task))
                assert paired_interval(*pair, confidence=1 - 0.05 / 14).low > 0
    assert above == [("aligned_mtl", "top_left")]
    assert set(scores["rate"]) <= {0.004, 0.008}  # no network wanted a rate at the edge of the grid
