"""The checks of lesson 11: a pipeline in the right order, what workers send each other, a request to a server."""

import functools
import json
from collections.abc import Callable, Mapping
from types import EllipsisType
from typing import Any

from mtl_helpers.data import digit_scenes

import numpy as np
import tensorflow as tf

Answer = str | EllipsisType | None

EXAMPLES = 96  # three batches of 32


def check_1(training_data: Callable) -> Answer:
    """A pipeline that decodes once, shuffles and changes anew in each epoch, and prefetches batches."""
    if not callable(training_data):
        return "A function is expected. Write `exercises.check('11.1', training_data)`, without calling it."
    calls = {"decode": 0, "augment": 0}
    batched: list[str] = []

    def decode(file: tf.Tensor) -> tf.Tensor:
        def count(number: np.ndarray) -> np.ndarray:
            calls["decode"] += 1
            return number.astype("float32")

        if file.shape.rank != 0:
            batched.append("decode takes one file")
        return tf.ensure_shape(tf.numpy_function(count, [file], tf.float32), ())

    def augment(image: tf.Tensor) -> tf.Tensor:
        def change(number: np.ndarray) -> np.float32:
            calls["augment"] += 1
            return np.float32(number + 0.001 * (1 + calls["augment"] % 400))

        if image.shape.rank != 0:
            batched.append("augment takes one image")
        return tf.ensure_shape(tf.numpy_function(change, [image], tf.float32), ())

    try:
        data = training_data(list(range(EXAMPLES)), decode, augment)
    except Exception:  # what came of it, with frames of TensorFlow around
        if not batched:
            raise
    if batched:
        return f"{batched[0]}, but a whole batch came: `batch` stands too early."
    if data is ...:
        return ...
    if not isinstance(data, tf.data.Dataset):
        return "The function has to return a `tf.data.Dataset`: begin with `from_tensor_slices(files)`, and return the end."
    epochs = []
    for _ in range(2):
        batches = [np.asarray(batch) for batch in data.take(2 * EXAMPLES)]
        epochs.append(batches)
    return _which_fault(epochs, calls, data)


def _which_fault(epochs: list[list[np.ndarray]], calls: dict[str, int], data: tf.data.Dataset) -> Answer:
    """What the batches of two epochs show."""
    first, second = (
        np.concatenate([np.atleast_1d(batch).ravel() for batch in batches]) for batches in epochs
    )
    if len(first) > EXAMPLES:
        return "An epoch never ends: leave `repeat` out. `fit` asks for the data again in each epoch."
    if any(batch.ndim != 1 or len(batch) != 32 for batch in epochs[0]):
        return "Batches of 32 examples are expected: `.batch(32)`, once, after everything that works on one example."
    if not np.array_equal(np.sort(first.astype(int)), np.arange(EXAMPLES)):
        return "Each example has to come once in an epoch, but some are missing or come twice."
    if calls["augment"] == 0:
        return "Nothing is augmented: add `.map(augment)`."
    if calls["augment"] == EXAMPLES:
        return (
            "Every epoch shows the same changed images: `augment` ran in the first epoch alone, as `cache` keeps what "
            "comes before it. Chance has to come after `cache`."
        )
    if calls["decode"] > EXAMPLES:
        return (
            f"{EXAMPLES} files were decoded {calls['decode']} times in two epochs. `cache` keeps what comes before it: "
            "put it right after `.map(decode)`."
        )
    first, second = first.astype(int), second.astype(int)
    if np.array_equal(first, np.arange(EXAMPLES)) and np.array_equal(first, second):
        return "The examples come in the order of the files: shuffle them."
    if any(np.ptp(batch.astype(int)) < 32 for batch in epochs[0]) or first[:32].max() < 64:
        return (
            "Batches hold files that stood together: whole batches were shuffled, or the buffer is too small. "
            "Shuffle single examples, with a buffer for all of them."
        )
    if np.array_equal(first, second):
        return (
            "Both epochs have the same order. What stands before `cache` is kept, the order too; and a `shuffle` "
            "with `reshuffle_each_iteration=False` repeats its own. Shuffle after `cache`."
        )
    while "Options" in type(data).__name__:  # with_options does nothing to the examples
        data = data._input_dataset
    if "Prefetch" not in type(data).__name__:
        return "The network still waits for each batch to be made: end with `.prefetch(2)`."
    return None


SENT = ("plain sum", "balanced on parameters", "balanced on features")
TASKS, TRUNK, HEAD, WORKERS = 8, 1_000_000, 10_000, 4


def check_2(megabytes: Mapping[str, float]) -> Answer:
    """What each worker sends in a step, in MB: a ring all-reduce of 32-bit numbers."""
    if not isinstance(megabytes, Mapping) or set(megabytes) != set(SENT):
        return f"A dictionary with the three entries {', '.join(repr(name) for name in SENT)} is expected."
    ring = 4 * 2 * (WORKERS - 1) / WORKERS / 1e6
    heads = TASKS * HEAD
    right = {
        "plain sum": ring * (TRUNK + heads),
        "balanced on parameters": ring * (TASKS * TRUNK + heads),
        "balanced on features": ring * (TRUNK + heads + TASKS**2),
    }
    given = {name: float(megabytes[name]) for name in SENT}
    if all(np.isclose(given[name], right[name], rtol=0.005) for name in SENT):
        return None
    for factor, why in (
        (2 * (WORKERS - 1) / WORKERS, "The ring's factor 2(n − 1)/n is missing: a piece goes round nearly twice."),
        (4, "These are millions of numbers, not megabytes: each takes four bytes."),
        (1e-6, "These are bytes: divide by a million."),
        (2**20 / 1e6, "These are MiB, of 2 to the power of 20 bytes: divide by a million."),
        (1 / WORKERS, "That is what all workers send together. Asked is one of them."),
        (0.5, "Is that both ways? 2(n − 1)/n counts what is sent: once round to add, once to spread the sum."),
    ):  # fmt: skip
        if all(np.isclose(given[name] * factor, right[name], rtol=0.005) for name in SENT):
            return why
    if np.isclose(given["plain sum"], ring * TASKS * TRUNK, rtol=0.05) or np.isclose(
        given["plain sum"], right["balanced on parameters"], rtol=0.005
    ):
        return (
            "With a plain sum the tasks' gradients are added up before anything is sent: the trunk goes once."
        )
    if not np.isclose(given["plain sum"], right["plain sum"], rtol=0.005):
        if np.isclose(given["plain sum"], ring * TRUNK, rtol=0.005):
            return "The heads are missing: their gradients are added up over the workers too, each once."
        return "Begin with the plain sum: one gradient of the trunk, one of each of the 8 heads, 4 bytes, 2(n − 1)/n."
    if not np.isclose(given["balanced on parameters"], right["balanced on parameters"], rtol=0.005):
        if np.isclose(given["balanced on parameters"], ring * TASKS * (TRUNK + heads), rtol=0.005):
            return (
                "The heads were counted once for each task, but a task's gradient reaches its own head alone."
            )
        if np.isclose(given["balanced on parameters"], right["plain sum"], rtol=0.005):
            return "The balancer needs each task's gradient over the whole batch: the trunk goes 8 times."
        return "For `balanced on parameters` the trunk's gradient is sent once for each task, the heads once."
    return (
        "For `balanced on features`: an example's features live on one worker, so each worker adds up its own part of the "
        "8 × 8 inner products. These 64 numbers are sent, and then the gradients as with a plain sum."
    )


def check_3(body: Any) -> Answer:
    """The body of a request to TensorFlow Serving for the first two test images."""
    if callable(body):
        return "The text itself is expected, not a function."
    if isinstance(body, Mapping):
        return "A server gets text: turn the dictionary into it with `json.dumps`."
    if not isinstance(body, (str, bytes)):
        return "A text in JSON is expected, made by `json.dumps`."
    try:
        request = json.loads(body)
    except json.JSONDecodeError:
        return "This is no JSON: its names stand in double quotes. `json.dumps` of a dictionary writes them."
    if not isinstance(request, Mapping) or not {"inputs", "instances"} & set(request):
        return 'The request is a dictionary with the key "inputs" (by column) or "instances" (by example).'
    if "inputs" in request and "instances" in request:
        return 'Either "inputs" or "instances", not both: the server refuses that.'
    if request.get("signature_name", "serving_default") != "serving_default":
        return 'The signature is "serving_default"; without `signature_name` the server takes that one.'
    images = request.get("inputs")
    if "instances" in request:
        rows = request["instances"]
        if not isinstance(rows, list) or not rows:
            return 'With "instances" a list is expected, one entry an example.'
        images = [row["image"] if isinstance(row, Mapping) and set(row) == {"image"} else row for row in rows]
    elif isinstance(images, Mapping):
        if set(images) != {"image"}:
            return f'The network\'s input is named "image", but the request names {sorted(images)}.'
        images = images["image"]
    return _which_images(images)


def _which_images(images: Any) -> Answer:
    """Whether these are the first two test scenes, as the network knows them."""
    try:
        values = np.array(images, dtype="float64")
    except (TypeError, ValueError):
        return "The images are no numbers in nested lists of equal length. `array.tolist()` makes them."
    if values.shape == (28, 28, 1):
        return "One image alone came. The network wants a batch: the first axis counts images, even for one."
    if values.shape != (2, 28, 28, 1):
        return f"Two images of 28 × 28 × 1 are expected, but the shape is {values.shape}."
    if values.max() > 2:
        return (
            "The pixels go up to 255. The network has learned from 0 to 1, and the server does not know that."
        )
    if not np.allclose(values, _first_two(), atol=1e-4):
        return "These are other images than the first two of the test part: `images[:2]`."
    return None


@functools.cache
def _first_two() -> np.ndarray:
    """The first two test scenes of the lesson."""
    return digit_scenes(train=2048, validation=500, test=1000).test.inputs["image"][:2]
