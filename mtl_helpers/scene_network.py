"""The network of lesson 04 for later lessons: one encoder, and heads that classify, locate and segment.

Scenes and network were chosen together, so that all three tasks are learned within half a minute on two cores. On
validation scenes, after six epochs (one seed each; accuracy, box IoU, mask IoU, seconds of training):

    scenes as they are by default   .949  .802  .890  27
    clutter=0                       .973  .851  .942  30
    clutter=4                       .929  .795  .867  34
    noise=0.2                       .929  .785  .834  34
    size=36                         .970  .772  .897  48
"""

from typing import Any

from mtl_helpers.tasks import Task
from mtl_helpers.training import MultiTaskModel
from mtl_helpers.weighting import Static

import keras
from keras import layers, ops

Features = dict[str, Any]  # "image", "fine" and "coarse": tensors of shape (scenes, height, width, channels)


def convolution(x: Any, channels: int, name: str, strides: int = 1) -> Any:
    """A 3 × 3 convolution with batch normalisation and ReLU."""
    x = layers.Conv2D(channels, 3, strides=strides, padding="same", use_bias=False, name=name)(x)
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def encoder(image: Any) -> Features:
    """The shared part. A scene of 28 × 28 pixels gives "fine" 14 × 14 × 24 and "coarse" 7 × 7 × 48."""
    fine = convolution(image, 24, "encoder_1", strides=2)
    coarse = convolution(fine, 32, "encoder_2", strides=2)
    coarse = convolution(coarse, 48, "encoder_3")
    coarse = convolution(coarse, 48, "encoder_4")
    return {"image": image, "fine": fine, "coarse": coarse}


def digit_head(features: Features) -> Any:
    """Which digit: the strongest answer of each channel, wherever it is, then ten probabilities."""
    x = layers.GlobalMaxPooling2D(name="digit_pool")(features["coarse"])
    x = layers.Dense(64, activation="relu", name="digit_hidden")(x)
    x = layers.Dropout(0.3, name="digit_dropout")(x)
    return layers.Dense(10, activation="softmax", name="digit")(x)


def box_head(features: Features) -> Any:
    """Where it is: four edges between 0 and 1."""
    x = layers.Flatten(name="box_flatten")(features["coarse"])
    x = layers.Dense(32, activation="relu", name="box_hidden")(x)
    return layers.Dense(4, activation="sigmoid", name="box")(x)


def mask_head(features: Features) -> Any:
    """Which pixels: back to the size of the image, with the finer features joined in on the way."""
    x = layers.Conv2DTranspose(16, 2, strides=2, activation="relu", name="mask_up_1")(features["coarse"])
    x = layers.Concatenate(name="mask_skip_1")([x, features["fine"]])
    x = convolution(x, 16, "mask_hidden")
    x = layers.Conv2DTranspose(4, 2, strides=2, activation="relu", name="mask_up_2")(x)
    x = layers.Concatenate(name="mask_skip_2")([x, features["image"]])
    return layers.Conv2D(1, 3, padding="same", activation="sigmoid", name="mask")(x)


@keras.saving.register_keras_serializable(package="mtl_helpers")
def box_overlap(true: Any, predicted: Any) -> Any:
    """`evaluation.box_iou` for tensors, as a metric during training."""
    corner = ops.maximum(true, predicted)[:, :2]
    opposite = ops.minimum(true, predicted)[:, 2:]
    intersection = _area(corner, opposite)
    union = _area(true[:, :2], true[:, 2:]) + _area(predicted[:, :2], predicted[:, 2:]) - intersection
    return intersection / ops.maximum(union, 1e-9)


@keras.saving.register_keras_serializable(package="mtl_helpers")
def mask_overlap(true: Any, predicted: Any) -> Any:
    """`evaluation.mask_iou` for tensors that hold a mask each, as a metric during training."""
    true, predicted = ops.cast(true > 0.5, "float32"), ops.cast(predicted > 0.5, "float32")
    intersection = ops.sum(true * predicted, axis=(1, 2, 3))
    union = ops.sum(ops.maximum(true, predicted), axis=(1, 2, 3))
    return intersection / ops.maximum(union, 1e-9)


def _area(corner: Any, opposite: Any) -> Any:
    return ops.prod(ops.relu(opposite - corner), axis=1)


def scene_tasks() -> list[Task]:
    """The tasks of `data.digit_scenes`: digit, box and mask. Each call makes new metrics."""
    box_iou = keras.metrics.MeanMetricWrapper(box_overlap, name="iou")
    mask_iou = keras.metrics.MeanMetricWrapper(mask_overlap, name="iou")
    return [
        Task("digit", digit_head, "sparse_categorical_crossentropy", ["accuracy"]),
        Task("box", box_head, "mae", [box_iou]),
        Task("mask", mask_head, "binary_crossentropy", [mask_iou]),
    ]


def scene_network(
    tasks: list[Task] | None = None, size: int = 28, weighting: Static | None = None
) -> MultiTaskModel:
    """An untrained network of one encoder with a head for each of the tasks (default: all of `scene_tasks`).

    Input: image (scenes, size, size, 1); size is a multiple of 4.
    Outputs: digit (scenes, 10), box (scenes, 4), mask (scenes, size, size, 1).
    """
    image = keras.Input((size, size, 1), name="image")
    features = encoder(image)
    outputs = {task.name: task.head(features) for task in (scene_tasks() if tasks is None else tasks)}
    return MultiTaskModel({"image": image}, outputs, weighting=weighting)
