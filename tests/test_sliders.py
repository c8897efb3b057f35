"""A slider redraws its figure, and leaves no figure behind."""

from typing import Any

from mtl_helpers import sliders

import matplotlib
import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

matplotlib.use("agg")


class Shown:
    """In place of a front end: keeps what is displayed, and what it is updated with."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.figures: list[Figure] = []
        self.sliders: list[Any] = []
        monkeypatch.setattr(sliders, "display", self.display)

    def display(self, what: Any, display_id: bool = False) -> "Shown":
        if display_id:
            self.update(what)
        else:
            self.sliders = list(what.children)
        return self

    def update(self, figure: Figure) -> None:
        self.figures.append(figure)

    @property
    def titles(self) -> list[str]:
        return [figure.axes[0].get_title() for figure in self.figures]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    return Shown(monkeypatch)


def draw(angle: float = 120, learning_rate: float = 0.01, fixed: str = "°") -> Figure:
    figure, axes = plt.subplots()
    axes.set_title(f"{angle:g}{fixed} {learning_rate:g}")
    return figure


def test_the_figure_starts_at_the_defaults_and_follows_each_slider(shown: Shown) -> None:
    sliders.move(draw, angle=(0, 180, 10), learning_rate=[0.001, 0.01])
    assert shown.titles == ["120° 0.01"]
    angle, rate = shown.sliders
    assert (angle.min, angle.max, angle.step, rate.description) == (0, 180, 10, "learning rate")
    angle.value = 90
    rate.value = 0.001
    assert shown.titles[1:] == ["90° 0.01", "90° 0.001"]


def test_no_figure_is_left_open(shown: Shown) -> None:
    plt.close("all")
    sliders.move(draw, angle=(0, 180, 10))
    for angle in range(0, 100, 10):
        shown.sliders[0].value = angle
    assert len(shown.figures) == 11 and not plt.get_fignums()


def test_an_argument_without_a_start_is_refused(shown: Shown) -> None:
    with pytest.raises(ValueError, match=r"draw\(angle.* none for 'angel'.*def draw\(angel=…\)"):
        sliders.move(draw, angel=(0, 180, 10))


def test_a_figure_that_is_not_returned_is_missed(shown: Shown) -> None:
    def forgets(angle: float = 0) -> None:
        plt.figure()

    with pytest.raises(TypeError, match="forgets should return the figure .* returned NoneType"):
        sliders.move(forgets, angle=(0, 180, 10))  # type: ignore[arg-type]
    plt.close("all")


def test_outside_a_notebook_nothing_fails(capsys: pytest.CaptureFixture[str]) -> None:
    sliders.move(draw, angle=(0, 180, 10))
    assert "Figure" in capsys.readouterr().out
