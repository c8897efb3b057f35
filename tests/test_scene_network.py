"""The network of the image lessons: it builds for every choice of tasks, trains, and is saved and loaded."""

import itertools

from mtl_helpers import evaluation
from mtl_helpers.data import digit_scenes
from mtl_helpers.scene_network import box_overlap, mask_overlap, scene_network, scene_tasks

import keras
import numpy as np
import pytest

NAMES = ("digit", "box", "mask")
SHAPES = {"digit": (None, 10), "box": (None, 4), "mask": (None, 28, 28, 1)}
SCENES = digit_scenes(64, 1, 1).train


def compiled(tasks):
    keras.utils.set_random_seed(0)
    network = scene_network(tasks)
    network.compile(
        "adam",
        loss={task.name: task.loss for task in tasks},
        metrics={task.name: list(task.metrics) for task in tasks},
    )
    return network


def chosen(names):
    return [task for task in scene_tasks() if task.name in names]


def targets(names):
    return {name: SCENES.targets[name] for name in names}


@pytest.mark.parametrize(
    "names", [names for count in (1, 2, 3) for names in itertools.combinations(NAMES, count)]
)
def test_every_choice_of_tasks_builds(names):
    network = compiled(chosen(names))
    assert network.task_names == names
    assert {name: head.shape for name, head in network.output.items()} == {n: SHAPES[n] for n in names}
    assert list(network.input) == ["image"] and network.input["image"].shape == (None, 28, 28, 1)


def test_heads_share_the_encoder_and_nothing_else():
    weights = {}
    for names in [*([name] for name in NAMES), NAMES]:
        weights[tuple(names)] = {v.path: v.shape for v in scene_network(chosen(names)).trainable_variables}
    everything = weights[NAMES]
    shared = {path for path in everything if path.startswith("encoder")}
    assert len(shared) == 4 * 3  # each a kernel, and scale and shift of the normalisation
    heads = [set(weights[name,]) - shared for name in NAMES]
    for name, head in zip(NAMES, heads, strict=True):
        assert shared < set(weights[name,])
        assert head and all(path.startswith(f"{name}_") or path.startswith(f"{name}/") for path in head)
    assert set(everything) == shared | set().union(*heads)
    parameters = sum(int(np.prod(shape)) for shape in everything.values())
    assert 100_000 < parameters < 250_000 and len(everything) == 29


def test_every_layer_with_weights_is_named_after_its_part():
    for layer in scene_network().layers:
        if layer.weights:
            assert layer.name.split("_")[0] in ("encoder", *NAMES), layer.name


def test_another_size_builds_and_keeps_the_size_of_the_mask():
    assert scene_network(size=40).output["mask"].shape == (None, 40, 40, 1)


def test_the_metrics_are_the_overlaps_of_the_evaluation():
    rng = np.random.default_rng(0)
    true, predicted = (np.sort(rng.random((50, 2, 2)), axis=1).reshape(50, 4) for _ in range(2))
    predicted[:5] = predicted[:5, [2, 3, 0, 1]]  # empty boxes
    expected = evaluation.box_iou(true, predicted)
    np.testing.assert_allclose(box_overlap(true, predicted), expected, atol=1e-6)
    masks, guesses = SCENES.targets["mask"], rng.random(SCENES.targets["mask"].shape).astype("float32")
    np.testing.assert_allclose(mask_overlap(masks, guesses), evaluation.mask_iou(masks, guesses), atol=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("error:Skipping")
def test_training_lowers_each_loss_and_a_loaded_network_predicts_the_same(tmp_path):
    network, image = compiled(scene_tasks()), {"image": SCENES.inputs["image"]}
    log = network.fit(image, targets(NAMES), epochs=8, batch_size=16, verbose=0).history
    assert set(log) == {"loss", "digit_accuracy", "box_iou", "mask_iou", *(f"{name}_loss" for name in NAMES)}
    assert all(log[f"{name}_loss"][-1] < 0.9 * log[f"{name}_loss"][0] for name in NAMES)

    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    # As the lessons do with the weights that are stored: those of the network alone, without an optimizer.
    keras.Model(network.inputs, network.outputs).save_weights(tmp_path / "network.weights.h5")
    keras.utils.set_random_seed(1)
    rebuilt = scene_network()
    rebuilt.load_weights(tmp_path / "network.weights.h5")
    predictions = network(image)
    for again in (loaded, rebuilt):
        for name, values in again(image).items():
            np.testing.assert_array_equal(values, predictions[name])
    assert {metric.name for metric in loaded.metrics} == {metric.name for metric in network.metrics}
