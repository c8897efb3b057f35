"""The dial of Ma et al.: its geometry, its formula, its noise."""

from mtl_helpers.dial import dial_tasks

import numpy as np
import pytest


def curve(z):
    """The formula, written out."""
    return z + np.sin(0.5 * z) + np.sin(z + 1) + np.sin(1.5 * z + 4) + np.sin(2 * z + 9)


def both_targets(split):
    return np.concatenate([split.targets["task_1"], split.targets["task_2"]], axis=1)


@pytest.mark.parametrize("relatedness", [0.0, 0.3, 0.5, 1.0])
def test_the_cosine_of_the_weights_is_the_dial(relatedness):
    for seed in range(5):
        w = dial_tasks(relatedness, train_examples=2, seed=seed).weights
        np.testing.assert_allclose(w @ w.T, [[1, relatedness], [relatedness, 1]], atol=1e-12)


def test_without_noise_the_targets_are_the_formula_standardised_on_the_training_part():
    data = dial_tasks(0.4, train_examples=300, noise=0.0, seed=3)
    true = {part: curve(getattr(data, part).inputs["x"] @ data.weights.T) for part in ("train", "test")}
    mean, std = true["train"].mean(axis=0), true["train"].std(axis=0)
    for part, values in true.items():
        np.testing.assert_allclose(both_targets(getattr(data, part)), (values - mean) / std, atol=1e-4)


def test_the_noise_is_of_its_size_and_each_tasks_own():
    clean, noisy = (dial_tasks(1.0, train_examples=20_000, noise=noise, seed=1) for noise in (0.0, 0.5))
    spread = curve(noisy.train.inputs["x"] @ noisy.weights.T).std(axis=0)
    # y = (truth + noise - mean) / std: undo the scale
    scale = np.sqrt(spread**2 + 0.5**2)
    left = both_targets(noisy.train) * scale - both_targets(clean.train) * spread
    np.testing.assert_allclose(left.std(axis=0), 0.5, rtol=0.03)
    assert abs(np.corrcoef(left.T)[0, 1]) < 0.03


def test_at_one_both_tasks_are_the_same_but_for_the_noise():
    data = dial_tasks(1.0, noise=0.0)
    np.testing.assert_allclose(data.train.targets["task_1"], data.train.targets["task_2"], atol=1e-5)


def test_parts_shapes_and_seeds():
    data = dial_tasks(0.5, train_examples=30, validation_examples=20, test_examples=10, dimensions=7)
    assert [len(part) for part in (data.train, data.validation, data.test)] == [30, 20, 10]
    assert data.train.inputs["x"].shape == (30, 7) and data.weights.shape == (2, 7)
    for targets in (data.train.targets["task_1"], data.train.targets["task_2"]):
        assert targets.dtype == "float32"
        assert targets.mean() == pytest.approx(0, abs=1e-5) and targets.std() == pytest.approx(1, abs=1e-5)
    again, other = (dial_tasks(0.5, seed=seed).train.inputs["x"] for seed in (0, 1))
    np.testing.assert_array_equal(again, dial_tasks(0.5, seed=0).train.inputs["x"])
    assert not np.allclose(again, other)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"relatedness": 1.2}, "between 0 and 1"),
        ({"relatedness": -0.5}, "between 0 and 1"),
        ({"relatedness": 0.5, "noise": -1}, "zero or more"),
        ({"relatedness": 0.5, "dimensions": 1}, "two dimensions"),
        ({"relatedness": 0.5, "train_examples": 1}, "two dimensions"),
    ],
)
def test_settings_out_of_range_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        dial_tasks(**settings)
