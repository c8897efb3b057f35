"""The engine of the exercises, on checks and a lesson made up here."""

import sys
import types

from mtl_helpers import exercises
from mtl_helpers.exercises import check, solution

import nbformat
import numpy as np
import pandas as pd
import pytest


def check_1(units):
    return None if units == 3 else "`Dense(1)` gives one number. Look at <b>the classes</b>."


def check_2(model, history):
    return None if model.built and history else "wrong"


def check_3(build_model):
    return ... if build_model() is None else None


def check_10(number):
    raise RuntimeError


@pytest.fixture(autouse=True)
def lesson(monkeypatch):
    """Lesson 97 with the checks above, as if it stood in mtl_helpers/checks/."""
    name = "mtl_helpers.checks.lesson_97"
    module = types.ModuleType(name)
    module.__spec__ = types.SimpleNamespace(name=name)
    for function in (check_1, check_2, check_3, check_10):
        setattr(module, function.__name__, function)
    module.check_of_something_else = None
    monkeypatch.setitem(sys.modules, name, module)
    exercises._wrong_answers.clear()


@pytest.fixture
def notebooks(monkeypatch, tmp_path):
    monkeypatch.setattr(exercises, "LESSONS", tmp_path)
    new = nbformat.v4
    of_1 = {"tags": ["solution"], "exercise": "97.1"}
    cells = [
        new.new_code_cell("units = ...", metadata={"tags": ["exercise"], "exercise": "97.1"}),
        new.new_code_cell("units = 3\ncheck('97.1', units)", metadata=of_1),
        new.new_markdown_cell("One unit for **each** class.", metadata=of_1),
        new.new_code_cell("other", metadata={"tags": ["solution"], "exercise": "97.10"}),
        new.new_code_cell("no metadata"),
    ]
    nbformat.write(new.new_notebook(cells=cells), tmp_path / "97_made_up.ipynb")


def test_a_right_a_wrong_and_a_missing_answer():
    right, wrong, missing = check("97.1", 3), check("97.1", 1), check("97.1", ...)
    assert (right.status, right.message) == ("right", "Right.")
    assert (wrong.status, wrong.message) == ("wrong", check_1(1))
    assert missing.status == "not tried" and "Replace each `...`" in missing.message
    assert repr(right) == "✔ Exercise 97.1: Right."
    assert repr(wrong).startswith("✘ Exercise 97.1: ") and repr(missing).startswith("… Exercise 97.1: ")


def test_the_second_wrong_answer_says_how_to_see_a_solution():
    shown = 'exercises.solution("97.1")'
    assert shown not in check("97.1", 1).message
    check("97.1", ...)  # does not count
    check("97.2", types.SimpleNamespace(built=False), {})  # another exercise
    assert shown in check("97.1", 2).message
    assert shown in check("97.1", 2).message
    assert shown not in check("97.1", 3).message


@pytest.mark.parametrize(
    "answer",
    [
        {"species": ..., "mass": "mse"},
        {"weights": [1, {"b": ...}]},
        [1, ...],
        (..., 2),
        np.array([..., 1.0], dtype=object),
        np.array([[1.0, ...]], dtype=object),
        pd.Series([1.0, ...]),
    ],
    ids=repr,
)
def test_an_answer_that_still_holds_dots_is_not_tried(answer):
    assert check("97.1", answer).status == "not tried"
    assert check("97.2", 1, answer).status == "not tried"


@pytest.mark.parametrize(
    "answer",
    [{"a": 1}, [], np.array([1.0, 2.0]), np.array(["a", None], dtype=object), pd.Series([1, 2]), "...", None],
    ids=repr,
)
def test_other_answers_are_tried(answer):
    assert check("97.1", answer).status == "wrong"


def test_a_check_may_find_that_a_function_is_not_written_yet():
    assert check("97.3", lambda: None).status == "not tried"
    assert check("97.3", lambda: 1).status == "right"


def test_an_answer_that_the_check_cannot_use_is_told_in_a_sentence():
    result = check("97.2", "not a model", {"loss": [1]})
    assert result.status == "wrong"
    assert "met AttributeError: 'str' object has no attribute 'built'." in result.message
    assert "of the kind that the exercise asks for" in result.message

    def long_error():
        raise ValueError("first line " + 300 * "x" + "\nsecond line")

    message = check("97.3", long_error).message
    assert "first line" in message and "second line" not in message and len(message) < 450
    assert (
        "met RuntimeError: . Is" in check("97.10", 1).message or "RuntimeError" in check("97.10", 1).message
    )


def test_a_model_that_is_not_built_is_told_kindly():
    import keras

    model = keras.Sequential([keras.layers.Dense(1)])
    message = check("97.3", lambda: model.count_params()).message
    assert "The check could not use your answer: it met ValueError" in message and "build" in message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: check("97.2", "model"), "expects as answers: model, history. The number given is 1. Write"),
        (lambda: check("97.2"), r'Write exercises.check\("97.2", model, history\)'),
        (lambda: check("97.1", 1, 2), "expects as answers: units. The number given is 2"),
        (lambda: check("2.1", 3), 'Write "02.1"'),
        (
            lambda: check(2.1, 3),  # type: ignore[arg-type]
            'Write "02.1"',
        ),
        (lambda: check("first", 3), "named like"),
        (lambda: check("", 3), "named like"),
        (lambda: check("97", 3), "named like"),
        (lambda: check(None, 3), "named like"),  # type: ignore[arg-type]
        (lambda: check("98.1", 3), "would be in lesson 98, but"),
        (lambda: check("97.4", 3), 'exercises "97.1", "97.2", "97.3", "97.10", but \'97.4\''),
        (lambda: solution("97.7"), "lesson 97, but there is none"),
        (lambda: solution("98.1"), "lesson 98 is not there. Install"),
        (lambda: solution("97"), "named like"),
    ],
)
def test_a_call_that_cannot_be_meant_says_what_to_write(call, message, notebooks):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_broken_checks_module_is_not_called_a_missing_lesson(monkeypatch, tmp_path):
    import mtl_helpers.checks

    (tmp_path / "lesson_96.py").write_text("import a_package_that_is_missing")
    monkeypatch.setattr(mtl_helpers.checks, "__path__", [str(tmp_path)])
    with pytest.raises(ModuleNotFoundError, match="a_package_that_is_missing"):
        check("96.1", 1)


def test_in_a_notebook_the_message_is_a_box_and_its_text_is_escaped():
    page = check("97.1", 1)._repr_html_()
    assert page.startswith('<div class="alert alert-danger">✘ Exercise 97.1: ') and page.endswith("</div>")
    assert "<code>Dense(1)</code>" in page
    assert "&lt;b&gt;the classes&lt;/b&gt;" in page and "<b>" not in page
    assert 'class="alert alert-success"' in check("97.1", 3)._repr_html_()
    assert 'class="alert alert-info"' in check("97.1", ...)._repr_html_()


def test_a_solution_is_read_from_the_lesson_with_its_explanation(notebooks):
    shown = solution("97.1").data
    assert shown == "```python\nunits = 3\ncheck('97.1', units)\n```\n\nOne unit for **each** class."
    assert solution("97.10").data == "```python\nother\n```"
