"""Figures that a reader moves with sliders: still pictures in the stored lesson, alive while its kernel runs."""

import inspect
from collections.abc import Callable
from typing import Any

import ipywidgets
import matplotlib.pyplot as plt
from IPython.display import display
from matplotlib.figure import Figure


def move(draw: Callable[..., Figure], **ranges: tuple | list) -> None:
    """Show the figure that `draw` makes, and below it a slider for each of its arguments named here.

    draw:   makes and returns a figure; the defaults of its arguments are where the sliders start
    ranges: for an argument either a tuple (lowest, highest, step) or a list of the values to choose from
    Without a front end, as on the web or in a test, the figure stays as it starts.
    Raises ValueError for an argument without a default, and TypeError if `draw` returns no figure.
    """
    sliders = {name: _slider(draw, name, values) for name, values in ranges.items()}

    def figure() -> Figure:
        drawn = draw(**{name: slider.value for name, slider in sliders.items()})
        if not isinstance(drawn, Figure):
            raise TypeError(
                f"{draw.__name__} should return the figure that it made, but it returned {type(drawn).__name__}. "
                "Write `return figure` in its last line."
            )
        plt.close(drawn)  # else it is shown twice, and kept in memory for ever
        return drawn

    shown = display(figure(), display_id=True)
    for slider in sliders.values():
        slider.observe(lambda change: shown.update(figure()), names="value")
    display(ipywidgets.VBox(list(sliders.values())))


def _slider(draw: Callable[..., Figure], name: str, values: tuple | list) -> Any:
    arguments = inspect.signature(draw).parameters
    if name not in arguments or arguments[name].default is inspect.Parameter.empty:
        raise ValueError(
            f"A slider starts at the default of an argument, but {draw.__name__}{inspect.signature(draw)} has "
            f"none for {name!r}. Write `def {draw.__name__}({name}=…)`."
        )
    look = {
        "value": arguments[name].default,
        "description": name.replace("_", " "),
        "style": {"description_width": "9em"},
        "layout": ipywidgets.Layout(width="28em"),
    }
    if isinstance(values, list):
        return ipywidgets.SelectionSlider(options=values, **look)
    lowest, highest, step = values
    look["readout_format"] = ".0f" if isinstance(step, int) else ".2f"
    return ipywidgets.FloatSlider(min=lowest, max=highest, step=step, **look)
