"""Smaller copies of an exported network, by TensorFlow Lite's quantisation after training, and their predictions."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mtl_helpers.process_memory import give_back
from mtl_helpers.quiet_import import held_back_messages

import numpy as np
import tensorflow as tf

KINDS = ("32-bit weights", "16-bit weights", "8-bit weights", "8-bit weights and features")
SIGNATURE = "serving_default"


def quantise(exported: str | Path, kind: str, examples: dict[str, np.ndarray] | None = None) -> bytes:
    """Convert an exported network, and return the small model's file as bytes.

    exported: folder that `model.export` has written
    kind:     "32-bit weights" converts alone; "16-bit weights" and "8-bit weights" store them with fewer bits;
              "8-bit weights and features" also keeps the features of the hidden layers in 8 bits, in ranges found
              beforehand on examples (with "8-bit weights" they are rounded for some operations alone, as they come)
    examples: for the last kind inputs by name, whose features show the range that the 8 bits have to cover; some
              hundred from the training part
    Raises ValueError for another kind, and for the last one without examples.
    Source: Krishnamoorthi 2018, arXiv 1806.08342; TensorFlow Lite's guide to quantisation after training.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {KINDS}, but {kind!r} was given. Write one of them.")
    if kind == KINDS[3] and not examples:
        raise ValueError(
            f"'{kind}' needs examples, to see which range the features have, but none were given. Pass inputs of the "
            "training part: examples={'image': images[:200]}."
        )
    converter = tf.lite.TFLiteConverter.from_saved_model(str(exported), signature_keys=[SIGNATURE])
    if kind != KINDS[0]:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == KINDS[1]:
        converter.target_spec.supported_types = [tf.float16]
    if kind == KINDS[3]:
        assert examples is not None
        rows = len(next(iter(examples.values())))
        converter.representative_dataset = lambda: (
            {name: values[row : row + 1] for name, values in examples.items()} for row in range(rows)
        )
    with _without_notices():
        small = converter.convert()
    give_back()
    return small


def predict_small(model: bytes, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Run a small model on many examples, one after another as a telephone would: `{task: array}`."""
    with _without_notices():
        runner = tf.lite.Interpreter(model_content=model).get_signature_runner(SIGNATURE)
        rows = len(next(iter(inputs.values())))
        outputs = [
            runner(**{name: values[row : row + 1] for name, values in inputs.items()}) for row in range(rows)
        ]
    return {task: np.concatenate([output[task] for output in outputs]) for task in outputs[0]}


@contextmanager
def _without_notices() -> Iterator[None]:
    """TensorFlow Lite reports what it does, and that its interpreter will move to the package ai-edge-litert."""
    with held_back_messages(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"\s*Warning: tf.lite.Interpreter", category=UserWarning)
        yield
