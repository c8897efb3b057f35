"""The figures of the course: one style, one colour for each task, one marker and line for each kind of model."""

from collections.abc import Mapping, Sequence
from typing import Any

from mtl_helpers.evaluation import mean_interval

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

# From the palette of Okabe and Ito, which people with any kind of colour vision can tell apart.
BLUE, VERMILION, GREEN = "#0072B2", "#D55E00", "#009E73"
ORANGE, SKY, PINK, BLACK, GREY = "#E69F00", "#56B4E9", "#CC79A7", "#000000", "#666666"
WINE, OLIVE = "#882255", "#999933"  # from the palette of Tol, for the same eyes

TASK_COLOURS = {
    **{"species": BLUE, "body_mass": VERMILION, "sex": GREEN},  # penguins
    **{"digit": BLUE, "box": VERMILION, "mask": GREEN},  # scenes
    **{"top_left": BLUE, "bottom_right": VERMILION},  # two digits
    **{"noisy": BLUE, "quiet": VERMILION},  # two lines with known noise
}
TASK_MARKERS = {
    **{"species": "o", "body_mass": "s", "sex": "^"},
    **{"digit": "o", "box": "s", "mask": "^"},
    **{"top_left": "o", "bottom_right": "s"},
    **{"noisy": "o", "quiet": "s"},
}
MODEL_STYLES: dict[str, dict[str, Any]] = {
    "linear": {"marker": "^", "linestyle": ":", "color": GREY},
    "single-task": {"marker": "o", "linestyle": "--", "color": SKY},
    "shared": {"marker": "s", "linestyle": "-", "color": BLACK},
}


def use_course_style() -> None:
    """Set the look of all figures of a notebook."""
    plt.rcParams.update(
        {
            "figure.figsize": (6.0, 3.2),
            "figure.dpi": 90,
            "figure.constrained_layout.use": True,
            "font.size": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            # For anything that is neither a task nor a kind of model, such as the classes of one task.
            "axes.prop_cycle": plt.cycler(color=[ORANGE, PINK, WINE, OLIVE]),
            "grid.color": "#e6e6e6",
            "legend.frameon": False,
            "lines.markersize": 5,
        }
    )


def baseline(axes: Axes, value: float, label: str) -> None:
    """Draw a baseline as a horizontal line with its label.

    Call it last: a baseline above the picture is not drawn, but named at the upper edge.
    """
    low, high = axes.get_ylim()
    if value <= high:
        axes.axhline(value, color=GREY, linestyle=(0, (1, 1)), linewidth=1.5)
        place: dict[str, Any] = {"xy": (1, value), "xycoords": ("axes fraction", "data"), "va": "bottom"}
    else:
        axes.set_ylim(low, high + 0.12 * (high - low))
        label = f"{label}: {value:.3g}, far above ↑"
        place = {"xy": (0.5, 1), "xycoords": "axes fraction", "va": "top"}
    axes.annotate(label, ha="right" if value <= high else "center", color=GREY, fontsize=9, **place)


def seed_points(axes: Axes, groups: Mapping[str, Sequence[float]], colours: Sequence[str] = ()) -> None:
    """Draw one column a group: a point for each seed, and beside them the mean with its 95 % interval."""
    for column, (label, values) in enumerate(groups.items()):
        colour = colours[column] if len(colours) else MODEL_STYLES.get(label, {}).get("color", GREY)
        marker = MODEL_STYLES.get(label, {}).get("marker", "o")
        # Spread sideways in a fixed pattern: chance would move the points at every run.
        sideways = column - 0.12 + 0.25 * (np.arange(len(values)) * 0.618 % 1 - 0.5)
        axes.plot(sideways, values, marker, color=colour, alpha=0.6, markersize=4.5, markeredgewidth=0)
        mean, low, high = mean_interval(values)
        axes.errorbar(
            column + 0.15,
            mean,
            [[mean - low], [high - mean]],
            fmt=marker,
            color=colour,
            capsize=4,
            linewidth=2,
        )
    axes.set_xticks(range(len(groups)), groups)
    axes.set_xlim(-0.5, len(groups) - 0.5)
    axes.grid(visible=False, axis="x")


def curve_over(
    axes: Axes, x: Sequence[float], values: Sequence[Sequence[float]], label: str, shift: float = 1.0
) -> None:
    """Draw the mean over seeds with its 95 % interval at every x, in the style of the kind of model `label`.

    values: one row for each x, one number a seed in it
    shift:  factor on x, so that the intervals of several curves do not cover one another on a logarithmic axis
    """
    means, lows, highs = np.array([mean_interval(row) for row in values]).T
    axes.errorbar(
        np.asarray(x) * shift,
        means,
        [means - lows, highs - means],
        label=label,
        capsize=3,
        **MODEL_STYLES[label],
    )


def loss_curves(axes: Axes, curves: Mapping[str, Sequence[float]], unit: str = "loss") -> None:
    """Draw named curves over the epochs; validation curves (`val_…`) are dashed, each task has colour and marker."""
    for name, values in curves.items():
        task = name.removeprefix("val_").removesuffix("_loss")
        axes.plot(
            np.arange(1, len(values) + 1),
            values,
            linestyle="--" if name.startswith("val_") else "-",
            color=TASK_COLOURS.get(task, GREY),
            marker=TASK_MARKERS.get(task),
            markevery=max(1, len(values) // 10),
            label=name,
        )
    axes.set(xlabel="epoch", ylabel=unit)
    axes.legend(fontsize=9)


def draw_scene(
    axes: Axes,
    image: np.ndarray,
    box: np.ndarray,
    mask: np.ndarray,
    predicted_box: np.ndarray | None = None,
    predicted_mask: np.ndarray | None = None,
) -> None:
    """Draw one scene of `data.digit_scenes`: its box dashed, its mask as an outline; what was predicted filled in.

    image, mask, predicted_mask: (size, size, 1), boxes: (4,), as shares of the size
    """
    size = len(image)
    axes.imshow(image[..., 0], cmap="gray_r", vmin=0, vmax=1.4)
    if predicted_mask is not None:
        inside = np.where(predicted_mask[..., 0] > 0.5, 1.0, np.nan)
        axes.imshow(inside, cmap=ListedColormap([GREEN]), alpha=0.45)
    # Each pixel is drawn as 8 x 8, so that the outline follows its edges.
    fine = np.pad(mask[..., 0], 1).repeat(8, axis=0).repeat(8, axis=1)
    place = (np.arange(len(fine)) + 0.5) / 8 - 1.5
    axes.contour(place, place, fine, [0.5], colors=GREEN, linewidths=0.9)
    for edges, style in ((box, "--"), (predicted_box, "-")):
        if edges is not None:
            left, top, right, bottom = np.asarray(edges) * size - 0.5
            axes.plot(
                [left, right, right, left, left], [top, top, bottom, bottom, top], style, color=VERMILION
            )
    axes.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5))
    axes.axis("off")


def draw_model(model: Any, figsize: tuple[float, float] = (6.4, 2.2)) -> Figure:
    """Draw the graph of a functional Keras model from left to right.

    There is a box for each layer and an arrow for each tensor. A box tells the layer's name, its kind, and what it
    puts out for one example. Heads have their task's colour.
    An input that leads nowhere is drawn with a dashed red border.
    """
    from mtl_helpers.graph import connections

    edges = connections(model)
    layers = {layer.name: layer for layer in model.layers}
    depth = dict.fromkeys(layers, 0)
    for before, after in edges:  # Edges come in the order in which the model runs.
        depth[after] = max(depth[after], depth[before] + 1)
    columns = [
        [name for name in layers if depth[name] == column] for column in range(max(depth.values()) + 1)
    ]
    tasks = {tensor._keras_history.operation.name: task for task, tensor in model.output.items()}
    place = {
        name: (column, (len(names) - 1) / 2 - row)
        for column, names in enumerate(columns)
        for row, name in enumerate(names)
    }
    figure, axes = plt.subplots(figsize=figsize)
    for before, after in edges:
        axes.annotate(
            "", place[after], place[before], zorder=1,
            arrowprops={"arrowstyle": "->", "color": GREY, "shrinkA": 34, "shrinkB": 36},
        )  # fmt: skip
    for name, (x, y) in place.items():
        task = tasks.get(name)
        unused = depth[name] == 0 and not any(before == name for before, _ in edges)
        colour = "#cc0000" if unused else TASK_COLOURS.get(task or "", "black")
        axes.text(
            x, y, _layer_text(layers[name]), ha="center", va="center", fontsize=8.5, color=colour, zorder=2,
            bbox={"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": colour,
                  "linestyle": "--" if unused else "-"},
        )  # fmt: skip
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(-max(map(len, columns)) / 2, max(map(len, columns)) / 2)
    axes.axis("off")
    return figure


def _layer_text(layer: Any) -> str:
    kind = {"InputLayer": "input"}.get(type(layer).__name__, type(layer).__name__)
    activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
    size = " × ".join(str(number) for number in layer.output.shape[1:])
    return f"{layer.name}\n{kind} {size}" + ("" if activation == "linear" else f"\n{activation}")
