"""The network: shapes of its heads, what they share, what is refused."""

from pathlib import Path
from typing import Any

from pets import data, network

import keras
import numpy as np
import pytest

SMALL: dict[str, Any] = {"size": 64, "backbone": "MobileNetV3Small"}


@pytest.mark.parametrize("backbone", network.BACKBONES)
def test_heads_have_the_shape_of_their_targets(backbone: str) -> None:
    model = network.pet_network(network.pet_tasks(data.TASKS), size=96, backbone=backbone)
    shapes = {task: output.shape for task, output in model.output.items()}
    assert shapes == {"breed": (None, 37), "head_box": (None, 4), "mask": (None, 96, 96, 1)}


def test_answers_are_probabilities_and_edges() -> None:
    model = network.pet_network(network.pet_tasks(data.TASKS), **SMALL)
    answers = model.predict({"image": np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3))}, verbose=0)
    np.testing.assert_allclose(answers["breed"].sum(axis=1), 1, rtol=1e-5)
    for answer in answers.values():
        assert answer.dtype == np.float32 and answer.min() >= 0 and answer.max() <= 1


def test_the_encoder_is_shared_and_nothing_else() -> None:
    shared = network.pet_network(network.pet_tasks(data.TASKS), **SMALL)
    image = keras.Input((64, 64, 3))
    encoder = keras.Model(image, network.encoder(image, "MobileNetV3Small", None)[32])
    own = {"breed": 2, "head_box": 6}  # variables of the heads
    table = shared.shared_table()
    assert table["shared"].sum() == len(encoder.trainable_variables)
    alone = {
        task: network.pet_network(network.pet_tasks([task]), **SMALL).count_params() for task in data.TASKS
    }
    heads = {task: count - encoder.count_params() for task, count in alone.items()}
    assert shared.count_params() == encoder.count_params() + sum(heads.values())
    assert heads["breed"] == (576 + 1) * 37
    for task, count in own.items():
        model = network.pet_network(network.pet_tasks([task]), **SMALL)
        assert len(model.trainable_variables) == len(encoder.trainable_variables) + count


def test_features_have_every_size() -> None:
    features = network.encoder(keras.Input((128, 128, 3)), "EfficientNetV2B0", None)
    assert {step: feature.shape[1:3] for step, feature in features.items()} == {
        step: (128 // step, 128 // step) for step in network.STEPS
    }


def test_missing_labels_do_not_count() -> None:
    model = network.pet_network(network.pet_tasks(data.TASKS), **SMALL)
    model.compile(
        loss={task.name: task.loss for task in network.pet_tasks(data.TASKS)},
        metrics={task.name: list(task.metrics) for task in network.pet_tasks(data.TASKS)},
    )
    generator = np.random.default_rng(0)
    inputs = {"image": generator.uniform(0, 255, (4, 64, 64, 3)).astype("float32")}
    mask = generator.integers(0, 2, (4, 64, 64, 1)).astype("float32")
    mask[:, :9] = -1
    boxes = np.array([[0.1, 0.1, 0.6, 0.5]] * 4, "float32")
    boxes[1:] = np.nan
    targets = {"breed": np.arange(4, dtype="int32"), "head_box": boxes, "mask": mask}
    found = model.evaluate(inputs, targets, verbose=0, return_dict=True)
    answers = model.predict(inputs, verbose=0)
    np.testing.assert_allclose(
        found["head_box_loss"], np.abs(answers["head_box"][0] - boxes[0]).mean(), rtol=1e-4
    )
    known, pet = mask[:, 9:] == 1, answers["mask"][:, 9:] > 0.5
    np.testing.assert_allclose(found["mask_iou"], (known & pet).sum() / (known | pet).sum(), rtol=1e-4)


def test_weights_of_a_file_are_taken(tmp_path: Path) -> None:
    image = keras.Input((64, 64, 3))
    backbone = keras.applications.MobileNetV3Small(include_top=False, input_tensor=image, weights=None)
    backbone.save_weights(tmp_path / "encoder.weights.h5")
    model = network.pet_network(
        network.pet_tasks(["breed"]), **SMALL, weights=tmp_path / "encoder.weights.h5"
    )
    np.testing.assert_array_equal(
        model.get_layer("conv").get_weights()[0], backbone.get_layer("conv").get_weights()[0]
    )
    other = network.pet_network(network.pet_tasks(["breed"]), **SMALL)
    assert (other.get_layer("conv").get_weights()[0] != backbone.get_layer("conv").get_weights()[0]).any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 100}, "multiple of 32, from 64, is expected, but 100"),
        ({"size": 32}, "but 32 was given"),
        ({"backbone": "ResNet"}, "One of EfficientNetV2B0, .* is expected as backbone, but 'ResNet'"),
        ({"weights": "no_such.h5"}, "no file 'no_such.h5'"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        network.pet_network(network.pet_tasks(["breed"]), **{**SMALL, **changes})
