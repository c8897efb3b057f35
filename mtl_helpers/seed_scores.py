"""Scores of networks trained from several seeds: one number a seed, or a row of a table to store."""

from collections.abc import Mapping, Sequence

from mtl_helpers.seeds import SeedRuns
from mtl_helpers.split import Split

import numpy as np
import pandas as pd

METRICS = ("accuracy", "iou")


def seed_accuracies(runs: SeedRuns, splits: Sequence[Split]) -> dict[str, np.ndarray]:
    """The share of examples whose most probable class is the right one: task -> (seeds,).

    runs:   of networks all of whose outputs are probabilities of classes, (examples, classes)
    splits: the examples of each seed, with class numbers as targets, equally many for each
    """
    predicted = runs.predict([split.inputs for split in splits])
    return {
        task: np.array(
            [
                np.mean(of_seed.argmax(axis=-1) == split.targets[task])
                for of_seed, split in zip(values, splits, strict=True)
            ]
        )
        for task, values in predicted.items()
    }


def score_rows(network: str, seed: int, scores: Mapping[str, float], seconds: float) -> pd.DataFrame:
    """A row for each task of a network: columns network, seed, task, score and seconds.

    scores:  what `evaluate(..., return_dict=True)` returns; what ends in accuracy or iou is a score, under the name
             of its task, "<task>_iou"; losses are left out
    seconds: that the training took
    """
    rows = [
        (network, seed, name.split("_")[0], round(value, 4), round(seconds, 1))
        for name, value in scores.items()
        if name.endswith(METRICS)
    ]
    return pd.DataFrame(rows, columns=["network", "seed", "task", "score", "seconds"])
