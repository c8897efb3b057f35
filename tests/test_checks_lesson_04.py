"""The checks of lesson 04, with answers that learners really give."""

from mtl_helpers import exercises
from mtl_helpers.scene_network import box_head
from mtl_helpers.tasks import Task

import pytest
import tensorflow as tf
from keras import layers


def said(exercise, answer):
    result = exercises.check(exercise, answer)
    return result.status, result.message


@pytest.mark.parametrize("answer", [1 / 3, 0.333, 0.33, "0.33"])
def test_iou_right(answer):
    assert said("04.1", answer)[0] == "right"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (0.5, "over ONE of the boxes"),
        (0.25, "counts only once"),
        (2 / 3, "The intersection is half"),
        (0.75, "the union over two boxes"),
        (1.5, "That is the union"),
        (0, "still share half"),
        (1, "Only equal boxes"),
        (33, "not per cent"),
        (3, "Turn it round"),
        (2, "never above 1"),
        (0.9, "Draw both boxes"),
        ("a third", "could not use"),
    ],
)
def test_iou_wrong(answer, message):
    status, text = said("04.1", answer)
    assert status == "wrong" and message in text


def zipped(images, labels):
    return tf.data.Dataset.zip((images, labels))


def test_pipeline_right():
    def good(images, labels):
        return zipped(images, labels).shuffle(len(images)).batch(64).prefetch(tf.data.AUTOTUNE)

    assert said("04.2", good)[0] == "right"
    assert said("04.2", lambda i, x: zipped(i, x).shuffle(5000).batch(64))[0] == "right"  # tf.data prefetches
    # Shuffled apart, but in the same order: it works.
    apart = lambda i, x: zipped(i.shuffle(1000, seed=1), x.shuffle(1000, seed=1)).batch(64)  # noqa: E731
    assert said("04.2", apart)[0] == "right"


def test_pipeline_not_tried():
    assert said("04.2", lambda images, labels: ...)[0] == "not tried"


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        (lambda i, x: zipped(i.shuffle(1000), x.shuffle(1000)).batch(64), "label of another image"),
        (lambda i, x: zipped(i.shuffle(1000), x).batch(64), "label of another image"),
        (lambda i, x: zipped(i, x).batch(64).shuffle(1000), "64 neighbours"),
        (lambda i, x: zipped(i, x).batch(64).shuffle(1000).unbatch().batch(64), "64 neighbours"),
        (
            lambda i, x: (
                zipped(i, x).map(lambda a, b: ({"image": a["image"] / 255}, b)).shuffle(1000).batch(64)
            ),
            "Leave out `map`",
        ),
        (lambda i, x: tf.data.Dataset.from_tensor_slices((i, x)).batch(64), "are datasets already"),
        (
            lambda i, x: zipped(tf.data.Dataset.from_tensors({"image": tf.zeros((28, 28, 1))}), x).batch(64),
            "other data than it is given",
        ),
        (lambda i, x: zipped(i, x).batch(64), "order in which they are stored"),
        (lambda i, x: zipped(i, x).shuffle(64).batch(64), "only a little"),
        (lambda i, x: zipped(i, x).shuffle(1000), "`batch` is missing"),
        (lambda i, x: zipped(i, x).shuffle(1000).batch(64).batch(64), "twice"),
        (lambda i, x: zipped(i, x).shuffle(1000).batch(32), "it holds 32"),
        (lambda i, x: zipped(i, x).shuffle(1000).batch(64, drop_remainder=True), "never come"),
        (lambda i, x: zipped(i, x).shuffle(1000).repeat().batch(64), "never ends"),
        (lambda i, x: zipped(i, x).shuffle(1000).repeat(2).batch(64), "come twice"),
        (
            lambda i, x: zipped(i, x).shuffle(1000, reshuffle_each_iteration=False).batch(64),
            "same order",
        ),
        (lambda i, x: zipped(i, x).shuffle(1000).cache().batch(64), "same order"),
        (lambda i, x: zipped(x, i).shuffle(1000).batch(64), "wrong way round"),
        (lambda i, x: i.shuffle(1000).batch(64), "pair (inputs, targets)"),
        (lambda i, x: None, "`return` missing"),
        (lambda i, x: (i, x), "returns tuple"),
        (lambda i: i, "could not use"),
        (3, "could not use"),
    ],
)
def test_pipeline_wrong(pipeline, message):
    status, text = said("04.2", pipeline)
    assert status == "wrong" and message in text, text


def width_task(head=None, **changes):
    def width_head(features):
        x = layers.Flatten()(features["coarse"])
        return layers.Dense(1, activation="sigmoid")(layers.Dense(32, activation="relu")(x))

    parts = {"name": "width", "loss": "mae", "metrics": ["mae"], "higher_is_better": False, **changes}
    return Task(head=head or width_head, **parts)


@pytest.mark.slow
def test_task_right():
    assert said("04.3", width_task()) == ("right", "Right.")
    assert said("04.3", width_task(loss="mse"))[0] == "right"


def test_task_not_tried():
    assert said("04.3", ...)[0] == "not tried"
    assert said("04.3", width_task(lambda features: ...))[0] == "not tried"


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (Task, "A Task is expected"),
        ("width", "A Task is expected"),
        (width_task(name="height"), 'its name is "height"'),
        (width_task(lambda features: None), "`return` missing"),
        (width_task(lambda features: features), "what its last layer gives"),
        (width_task(lambda features: features["coarse"]), "no layer made"),
        (width_task(box_head), "One number for each scene"),
        (width_task(lambda features: layers.Dense(1)(features["coarse"])), "every place of a map"),
        (
            width_task(lambda features: layers.Dense(1, "softmax")(layers.Flatten()(features["coarse"]))),
            "always 1",
        ),
        (width_task(loss="binary_crossentropy"), "not a class"),
        (width_task(metrics=[]), "no metric"),
        (width_task(higher_is_better=True), "higher_is_better=False"),
        (width_task(lambda features: layers.Dense(1)(features["medium"])), "could not use"),
    ],
)
def test_task_wrong(task, message):
    status, text = said("04.3", task)
    assert status == "wrong" and message in text, text


@pytest.mark.slow
@pytest.mark.parametrize(
    "head",
    [
        lambda features: layers.Dense(1)(layers.GlobalAveragePooling2D()(features["coarse"])),
        lambda features: layers.Dense(1, activation="relu")(layers.Flatten()(features["image"])),
    ],
    ids=["no hidden layer", "from pixels"],
)
def test_task_that_does_not_learn(head):
    status, text = said("04.3", width_task(head))
    assert status == "wrong" and "always answering the mean width" in text
