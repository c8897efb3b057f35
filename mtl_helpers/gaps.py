"""Label gaps in a `Split`: make them, and fill them for a model that cannot leave them out."""

from collections.abc import Sequence

from mtl_helpers.split import Split

import numpy as np


def fill_gaps(
    splits: Split | Sequence[Split],
) -> tuple[Split | list[Split], dict[str, np.ndarray]]:
    """Put 0 in place of every NaN in the targets, and give it the sample weight 0.

    splits: one, or those of several seeds, with equally many examples each

    Returns what `seeds.train_seeds` takes as `train` and as `sample_weights`: the filled split or splits, and for each
    task the weights, 1 where the label is there and 0 where it is not, (examples,) or (seeds, examples). A label of
    several numbers, such as a box, is missing if any of them is.
    """
    if not isinstance(splits, Split):
        filled, weights = zip(*(_filled(split) for split in splits), strict=True)
        return list(filled), {task: np.stack([each[task] for each in weights]) for task in weights[0]}
    return _filled(splits)


def _filled(split: Split) -> tuple[Split, dict[str, np.ndarray]]:
    there = {
        task: np.isfinite(values).reshape(len(values), -1).all(axis=1)
        for task, values in split.targets.items()
    }
    targets = {
        task: np.where(there[task].reshape(-1, *[1] * (values.ndim - 1)), values, values.dtype.type(0))
        for task, values in split.targets.items()
    }
    return Split(split.inputs, targets), {task: known.astype("float32") for task, known in there.items()}


def label_share(splits: Sequence[Split], task: str, share: float, marker: float | None = -1) -> list[Split]:
    """Keep the labels of a task for the first examples of each split, in this share of them.

    marker: what the others get for a label, in the target's own kind, as `MultiTaskModel(..., missing={task: marker})`
            takes it; None leaves these examples out
    Raises KeyError for a task that a split does not have.
    """
    labelled = []
    for split in splits:
        kept = round(share * len(split))
        if marker is None:
            labelled.append(split.take(np.arange(kept)))
        else:
            values = split.targets[task].copy()
            values[kept:] = marker
            labelled.append(Split(split.inputs, {**split.targets, task: values}))
    return labelled
