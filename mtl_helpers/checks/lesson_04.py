"""The checks of lesson 04: three tasks on one image."""

from collections.abc import Callable
from typing import Any

from mtl_helpers.data import Split, digit_scenes
from mtl_helpers.exercises import LESSONS
from mtl_helpers.graph import last_activation, made_from
from mtl_helpers.scene_network import scene_network
from mtl_helpers.tasks import Task
from mtl_helpers.validation import loss_kind

import keras
import numpy as np
import tensorflow as tf

WEIGHTS = LESSONS / "results" / "04_three_tasks_one_image.weights.h5"
EXAMPLES, BATCH = 1000, 64


def check_1(iou: float) -> str | None:
    """The IoU of a box and the same box, half its width too far to the right."""
    iou = float(iou)
    messages = {
        1 / 3: None,
        1 / 2: "That is the intersection over ONE of the boxes. The union is larger: one and a half boxes.",
        1 / 4: "You divided the half box by two boxes. Their common half counts only once in the union.",
        2 / 3: "That is one box over the union. The intersection is half a box.",
        3 / 4: "That is the union over two boxes. The intersection is half a box, the union one and a half.",
        3: "That is the union over the intersection. Turn it round.",
        1.5: "That is the union, in boxes. Divide the intersection, half a box, by it.",
        0: "The boxes still share half of their area, so the intersection is not empty.",
        1: "Only equal boxes reach 1.",
    }
    for value, message in messages.items():
        if abs(iou - value) < 0.006:
            return message
    if iou > 1:
        if iou > 10:
            return "IoU is a number from 0 to 1, not per cent."
        return "IoU is never above 1: what both boxes cover is part of what they cover together."
    return "Draw both boxes. How much area do they have in common, and how much do they cover together?"


def check_2(training_batches: Callable[[tf.data.Dataset, tf.data.Dataset], tf.data.Dataset]) -> Any:
    """A pipeline from two datasets, of images and of labels, that joins, shuffles and batches them."""
    numbers = np.arange(EXAMPLES, dtype="float32")  # each image and each label bears its number
    images = tf.data.Dataset.from_tensor_slices(
        {"image": numbers[:, None, None, None] * np.ones((1, 2, 2, 1), "f")}
    )
    labels = tf.data.Dataset.from_tensor_slices(
        {"digit": (numbers // 100).astype("int32"), "box": numbers[:, None]}
    )
    try:
        batches = training_batches(images, labels)
    except ValueError as error:
        if "Slicing dataset" in str(error):
            return "`images` and `labels` are datasets already. Join them with `tf.data.Dataset.zip((images, labels))`."
        raise
    if batches is ...:
        return ...
    if batches is None:
        return "Your function returns None. Is the `return` missing?"
    if not isinstance(batches, tf.data.Dataset):
        return f"Your function should return a tf.data.Dataset, but it returns {type(batches).__name__}."
    if int(batches.cardinality()) == tf.data.INFINITE_CARDINALITY:
        return "Your dataset never ends: leave out `repeat`, `fit` begins each epoch by itself."
    spec = batches.element_spec
    if not (isinstance(spec, tuple) and len(spec) == 2 and all(isinstance(part, dict) for part in spec)):
        return (
            "An element should be a pair (inputs, targets) of two dictionaries. `tf.data.Dataset.zip((images, labels))` "
            "makes such pairs."
        )
    if set(spec[0]) != {"image"}:
        return "The first part of each pair should be the images, the second the labels. Are they the wrong way round?"
    if spec[0]["image"].shape.rank == 3:
        return "The elements are single scenes. `batch` is missing."
    if spec[0]["image"].shape.rank != 4:
        return "The images have too many axes. Was `batch` called twice?"
    if tuple(spec[0]["image"].shape[1:]) != (2, 2, 1):
        return "Your function uses other data than it is given. Use its arguments, `images` and `labels`."
    first, second = _numbers(batches), _numbers(batches)
    images_seen, labels_seen = (np.concatenate([part[side] for part in first]) for side in (0, 1))
    if not np.isin(images_seen, numbers).all():
        return "The images were changed on the way. Leave out `map` here."
    if len(images_seen) != len(labels_seen) or (images_seen != labels_seen).any():
        wrong = np.mean(images_seen[: len(labels_seen)] != labels_seen[: len(images_seen)])
        return (
            f"{wrong:.0%} of the images have the label of another image! They were shuffled apart. Zip them first, then "
            "shuffle the pairs."
        )
    largest = max(len(part[0]) for part in first)  # the last batch of an epoch is smaller
    if largest != BATCH:
        return f"A batch should hold {BATCH} scenes, but it holds {largest}."
    if len(images_seen) > EXAMPLES:
        return "Some scenes come twice in one epoch. Leave out `repeat`: `fit` begins each epoch by itself."
    if len(np.unique(images_seen)) < EXAMPLES:
        return (
            f"{EXAMPLES - len(np.unique(images_seen))} of {EXAMPLES} scenes never come: is it `drop_remainder=True`, or "
            "`take`?"
        )
    if (images_seen == numbers).all():
        return (
            "The scenes come in the order in which they are stored: first all zeros, then all ones. Shuffle them. "
            "(`shuffle` returns a new dataset, and leaves the old one as it is.)"
        )
    # From one scene to the next it is about 0.3 of all, if they are mixed well.
    if np.median(np.abs(np.diff(images_seen))) < 2:
        return (
            "Each batch holds 64 neighbours, so its digits are alike: whole batches were shuffled. Shuffle before "
            "you batch."
        )
    if np.mean(np.abs(np.argsort(images_seen) - numbers)) < EXAMPLES / 5:  # a third of it, if mixed well
        return (
            "The scenes moved only a little from their places, and in sorted data neighbours are alike. The buffer of "
            f"`shuffle` should hold all scenes: shuffle({EXAMPLES}) here, or `len(images)`."
        )
    if (images_seen == np.concatenate([part[0] for part in second])).all():
        return "Every epoch has the same order. Leave out `reshuffle_each_iteration=False`, or a `cache` after `shuffle`."
    return None


def _numbers(batches: tf.data.Dataset) -> list[tuple[np.ndarray, np.ndarray]]:
    return [
        (inputs["image"].numpy()[:, 0, 0, 0], targets["box"].numpy()[:, 0])
        for inputs, targets in batches.take(10 * EXAMPLES)
    ]


def check_3(width_task: Task) -> Any:
    """A fourth task on the scenes: the width of the digit; its head is trained here on the stored encoder."""
    if isinstance(width_task, type) or not isinstance(width_task, Task):
        return f'A Task is expected, Task("width", width_head, …), but {type(width_task).__name__} was given.'
    if width_task.name != "width":
        return f'The task should be named "width", but its name is "{width_task.name}".'
    network = scene_network()
    network.load_weights(WEIGHTS)
    encoder = keras.Model(network.input, _features(network))
    features = {name: keras.Input(tensor.shape[1:], name=name) for name, tensor in encoder.output.items()}
    keras.utils.set_random_seed(0)  # the same answer is judged the same every time
    output = width_task.head(features)
    if output is ...:
        return ...
    if output is None:
        return "The head returns None. Is the `return` missing?"
    if not isinstance(output, keras.KerasTensor):
        return "The head should return what its last layer gives for the features."
    if not made_from(output)[1]:
        return "The head returns a tensor that no layer made. Call a layer on the features, and return what it gives."
    if tuple(output.shape) != (None, 1):
        if len(output.shape) > 2:
            return (
                f"The head's output has the shape {output.shape}: a number for every place of a map. Flatten or pool the "
                "features first; one number for each scene is wanted, (None, 1)."
            )
        return f"One number for each scene is wanted, shape (None, 1), but the head gives {output.shape}."
    if last_activation(output) == "softmax":
        return "A softmax over one unit is always 1. A width is a number: no activation, or a sigmoid for 0 to 1."
    kind = loss_kind(width_task.loss)
    if kind not in ("numbers", "unknown"):
        return "The width is a number between 0 and 1, not a class: use a loss for numbers, such as 'mse' or 'mae'."
    if not width_task.metrics:
        return "The task has no metric to report. Give it metrics=['mae']."
    if width_task.higher_is_better:
        return "Which is better, a high error or a low one? Set higher_is_better=False."
    error, trivial = _width_errors(encoder, keras.Model(features, output), width_task)
    if not error < 0.7 * trivial:
        return (
            f"After training, the mean error of your head is {error:.3f}; always answering the mean width gives "
            f"{trivial:.3f}. Build it like `box_head`, from the coarse features, with a hidden layer: then the error "
            "falls below 0.7 of that."
        )
    return None


def _features(network: keras.Model) -> dict[str, Any]:
    return {
        "image": network.input["image"],
        "fine": network.get_layer("encoder_1_relu").output,
        "coarse": network.get_layer("encoder_4_relu").output,
    }


def _width_errors(encoder: keras.Model, head: keras.Model, task: Task) -> tuple[float, float]:
    """Mean absolute error on validation scenes of the head, trained here, and of the mean width."""
    scenes = digit_scenes(1500, 500, 1)
    train, validation = scenes.train, scenes.validation
    head.compile(keras.optimizers.Adam(1e-3), loss=task.loss)
    # The encoder stays as it is, so its features are computed once.
    features = _encoded(encoder, train.inputs["image"])
    head.fit(features, _widths(train), epochs=15, batch_size=50, verbose=0)
    predicted = np.asarray(head(_encoded(encoder, validation.inputs["image"]), training=False))
    truth = _widths(validation)
    return float(np.abs(predicted - truth).mean()), float(np.abs(_widths(train).mean() - truth).mean())


def _widths(split: Split) -> np.ndarray:
    return split.targets["box"][:, 2:3] - split.targets["box"][:, :1]


def _encoded(encoder: Any, images: np.ndarray) -> dict[str, np.ndarray]:
    """The features of all images, a part at a time to save memory.

    `predict` would do the same, but warns of retracing when a check is used again and again.
    """
    parts = [
        encoder({"image": images[start : start + 250]}, training=False)
        for start in range(0, len(images), 250)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
