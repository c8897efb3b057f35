"""What is scored without looking at the photograph: the most frequent breed, the mean box, the mean mask.

The answers are fixed on the training part. They are scored as the network is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mtl_helpers.evaluation import box_iou
from pets.data import BREEDS

import numpy as np

LEVELS = np.linspace(0.05, 0.95, 19)  # a pixel is answered with "pet" if it is one in more than this share


@dataclass(frozen=True)
class Labels:
    """All labels of one part, counted.

    breeds: (37,), photographs of each; boxes: (boxes, 4), those that are known;
    pet, background: (size, size, 1), in how many photographs a pixel is known to be that. None for a task left out.
    """

    breeds: np.ndarray | None = None
    boxes: np.ndarray | None = None
    pet: np.ndarray | None = None
    background: np.ndarray | None = None


def count_labels(batches: Iterable[tuple[Any, Any]]) -> Labels:
    """Goes once through a part, in batches of (inputs, targets)."""
    breeds, boxes, pet, background = np.zeros(BREEDS, int), [], 0, 0
    targets: dict[str, Any] = {}
    for _, targets in batches:
        if "breed" in targets:
            breeds += np.bincount(targets["breed"], minlength=BREEDS)
        if "head_box" in targets:
            given = np.asarray(targets["head_box"])
            boxes.append(given[np.isfinite(given).all(axis=1)])
        if "mask" in targets:
            pet += np.sum(targets["mask"] == 1, axis=0)
            background += np.sum(targets["mask"] == 0, axis=0)
    return Labels(
        breeds if "breed" in targets else None,
        np.concatenate(boxes) if "head_box" in targets else None,
        *((pet, background) if "mask" in targets else (None, None)),
    )


def trivial_score(task: str, train: Labels, part: Labels) -> float:
    """The score of a task's trivial answer on a part: accuracy, mean IoU of boxes, or IoU of all mask pixels.

    Raises ValueError if the labels of the task are not there.
    """
    if task == "breed" and train.breeds is not None and part.breeds is not None:
        return float(part.breeds[train.breeds.argmax()] / part.breeds.sum())
    if task == "head_box" and train.boxes is not None and part.boxes is not None:
        if not len(train.boxes) or not len(part.boxes):
            raise ValueError(
                f"Head boxes are expected in both parts, but {len(train.boxes)} of the training part and "
                f"{len(part.boxes)} of the other were found. Use the part box_test: the library's test has none."
            )
        mean_box = np.broadcast_to(train.boxes.mean(axis=0), part.boxes.shape)
        return float(box_iou(part.boxes, mean_box).mean())
    if task == "mask" and train.pet is not None and train.background is not None:
        share = train.pet / np.maximum(train.pet + train.background, 1)
        level = max(LEVELS, key=lambda level: _pooled_iou(share > level, train))
        return _pooled_iou(share > level, part)
    raise ValueError(
        f"Labels of '{task}' are expected in both parts, but there are none. Load them with this task."
    )


def _pooled_iou(answer: np.ndarray, part: Labels) -> float:
    """One mask as the answer for every photograph; over all known pixels of the part."""
    assert part.pet is not None and part.background is not None
    union = part.pet.sum() + part.background[answer].sum()
    return float(part.pet[answer].sum() / union) if union else 0.0
