"""What the gates of a mixture of experts do: their weights for each example, and a picture of them."""

from collections.abc import Mapping, Sequence

from mtl_helpers.draws import Draw
from mtl_helpers.plots import BLUE, GREY, VERMILION

import keras
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure


def gate_weights(models: Sequence[keras.Model], draws: Sequence[Draw], layer: str = "experts") -> np.ndarray:
    """The weight that each gate gives each expert, for every test example: (draws, tasks, examples, experts).

    models: one for each draw, with the input `x` and an `MMoE` of the name `layer` that reads it
    Over the last axis the weights sum to 1; tasks are in the order of the layer's. Raises ValueError if there is not
    one model a draw.
    """
    if len(models) != len(draws):
        raise ValueError(
            f"One model for each draw is expected, but {len(models)} models and {len(draws)} draws were given. "
            "Give the models that were trained on these draws."
        )
    found = []
    for model, draw in zip(models, draws, strict=True):
        gates = model.get_layer(layer).gates(draw.test.inputs["x"])
        found.append(np.stack([np.asarray(of_task) for of_task in gates.values()]))
    return np.stack(found)


def draw_gates(weights: Mapping[str, np.ndarray], tasks: Sequence[str]) -> Figure:
    """Draw each expert's mean weight, a bar for each task, with one standard deviation from example to example.

    weights: title of a panel -> (tasks, examples, experts)
    tasks:   their names, two at most
    A dotted line shows equal weights.
    """
    figure, panels = plt.subplots(
        1, len(weights), figsize=(3.3 * len(weights), 2.6), sharey=True, squeeze=False
    )
    for axes, (title, of_tasks) in zip(panels[0], weights.items(), strict=True):
        experts = np.arange(of_tasks.shape[-1])
        styles = [(BLUE, ""), (VERMILION, "//")]
        for place, (task, of_task) in enumerate(zip(tasks, of_tasks, strict=True)):
            colour, hatch = styles[place]
            axes.bar(
                experts + 0.4 * place,
                of_task.mean(axis=0),
                0.36,
                yerr=of_task.std(axis=0),
                capsize=2,
                color=colour,
                hatch=hatch,
                edgecolor="white",
                label=task,
            )
        axes.axhline(1 / len(experts), color=GREY, linestyle=":")
        axes.set(title=title, xlabel="expert", xticks=experts + 0.2, xticklabels=experts + 1)
    panels[0, 0].set(ylabel="weight of the gate", ylim=(0, 0.9))
    panels[0, 0].legend(fontsize=9, ncols=2, loc="upper left")
    return figure
