"""How well a network, or no network at all, does the three tasks of `data.digit_scenes`."""

from collections.abc import Mapping, Sequence

from mtl_helpers.evaluation import box_iou, mask_iou
from mtl_helpers.split import Split

import keras
import numpy as np
import pandas as pd

Weights = list[np.ndarray]


def network_scores(network: keras.Model, scenes: Split) -> dict[str, float]:
    """The accuracy of the digits, and the mean overlap (intersection over union) of the boxes and of the masks.

    network: with the outputs of `scene_network.scene_network`
    scenes:  the part to score; it is predicted as one batch, without dropout
    Returns the scores by task, each from 0 to 1.
    """
    predictions = network(scenes.inputs, training=False)
    return _scores({task: np.asarray(values) for task, values in predictions.items()}, scenes.targets)


def score_changes(
    network: keras.Model, before: Weights, after: Mapping[str, Sequence[Weights]], scenes: Split
) -> dict[str, pd.DataFrame]:
    """How much the scores of a network differ from those that it had before, for several ways to train on.

    network: is left with the last of the weights
    before:  its weights before, as `get_weights` returns them
    after:   for each way its weights after each training, such as one a seed
    scenes:  the part to score
    Returns for each way a row for each training and a column for each task; above zero the training has helped.
    """

    def scores(weights: Weights) -> dict[str, float]:
        network.set_weights(weights)
        return network_scores(network, scenes)

    start = pd.Series(scores(before))
    return {way: pd.DataFrame([scores(weights) for weights in runs]) - start for way, runs in after.items()}


def trivial_scores(train: Split, scenes: Split) -> dict[str, float]:
    """The scores of the one answer for every scene that the training scenes suggest; a network must beat them.

    The answers: the most frequent digit, the median of each edge of the box, and the pixels that lie in more than
    15 % of the masks.

    train:  where the answers come from
    scenes: the part to score
    Returns the scores by task, as `network_scores` does.
    """
    known = train.targets
    answers = {
        "digit": np.bincount(known["digit"], minlength=10),
        "box": np.median(known["box"], axis=0),
        "mask": (known["mask"].mean(axis=0) > 0.15).astype("float32"),
    }
    repeated = {task: np.stack([answer] * len(scenes)) for task, answer in answers.items()}
    return _scores(repeated, scenes.targets)


def _scores(predicted: dict[str, np.ndarray], truth: dict[str, np.ndarray]) -> dict[str, float]:
    right = predicted["digit"].argmax(axis=1) == truth["digit"]
    box = box_iou(truth["box"], predicted["box"])
    mask = mask_iou(truth["mask"], predicted["mask"])
    return {"digit": float(right.mean()), "box": float(box.mean()), "mask": float(mask.mean())}
