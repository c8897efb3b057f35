"""One encoder from `keras.applications`, and heads for breed, head box and mask."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mtl_helpers.scene_network import box_overlap, convolution
from mtl_helpers.tasks import Task
from mtl_helpers.training import MultiTaskModel
from mtl_helpers.weighting import Weighting
from pets.data import BREEDS, MISSING

import keras
from keras import layers

# Each scales its photographs itself, from 0 to 255.
BACKBONES = {
    "EfficientNetV2B0": keras.applications.EfficientNetV2B0,
    "MobileNetV3Large": keras.applications.MobileNetV3Large,
    "MobileNetV3Small": keras.applications.MobileNetV3Small,
}
STEPS = (2, 4, 8, 16, 32)  # how many times smaller than the photograph an encoder's features are
MASK_CHANNELS = {16: 128, 8: 64, 4: 48, 2: 32}  # of the mask head, on its way back to the photograph's size
SMALLEST = 64  # pixels: below, the coarsest features have a single place

Features = dict[int, Any]  # by step: tensors of shape (photographs, size / step, size / step, channels)


def encoder(image: Any, backbone: str, weights: str | Path | None) -> Features:
    """The shared part. Its features at a step are the last ones that the backbone has in that size."""
    size = image.shape[1]
    network = BACKBONES[backbone](
        include_top=False, input_tensor=image, weights=None if weights is None else str(weights)
    )
    features: Features = {}
    for layer in network.layers:
        shape = layer.output.shape
        if len(shape) == 4 and shape[1] * max(STEPS) >= size and size % shape[1] == 0:
            features[size // shape[1]] = layer.output
    return {step: features[step] for step in STEPS}


def breed_head(features: Features) -> Any:
    """Which breed: the mean over all places, then 37 probabilities."""
    x = layers.GlobalAveragePooling2D(name="breed_pool")(features[32])
    x = layers.Dropout(0.3, name="breed_dropout")(x)
    return layers.Dense(BREEDS, activation="softmax", dtype="float32", name="breed")(x)


def head_box_head(features: Features) -> Any:
    """Where the head is: every place counts, so few channels of each; then four edges between 0 and 1."""
    x = layers.Conv2D(64, 1, activation="relu", name="head_box_channels")(features[32])
    x = layers.Flatten(name="head_box_flatten")(x)
    x = layers.Dense(128, activation="relu", name="head_box_hidden")(x)
    return layers.Dense(4, activation="sigmoid", dtype="float32", name="head_box")(x)


def mask_head(features: Features) -> Any:
    """Which pixels: back to half the size, with finer features joined in on the way; the rest is enlarged smoothly."""
    x = features[32]
    for step, channels in MASK_CHANNELS.items():
        x = layers.Conv2DTranspose(channels, 2, strides=2, activation="relu", name=f"mask_up_{step}")(x)
        skip = layers.Conv2D(channels, 1, name=f"mask_channels_{step}")(features[step])
        x = layers.Concatenate(name=f"mask_skip_{step}")([x, skip])
        x = convolution(x, channels, f"mask_hidden_{step}")
    x = layers.Conv2D(1, 3, padding="same", dtype="float32", name="mask_half")(x)
    x = layers.UpSampling2D(2, interpolation="bilinear", dtype="float32", name="mask_enlarge")(x)
    return layers.Activation("sigmoid", dtype="float32", name="mask")(x)


def pet_tasks(names: Iterable[str]) -> list[Task]:
    """The tasks with these names. Each call makes new metrics.

    The IoU of masks is over all known pixels of a part at once, so a large pet counts more than a small one.
    """
    box_iou = keras.metrics.MeanMetricWrapper(box_overlap, name="iou")
    mask_iou = keras.metrics.BinaryIoU(target_class_ids=[1], threshold=0.5, name="iou")
    tasks = [
        Task("breed", breed_head, "sparse_categorical_crossentropy", ["accuracy"]),
        Task("head_box", head_box_head, "mae", [box_iou]),
        Task("mask", mask_head, "binary_crossentropy", [mask_iou]),
    ]
    return [task for task in tasks if task.name in set(names)]


def pet_network(
    tasks: list[Task],
    *,
    size: int = 224,
    backbone: str = "EfficientNetV2B0",
    weights: str | Path | None = None,
    weighting: Weighting | None = None,
) -> MultiTaskModel:
    """An untrained network of one encoder with a head for each of the tasks.

    size:    height and width of photographs, in pixels; a multiple of 32, from 64
    weights: of the encoder: None, "imagenet" (downloaded by Keras, once) or a file for the backbone without its top
    Raises ValueError for a size that does not fit, and for a backbone or a file that does not exist.
    """
    if size % max(STEPS) or size < SMALLEST:
        raise ValueError(
            f"A size that is a multiple of {max(STEPS)}, from {SMALLEST}, is expected, but {size} was given. "
            "Use 224, or 160 to be faster."
        )
    if backbone not in BACKBONES:
        raise ValueError(
            f"One of {', '.join(BACKBONES)} is expected as backbone, but {backbone!r} was given. Name one of these."
        )
    if weights not in (None, "imagenet") and not Path(weights).is_file():
        raise ValueError(
            f"None, 'imagenet' or a file is expected as weights, but there is no file '{weights}'. Check the path."
        )
    image = keras.Input((size, size, 3), name="image")
    features = encoder(image, backbone, weights)
    return MultiTaskModel(
        {"image": image},
        {task.name: task.head(features) for task in tasks},
        weighting=weighting,
        missing={task.name: MISSING[task.name] for task in tasks if task.name in MISSING},
    )
