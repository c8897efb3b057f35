"""Several scenes of `data.digit_scenes` in one figure, with what is true and what a network predicts."""

from collections.abc import Mapping, Sequence

from mtl_helpers.plots import draw_scene
from mtl_helpers.split import Split

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

COLUMNS = 5


def draw_scenes(
    scenes: Split, rows: Sequence[int] | np.ndarray, predicted: Mapping[str, np.ndarray] | None = None
) -> Figure:
    """Draw scenes as `plots.draw_scene` does, five in a row.

    scenes:    images with the targets digit, box and mask
    rows:      the row numbers of the scenes to draw, in this order
    predicted: what a network puts out for all of them, under the names of the targets

    The title of each is its digit; with predictions, the most probable digit before the true one.
    """
    lines = -(-len(rows) // COLUMNS)
    figure, panels = plt.subplots(lines, COLUMNS, figsize=(6.5, 1.5 * lines), squeeze=False)
    for spare in panels.flat[len(rows) :]:
        spare.remove()
    truth = scenes.targets
    for axes, n in zip(figure.axes, rows, strict=True):
        title, guesses = f"digit {truth['digit'][n]}", {}
        if predicted is not None:
            guesses = {f"predicted_{task}": predicted[task][n] for task in ("box", "mask")}
            title = f"{predicted['digit'][n].argmax()}, true {truth['digit'][n]}"
        draw_scene(axes, scenes.inputs["image"][n], truth["box"][n], truth["mask"][n], **guesses)
        axes.set_title(title, fontsize=9)
    return figure
