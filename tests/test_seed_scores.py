"""Accuracy by seed: each network is judged on the examples of its own seed."""

from mtl_helpers.seed_scores import score_rows, seed_accuracies
from mtl_helpers.seeds import SeedRuns
from mtl_helpers.split import Split

import keras
import numpy as np


def reader(shift: int) -> keras.Model:
    """It answers the class that its input shows, plus `shift`, from three."""
    x = keras.Input((3,), name="x")
    head = keras.layers.Dense(3, name="kind")
    model = keras.Model({"x": x}, {"kind": head(x)})
    head.set_weights([np.roll(np.eye(3), shift, axis=1), np.zeros(3)])
    return model


def test_each_seed_has_its_own_network_inputs_and_targets():
    runs = SeedRuns((0, 1), {}, None, 0.0, [reader(0), reader(1)])
    shown = [np.array([0, 0, 1, 2]), np.array([2, 1, 1, 0])]
    right = [np.array([0, 0, 1, 1]), np.array([0, 2, 2, 1])]
    splits = [
        Split({"x": np.eye(3)[kinds]}, {"kind": targets, "more": targets})
        for kinds, targets in zip(shown, right, strict=True)
    ]
    found = seed_accuracies(runs, splits)
    assert list(found) == ["kind"]
    np.testing.assert_allclose(found["kind"], [0.75, 1.0])


def test_a_row_for_each_task_and_none_for_losses():
    scores = {"loss": 1.0, "box_loss": 0.1, "box_iou": 0.81239, "digit_accuracy": 0.95, "digit_loss": 0.3}
    rows = score_rows("shared", 3, scores, 12.345)
    assert list(rows.columns) == ["network", "seed", "task", "score", "seconds"]
    assert rows.to_numpy().tolist() == [
        ["shared", 3, "box", 0.8124, 12.3],
        ["shared", 3, "digit", 0.95, 12.3],
    ]
