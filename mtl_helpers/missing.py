"""Missing labels: a marker in a target says that an example has no label for the task.

`MultiTaskModel(..., missing=...)` takes the marker. What stands under it is replaced before any loss or metric sees it,
and every mean is over the labels that are there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mtl_helpers.validation import check_names, describe, loss_kind, quoted

import keras
import numpy as np
import tensorflow as tf

Markers = dict[str, float]  # task -> what stands in its target where a label is missing
NAN = "nan"  # as a marker is written and saved


def as_markers(missing: float | str | Mapping[str, float | str] | None, tasks: Sequence[str]) -> Markers:
    """The marker of each task that may lack labels.

    missing: one marker for all tasks, `{task: marker}` for some, or None if no label is missing
    Raises ValueError or TypeError for what is no marker, and for tasks that the model does not have.
    """
    if missing is None:
        return {}
    by_task = missing if isinstance(missing, Mapping) else dict.fromkeys(tasks, missing)
    check_names("The marker of missing labels", by_task, tasks, "tasks", all_needed=False)
    return {task: _as_marker(task, marker) for task, marker in by_task.items()}


def _as_marker(task: str, marker: Any) -> float:
    if marker == NAN or (isinstance(marker, (int, float, np.number)) and not isinstance(marker, bool)):
        number = float(marker)
        if not math.isinf(number):
            return number
    raise TypeError(
        f"The marker of missing labels of '{task}' must be 'nan' or a finite number, but {describe(marker)} was given. "
        "Write for example missing={'species': -1, 'body_mass': 'nan'}."
    )


def saved_markers(markers: Markers) -> dict[str, float | str]:
    """The markers as a file can hold them: NaN is no number of JSON."""
    return {task: NAN if math.isnan(marker) else marker for task, marker in markers.items()}


def check_markers(markers: Markers, losses: Mapping[str, Any], heads: Mapping[str, Any]) -> None:
    """A marker must not be a label too. Raises ValueError."""
    for task, marker in markers.items():
        kind, units = loss_kind(losses[task]), heads[task].shape[-1]
        labels = {"labels": range(units), "one-hot": (0, 1), "yes or no": (0, 1)}.get(kind, ())
        if marker in labels:
            raise ValueError(
                f"The marker of missing labels of '{task}' must not be a label, but {marker:g} was given, and its "
                f"labels are {quoted(labels)}. Use missing={{'{task}': -1}} and write -1 where a label is missing."
            )


def is_missing(target: Any, marker: float) -> Any:
    """Where the marker stands in an array (the answer is one too) or a tensor, entry by entry."""
    if isinstance(target, np.ndarray):
        # Markers are compared in the target's kind: in float32, -999.9 is another number.
        own = np.asarray(marker).astype(target.dtype) if target.dtype.kind == "f" else marker
        return np.isnan(target) if math.isnan(marker) and target.dtype.kind == "f" else target == own
    if not target.dtype.is_floating:
        return tf.cast(target, "float64") == tf.constant(marker, "float64")
    return tf.math.is_nan(target) if math.isnan(marker) else target == tf.cast(marker, target.dtype)


def labelled_entries(target: Any, marker: float, rank: int) -> Any:
    """True where there is a label, by the label: an example or, for an image, a pixel.

    A label of several numbers, such as a box, is missing if any of them is. rank: of the head's output.
    """
    found = is_missing(target, marker)
    if len(target.shape) != rank:
        return ~found
    return ~found.any(axis=-1) if isinstance(found, np.ndarray) else ~tf.reduce_any(found, axis=-1)


class LabelledLoss:
    """A loss as it would be on the labelled examples alone: 0, with a gradient of 0, if there are none.

    Called as Keras calls a loss, with one loss for each label expected from it. Reductions: the default divides by the
    number of labels (not of examples), "mean_with_sample_weight" by the sum of their weights, "sum" by nothing.
    """

    def __init__(self, loss: keras.losses.Loss, marker: float) -> None:
        self.loss, self.marker = loss, marker

    def __call__(self, target: Any, prediction: Any, sample_weight: Any = None) -> tf.Tensor:
        """The loss of a batch, a scalar."""
        target, prediction = tf.convert_to_tensor(target), tf.convert_to_tensor(prediction)
        labelled = labelled_entries(target, self.marker, len(prediction.shape))
        # Not weight 0 on what stands there: 0 * NaN is NaN, and -1 is no class.
        target = tf.where(is_missing(target, self.marker), tf.zeros_like(target), target)
        dtype = self.loss.dtype
        values = self.loss.call(tf.cast(target, dtype), tf.cast(prediction, dtype))
        if not len(values.shape):
            raise ValueError(
                f"With missing labels a loss must give one number for each example, but '{self.loss.name}' gives one "
                "for the whole batch. Leave its last mean or sum to Keras: return the losses of the examples."
            )
        if len(labelled.shape) > len(values.shape):  # one number for an image: it counts if all its pixels do
            labelled = tf.reduce_all(labelled, axis=list(range(len(values.shape), len(labelled.shape))))
        weights = tf.cast(labelled, dtype)
        labels = tf.reduce_sum(weights)
        if sample_weight is not None:
            weights *= _of_rank(tf.cast(sample_weight, dtype), len(weights.shape))
        total = tf.reduce_sum(tf.where(labelled, values, tf.zeros_like(values)) * weights)
        if self.loss.reduction == "sum":
            return total
        weighted = self.loss.reduction == "mean_with_sample_weight"
        return tf.math.divide_no_nan(total, tf.reduce_sum(weights) if weighted else labels)


def with_markers(losses: Mapping[str, keras.losses.Loss], markers: Markers) -> dict[str, Any]:
    """The losses, those of tasks with a marker over their labels alone."""
    return {
        task: LabelledLoss(loss, markers[task]) if task in markers else loss for task, loss in losses.items()
    }


def label_counts(targets: Mapping[str, Any], predictions: Mapping[str, Any], markers: Markers) -> Any:
    """How many labels a batch holds of each task with a marker: `{"<task>_loss": count}`."""
    return {
        f"{task}_loss": tf.reduce_sum(
            tf.cast(labelled_entries(targets[task], marker, len(predictions[task].shape)), "float32")
        )
        for task, marker in markers.items()
    }


def labelled_only(
    targets: Mapping[str, Any], predictions: Mapping[str, Any], sample_weights: Any, markers: Markers
) -> tuple[Any, Any, Any]:
    """The labelled part of each task with a marker, as metrics are to see it: (labels, numbers of a label)."""
    targets, predictions, sample_weights = dict(targets), dict(predictions), dict(sample_weights or {})
    for task, marker in markers.items():
        target, prediction = tf.convert_to_tensor(targets[task]), tf.convert_to_tensor(predictions[task])
        labelled = labelled_entries(target, marker, len(prediction.shape))
        targets[task] = tf.boolean_mask(target, labelled)
        predictions[task] = tf.boolean_mask(prediction, labelled)
        if task in sample_weights:
            weights = _of_rank(tf.convert_to_tensor(sample_weights[task]), len(labelled.shape))
            sample_weights[task] = tf.boolean_mask(tf.broadcast_to(weights, tf.shape(labelled)), labelled)
    return targets, predictions, sample_weights or None


class MeanOverLabels(keras.metrics.Mean):
    """A mean that is NaN, and not 0, if nothing was counted: no label, no loss."""

    def result(self) -> Any:
        """The mean so far."""
        return self.total / self.count


def with_plain_sum(results: dict[str, Any], tasks: Sequence[str], penalty: keras.metrics.Mean) -> dict:
    """The results of a model; of `evaluate`, where the penalty was counted, "loss" is the sum of the task losses.

    A mean of the batches' sums would not be: their labels are more in one batch than in another.
    """
    plain_sum = sum(results[f"{task}_loss"] for task in tasks) + results.pop(penalty.name)
    return {**results, "loss": tf.where(penalty.count > 0, plain_sum, results["loss"])}


def _of_rank(weights: tf.Tensor, rank: int) -> tf.Tensor:
    """Weights with axes of length 1 added or taken away at the end, as Keras does."""
    while len(weights.shape) > rank:
        weights = tf.squeeze(weights, axis=-1)
    while len(weights.shape) < rank:
        weights = tf.expand_dims(weights, axis=-1)
    return weights
