"""The network of the lessons on two digits: one small encoder, and a head for each digit.

It is quick, so that lessons can train it dozens of times; neither batch normalisation nor dropout is in it. After
ten epochs on the 6,000 training images of `data.two_digits`, with Adam(2e-3) and batches of 64 (means of three
seeds; accuracy on validation images of top_left and bottom_right; seconds an epoch on two busy cores):

                 both tasks in one     one network each    both: parameters, seconds
    width=2         .807   .737           .850   .813          2,916      0.2
    width=4         .890   .858           .905   .873          7,300      0.2
    width=8         .916   .906           .921   .907         22,644      0.2
    width=16        .922   .920           .931   .928         79,636      0.3
    width=24        .920   .924           .943   .935        171,700      0.7

Other encoders of about this cost (strides in place of pooling, fewer features, a third convolution) were not clearly
better: a mean of three seeds moves by .01 when only the order of the batches changes.
"""

from typing import Any

from mtl_helpers.tasks import Task
from mtl_helpers.training import MultiTaskModel

import keras
from keras import layers

CLASSES = 10


def encoder(image: Any, width: int) -> Any:
    """The shared part, from an image to one vector of features, (images, 8 · width)."""
    x = layers.Conv2D(width, 5, strides=2, padding="same", activation="relu", name="encoder_1")(image)
    x = layers.Conv2D(2 * width, 3, padding="same", activation="relu", name="encoder_2")(x)
    x = layers.MaxPooling2D(name="encoder_pool")(x)
    x = layers.Flatten(name="encoder_flatten")(x)
    return layers.Dense(8 * width, activation="relu", name="encoder_features")(x)


def digit_head(task: str) -> Any:
    """The head of a task, with layers named after it: from the features to ten probabilities."""

    def head(features: Any) -> Any:
        x = layers.Dense(32, activation="relu", name=f"{task}_hidden")(features)
        return layers.Dense(CLASSES, activation="softmax", name=task)(x)

    return head


def two_digits_tasks() -> list[Task]:
    """The tasks of `data.two_digits`: which digit is at the top left, and which at the bottom right."""
    return [
        Task(name, digit_head(name), "sparse_categorical_crossentropy", ["accuracy"])
        for name in ("top_left", "bottom_right")
    ]


def two_digits_network(
    tasks: list[Task] | None = None,
    weighting: Any = None,
    balancer: Any = None,
    *,
    width: int = 16,
    **options: Any,
) -> MultiTaskModel:
    """An untrained network of one encoder with a head for each of the tasks (default: `two_digits_tasks`).

    width:   the encoder's channels, and with them its features: 8 times as many
    options: what else `MultiTaskModel` takes

    Input: image (images, 18, 18, 1). Outputs: top_left and bottom_right, each (images, 10).
    Raises ValueError for a width that is not a whole number of at least 1, and what `MultiTaskModel` raises.
    """
    if not isinstance(width, int) or width < 1:
        raise ValueError(
            f"width must be a whole number of at least 1, but {width!r} was given. Use 16, or fewer for less capacity."
        )
    image = keras.Input((18, 18, 1), name="image")
    features = encoder(image, width)
    outputs = {task.name: task.head(features) for task in (two_digits_tasks() if tasks is None else tasks)}
    if balancer is not None:
        options["balancer"] = balancer
    return MultiTaskModel({"image": image}, outputs, weighting=weighting, **options)
