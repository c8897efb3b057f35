"""Lesson 11: each wrong answer is met by its own message."""

import json

from mtl_helpers import exercises
from mtl_helpers.checks.lesson_11 import check_1, check_2, check_3
from mtl_helpers.data import digit_scenes

import pytest
import tensorflow as tf


def expect(said, message):
    """None for a right answer, `...` for one not tried yet, else a part of what the check says."""
    if isinstance(message, str):
        assert message in said
    else:
        assert said is message


OPTIONS = tf.data.Options()


def start(files):
    return tf.data.Dataset.from_tensor_slices(files)


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        (lambda f, d, a: start(f).map(d).cache().shuffle(96).map(a).batch(32).prefetch(2), None),
        (lambda f, d, a: start(f).map(d).cache().map(a).shuffle(96).batch(32).prefetch(tf.data.AUTOTUNE), None),
        (lambda f, d, a: start(f).map(d, num_parallel_calls=2).cache().shuffle(200).map(a).batch(32).prefetch(1), None),
        (lambda f, d, a: start(f).map(d).cache().shuffle(96).map(a).batch(32).prefetch(2).with_options(OPTIONS), None),
        (lambda f, d, a: start(f).map(d).cache().shuffle(96).map(a).batch(32).with_options(OPTIONS), "waits for each"),
        (lambda f, d, a: start(f).batch(32).prefetch(2) and ..., ...),
        (lambda f, d, a: [f], "has to return a `tf.data.Dataset`"),
        (lambda f, d, a: start(f).map(d).cache().shuffle(96).map(a).batch(32).prefetch(2).repeat(), "never ends"),
        (lambda f, d, a: start(f).map(d).cache().shuffle(96).map(a).prefetch(2), "Batches of 32"),
        (lambda f, d, a: start(f).map(d).cache().shuffle(96).map(a).batch(16).prefetch(2), "Batches of 32"),
        (lambda f, d, a: start(f).map(d).cache().shuffle(96).map(a).take(64).batch(32).prefetch(2), "come once"),
        (lambda f, d, a: start(f).map(d).cache().shuffle(96).batch(32).prefetch(2), "Nothing is augmented"),
        (lambda f, d, a: start(f).map(d).map(a).cache().shuffle(96).batch(32).prefetch(2), "same changed images"),
        (lambda f, d, a: start(f).shuffle(96).map(d).map(a).batch(32).prefetch(2), "decoded 192 times"),
        (lambda f, d, a: start(f).cache().map(d).shuffle(96).map(a).batch(32).prefetch(2), "decoded 192 times"),
        (lambda f, d, a: start(f).map(d).cache().map(a).batch(32).prefetch(2), "order of the files"),
        (lambda f, d, a: start(f).shuffle(96).map(d).cache().map(a).batch(32).prefetch(2), "the same order"),
        (
            lambda f, d, a: start(f).map(d).cache().map(a).shuffle(96, reshuffle_each_iteration=False).batch(32).prefetch(2),
            "the same order",
        ),
        (lambda f, d, a: start(f).map(d).cache().map(a).batch(32).shuffle(3).prefetch(2), "stood together"),
        (lambda f, d, a: start(f).map(d).cache().shuffle(10).map(a).batch(32).prefetch(2), "stood together"),
        (lambda f, d, a: start(f).map(d).cache().shuffle(96).map(a).batch(32), "waits for each batch"),
    ],
)  # fmt: skip
def test_the_order_of_a_pipeline(pipeline, message):
    expect(check_1(pipeline), message)


def test_a_pipeline_that_works_on_batches_is_told_so():
    said = exercises.check(
        "11.1", lambda f, d, a: start(f).batch(32).map(d).cache().shuffle(9).map(a).prefetch(2)
    )
    assert said.status == "wrong" and "decode takes one file, but a whole batch came" in said.message
    assert "A function is expected" in check_1(start([1]))


def sent(plain, parameters, features):
    return {"plain sum": plain, "balanced on parameters": parameters, "balanced on features": features}


RIGHT = sent(6.48, 48.48, 6.480384)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (RIGHT, None),
        (sent(6.5, 48.5, 6.5), None),
        ([6.48, 48.48, 6.48], "three entries"),
        ({name: value / 1.5 for name, value in RIGHT.items()}, "The ring's factor"),
        ({name: value / 4 for name, value in RIGHT.items()}, "each takes four bytes"),
        ({name: value * 1e6 for name, value in RIGHT.items()}, "These are bytes"),
        ({name: value * 1e6 / 2**20 for name, value in RIGHT.items()}, "These are MiB"),
        ({name: value * 4 for name, value in RIGHT.items()}, "what all workers send together"),
        ({name: value * 2 for name, value in RIGHT.items()}, "both ways"),
        (sent(48.48, 48.48, 6.48), "added up before"),
        (sent(6.0, 48.48, 6.48), "The heads are missing"),
        (sent(1.0, 48.48, 6.48), "Begin with the plain sum"),
        (sent(6.48, 51.84, 6.48), "reaches its own head alone"),
        (sent(6.48, 6.48, 6.48), "goes 8 times"),
        (sent(6.48, 20.0, 6.48), "trunk's gradient is sent once for each task"),
        (sent(6.48, 48.48, 48.48), "an example's features live on one worker"),
    ],
)
def test_what_is_sent(answer, message):
    expect(check_2(answer), message)


IMAGES = digit_scenes(train=2048, validation=500, test=1000).test.inputs["image"][:3]


def body(**request):
    return json.dumps(request)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (body(inputs={"image": IMAGES[:2].tolist()}), None),
        (body(signature_name="serving_default", inputs={"image": IMAGES[:2].tolist()}), None),
        (body(inputs=IMAGES[:2].tolist()), None),  # allowed with one input
        (body(instances=[{"image": image.tolist()} for image in IMAGES[:2]]), None),
        (body(instances=IMAGES[:2].tolist()), None),
        (print, "text itself"),
        ({"inputs": {}}, "turn the dictionary into it"),
        (5, "A text in JSON"),
        (str({"inputs": 1}), "no JSON"),
        (body(image=IMAGES[:2].tolist()), 'key "inputs"'),
        (json.dumps(IMAGES[:2].tolist()), 'key "inputs"'),
        (body(inputs={}, instances=[]), "not both"),
        (body(signature_name="predict", inputs=IMAGES[:2].tolist()), "The signature is"),
        (body(instances={"image": 1}), "a list is expected"),
        (body(instances=[]), "a list is expected"),
        (body(inputs={"images": IMAGES[:2].tolist()}), 'is named "image"'),
        (body(inputs={"image": str(IMAGES[:2])}), "no numbers"),
        (body(inputs={"image": IMAGES[0].tolist()}), "One image alone"),
        (body(inputs={"image": IMAGES.tolist()}), "Two images"),
        (body(inputs={"image": (255 * IMAGES[:2]).tolist()}), "up to 255"),
        (body(inputs={"image": IMAGES[1:3].tolist()}), "other images"),
    ],
)
def test_a_request_to_a_server(answer, message):
    expect(check_3(answer), message)
