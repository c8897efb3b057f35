"""What lesson 04 writes out is what the helpers do."""

import ast

from mtl_helpers import scene_network as helper
from mtl_helpers.data import digit_scenes
from mtl_helpers.evaluation import box_iou, mask_iou
from tools import lessons

import keras
import numpy as np
import pytest
from IPython.core.inputtransformer2 import TransformerManager


@pytest.fixture(scope="module")
def lesson():
    """The imports and functions of the lesson."""
    sources = [
        TransformerManager().transform_cell(cell.source)
        for cell in lessons.read(lessons.find(["04"])[0]).cells
        if cell.cell_type == "code" and not {"exercise", "solution"} & set(lessons.tags(cell))
    ]
    definitions = [
        node
        for source in sources
        for node in ast.parse(source).body
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef))
    ]
    names: dict = {}
    exec(compile(ast.Module(definitions, []), "lesson 04", "exec"), names)
    return names


def description(network):
    """What decides a network's function and its training, but not the names that Keras numbers."""
    return [
        (type(layer).__name__, layer.name, layer.output.shape, layer.count_params())
        for layer in network.layers
    ]


def test_network_is_the_helpers(lesson):
    ours, theirs = lesson["scene_network"](lesson["scene_tasks"]()), helper.scene_network()
    assert description(ours) == description(theirs)
    ours.set_weights(theirs.get_weights())
    images = digit_scenes(8, 1, 1, seed=3).train.inputs
    predictions = ours.predict(images, verbose=0), theirs.predict(images, verbose=0)
    for task in helper.scene_tasks():
        np.testing.assert_allclose(predictions[0][task.name], predictions[1][task.name], atol=1e-6)


def test_tasks_are_the_helpers(lesson):
    ours, theirs = lesson["scene_tasks"](), helper.scene_tasks()
    for our, their in zip(ours, theirs, strict=True):
        assert (our.name, our.loss, our.higher_is_better) == (their.name, their.loss, their.higher_is_better)
        metrics = [[metric if isinstance(metric, str) else metric.get_config() for metric in task.metrics]
                   for task in (our, their)]  # fmt: skip
        assert metrics[0] == metrics[1]


def test_box_iou_is_the_lessons(lesson):
    rng = np.random.default_rng(0)
    boxes = rng.uniform(size=(2, 200, 4)).astype("float32")  # some of them empty
    by_hand = []
    for true, predicted in zip(*boxes, strict=True):
        union = lesson["area"](true) + lesson["area"](predicted)
        by_hand.append(lesson["iou"](true, predicted) if union else 0.0)
    np.testing.assert_allclose(by_hand, box_iou(*boxes), atol=1e-6)
    np.testing.assert_allclose(helper.box_overlap(*boxes), box_iou(*boxes), atol=1e-5)


def test_mask_overlap_is_mask_iou():
    rng = np.random.default_rng(0)
    true = (rng.uniform(size=(50, 6, 6, 1)) > 0.6).astype("float32")
    predicted = rng.uniform(size=true.shape).astype("float32")
    np.testing.assert_allclose(helper.mask_overlap(true, predicted), mask_iou(true, predicted), atol=1e-6)


@pytest.mark.slow
def test_stored_weights_fit_and_were_trained():
    network = helper.scene_network()
    network.load_weights(lessons.NOTEBOOKS / "results" / "04_three_tasks_one_image.weights.h5")
    validation = digit_scenes().validation
    predicted = network.predict(validation.inputs, batch_size=500, verbose=0)
    assert np.mean(predicted["digit"].argmax(axis=1) == validation.targets["digit"]) > 0.9
    assert box_iou(validation.targets["box"], predicted["box"]).mean() > 0.75
    assert mask_iou(validation.targets["mask"], predicted["mask"]).mean() > 0.87
    keras.backend.clear_session()
