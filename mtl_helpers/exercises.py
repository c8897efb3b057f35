"""The engine of the exercises: `check` answers at once, `solution` shows a solution on demand.

The checks of lesson NN stand in `mtl_helpers/checks/lesson_NN.py`, one function an exercise: `check_1` for
exercise "NN.1". It takes the learner's answers and returns None if they are right, `...` if they are not
there yet, or a sentence that names the misconception and says what to look at. The solutions stand in the
lessons, in cells tagged `solution`.
"""

import html
import importlib
import importlib.util
import inspect
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

LESSONS = Path(__file__).parent.parent / "notebooks"
RIGHT, WRONG, NOT_TRIED = "right", "wrong", "not tried"

_wrong_answers: Counter[str] = Counter()


@dataclass(frozen=True)
class Result:
    """What a check says: `status` is "right", "wrong" or "not tried", `message` is for the learner."""

    exercise: str
    status: str
    message: str

    def __repr__(self) -> str:
        sign = {RIGHT: "✔", WRONG: "✘", NOT_TRIED: "…"}[self.status]
        return f"{sign} Exercise {self.exercise}: {self.message}"

    def _repr_html_(self) -> str:
        """For notebooks: a coloured box, what stands between backticks set as code."""
        kind = {RIGHT: "success", WRONG: "danger", NOT_TRIED: "info"}[self.status]
        text = re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(repr(self)))
        return f'<div class="alert alert-{kind}">{text}</div>'


def check(exercise: str, *answers: object) -> Result:
    """Check the answers to an exercise such as "02.1" and say at once what they show.

    An answer that is or holds `...` counts as not tried, and the notebook goes on. A check never raises for
    an answer, however wrong; only for an exercise that does not exist, and for the wrong number of answers,
    it raises ValueError.
    """
    function = _check_function(exercise)
    try:
        inspect.signature(function).bind(*answers)
    except TypeError:
        expected = ", ".join(inspect.signature(function).parameters)
        raise ValueError(
            f"The check of exercise {exercise} expects as answers: {expected}. The number given is "
            f'{len(answers)}. Write exercises.check("{exercise}", {expected}).'
        ) from None
    if any(_has_gap(answer) for answer in answers):
        message: Any = ...
    else:
        try:
            message = function(*answers)
        except Exception as error:  # An answer can be anything; a traceback of the check would not help.
            message = _could_not_use(error)
    if message is ...:
        return Result(exercise, NOT_TRIED, "Not tried yet. Replace each `...` and run the cell again.")
    if message is None:
        return Result(exercise, RIGHT, "Right.")
    _wrong_answers[exercise] += 1
    if _wrong_answers[exercise] >= 2:
        message += f' If you are stuck, `exercises.solution("{exercise}")` shows a solution.'
    return Result(exercise, WRONG, message)


def solution(exercise: str) -> Any:
    """Show the solution of an exercise such as "02.1", read from the complete edition of its lesson."""
    from IPython.display import Markdown

    lesson, _ = _split(exercise)
    parts = []
    for cell in _lesson_cells(lesson):
        if "solution" in cell.metadata.get("tags", []) and cell.metadata.get("exercise") == exercise:
            parts.append(cell.source if cell.cell_type == "markdown" else f"```python\n{cell.source}\n```")
    if not parts:
        raise ValueError(
            f"A solution of exercise {exercise} is expected in lesson {lesson}, but there is none. Look up "
            "the number in the heading of the exercise."
        )
    return Markdown("\n\n".join(parts))


def _lesson_cells(lesson: str) -> list[Any]:
    import nbformat

    found = sorted(LESSONS.glob(f"{lesson}_*.ipynb"))
    if not found:
        raise ValueError(
            f"Solutions are read from {LESSONS.name}/ beside mtl_helpers, but lesson {lesson} is not there. "
            "Install the course from its folder: pip install -e ."
        )
    return nbformat.read(found[0], as_version=4).cells


def _has_gap(answer: object) -> bool:
    """Whether an answer is `...`, or a list, dictionary or array that still holds one."""
    if isinstance(answer, Mapping):
        return any(map(_has_gap, answer.values()))
    if isinstance(answer, (list, tuple)):
        return any(map(_has_gap, answer))
    if str(getattr(answer, "dtype", None)) == "object":  # an array, or a column of a table
        return any(value is ... for value in np.asarray(answer).flat)
    return answer is ...


def _could_not_use(error: Exception) -> str:
    """What to say when the check itself failed: the error's first line, as Keras' errors are long."""
    first_line = next(iter(str(error).strip().splitlines()), "").rstrip(".")
    shortened = first_line if len(first_line) <= 200 else f"{first_line[:200]} …"
    met = ": ".join(filter(None, [type(error).__name__, shortened]))
    return (
        f"The check could not use your answer: it met {met}. Is the answer of the kind that the exercise asks "
        "for, and did the cells above run without an error?"
    )


def _split(exercise: str) -> tuple[str, str]:
    lesson, _, number = str(exercise).partition(".")
    if not (lesson.isdigit() and number.isdigit()):
        raise ValueError(f'An exercise is named like "02.1" (lesson 02, exercise 1), but not {exercise!r}.')
    if not isinstance(exercise, str) or len(lesson) != 2:
        raise ValueError(
            f"An exercise is named by a text with two digits for the lesson, but {exercise!r} was given. "
            f'Write "{int(lesson):02}.{number}".'
        )
    return lesson, number


def _check_function(exercise: str) -> Callable:
    lesson, number = _split(exercise)
    name = f"mtl_helpers.checks.lesson_{lesson}"
    if importlib.util.find_spec(name) is None:
        raise ValueError(f"Exercise {exercise} would be in lesson {lesson}, but that has no exercises.")
    checks = importlib.import_module(name)
    known = [key.removeprefix("check_") for key in vars(checks) if re.fullmatch(r"check_\d+", key)]
    if number not in known:
        listed = ", ".join(f'"{lesson}.{known_number}"' for known_number in known)
        raise ValueError(f"Lesson {lesson} has the exercises {listed}, but {exercise!r} was given.")
    return getattr(checks, f"check_{number}")
