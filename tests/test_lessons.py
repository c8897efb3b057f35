"""Every rule holds in every lesson; and every rule is seen to fail on a lesson that breaks it."""

import base64
import copy
import io
from collections.abc import Callable
from pathlib import Path

from tools import lessons, rules
from tools.normalise import normalise
from tools.rules import RULES, Lesson

import nbformat
import numpy as np
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", lessons.find(), ids=lambda path: path.stem)
def test_lesson(path: Path, rule: Callable) -> None:
    faults = list(rule(rules.load(path)))
    assert not faults, "\n" + "\n".join(faults)


def picture(size: int = 4) -> str:
    """Return a PNG of noise, which does not shrink."""
    pixels = np.random.default_rng(0).integers(0, 255, (size, size, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return base64.b64encode(buffer.getvalue()).decode()


def printed(text: str) -> list[NotebookNode]:
    return [new_output("stream", name="stdout", text=text)]


def error(name: str = "ValueError", message: str = "2 names were given") -> list[NotebookNode]:
    return [new_output("error", ename=name, evalue=message, traceback=[f"{name}: {message}"])]


def drawn(size: int = 4) -> list[NotebookNode]:
    return [new_output("display_data", data={"image/png": picture(size), "text/plain": "<Figure>"})]


def words(text: str, minutes: int | None = None, **teaching: object) -> NotebookNode:
    notes = {"teaching": {"minutes": minutes, "short": minutes, **teaching}} if minutes else {}
    return new_markdown_cell(text, metadata=notes)


def code(
    source: str, outputs: list[NotebookNode] | None = None, *cell_tags: str, **metadata: object
) -> NotebookNode:
    tagged = metadata | ({"tags": list(cell_tags)} if cell_tags else {})
    return new_code_cell(source, outputs=outputs or [], execution_count=1, metadata=tagged)


EXERCISE = """### Exercise 07.1 · One
*Difficulty: easy · 10 minutes.*
<details><summary>Hint 1</summary>Look.</details>
<details><summary>Second hint</summary>Look again.</details>"""


@pytest.fixture
def good(tmp_path: Path) -> Lesson:
    """Return a lesson that keeps every rule."""
    (tmp_path / "glossary.md").write_text("# Glossary\n\n## trunk\n\nThe shared part.\n")
    cells = [
        words(
            "# 07 · Does it?\n**13 minutes to teach, 0.1 minutes to run**\nYou will be able to\n- tell\n- show"
        ),
        words(
            "## First\nA **trunk**, and **labels:** **What now**? **So.**",
            minutes=10,
            short=4,
            cut="Skip it.",
            expect="It is 3.",
            reveals="They guess.",
            drop=1,
            short_exercises=[],
            home_exercises=["07.1"],
        ),
        code("1 + 1", printed("2"), "nbval-check-output"),
        code("2 + 2", printed("4"), "nbval-check-output"),
        words("Read aloud."),
        code("3 + 3", printed("6"), "nbval-check-output"),
        code("4 + 4", printed("8"), "nbval-check-output"),
        words("A picture."),
        code("draw()", drawn(), mystnb={"image": {"alt": "Two lines"}}),
        words("The upper line wins."),
        code("fail()", error(), "raises-exception", expects={"error": "ValueError", "message": "2 names"}),
        words(EXERCISE),
        code(
            "answer = ...\nexercises.check('07.1', answer)",
            printed("Not tried yet"),
            "exercise",
            exercise="07.1",
        ),
        code("answer = 1\nexercises.check('07.1', answer)", printed("Right"), "solution", exercise="07.1"),
        words("## Quiz\n<details>No: …</details>\n<details>Yes: …</details>", minutes=3),
    ]
    notebook = new_notebook(cells=cells)
    notebook.metadata.course = {
        "lesson": "07", "minutes_to_teach": 13, "minutes_to_run": 0.1, "purpose": "To try.",
        "discussion": {"question": "Why?", "answer": "So."}, "board": {"steps": ["Draw."], "sketch": ["--"]},
    }  # fmt: skip
    path = tmp_path / "07_does_it.ipynb"
    lessons.write(nbformat.from_dict(notebook), path)
    notebook.metadata.course.executed = lessons.content_hash(path)
    lessons.write(normalise(notebook), path)
    return rules.load(path)


def broken_rules(lesson: Lesson) -> list[str]:
    return [rule.__name__ for rule in RULES if list(rule(lesson))]


def test_good_lesson(good: Lesson) -> None:
    assert not [fault for rule in RULES for fault in rule(good)]
    assert rules.counts(good).endswith(" words, 7 code cells, median 1 lines")


def replace(n: int, old: str, new: str) -> Callable[[Lesson], object]:
    def breaks(lesson: Lesson) -> None:
        assert old in lesson.cells[n].source
        lesson.cells[n].source = lesson.cells[n].source.replace(old, new)

    return breaks


def put(n: int, outputs: list[NotebookNode]) -> Callable[[Lesson], object]:
    return lambda lesson: lesson.cells[n].update(outputs=outputs)


def drop(n: int, *keys: str) -> Callable[[Lesson], object]:
    def breaks(lesson: Lesson) -> None:
        place = lesson.cells[n].metadata
        for key in keys[:-1]:
            place = place[key]
        del place[keys[-1]]

    return breaks


def course(key: str, value: object) -> Callable[[Lesson], object]:
    return lambda lesson: lesson.course.update({key: value})


def taught(**notes: object) -> Callable[[Lesson], object]:
    return lambda lesson: lesson.cells[1].metadata.teaching.update(notes)


def remove(n: int) -> Callable[[Lesson], object]:
    return lambda lesson: lesson.cells.pop(n)


BREAKS: list[tuple[str, str, Callable[[Lesson], object]]] = [
    ("references", "no empty line before reference [2]", replace(1, "A **trunk**", "[1] One.\n[2] Two.\nA **trunk**")),
    ("is_format", "no valid notebook", lambda lesson: lesson.cells[1].update(outputs=[])),
    ("is_format", "not in normal form", lambda lesson: lesson.notebook.metadata.update(widgets={"state": 1})),
    ("is_format", "not in normal form", lambda one: one.notebook.metadata.kernelspec.update(name="mine")),
    ("is_format", "not in normal form", lambda one: one.cells[2].metadata.update(execution={"t": "2026"})),
    ("opening", "one H1", replace(1, "A **trunk**", "\n# Another\nA **trunk**")),
    ("opening", "one H1", replace(0, "# 07 · Does", "# Does")),
    ("opening", "course.lesson is '08'", course("lesson", "08")),
    ("opening", "no objectives", replace(0, "able to", "shown how to")),
    ("opening", "minutes_to_run is no number", course("minutes_to_run", "short")),
    ("opening", "no bold line", replace(0, "**", "")),
    ("exercises", "has no exercise", drop(12, "tags")),
    ("exercises", "is '07.2', not '07.1'", lambda lesson: lesson.cells[12].metadata.update(exercise="07.2")),
    ("exercises", "leaves nothing", replace(12, "...", "1")),
    ("exercises", "no solution directly after", lambda lesson: lesson.cells.insert(13, words("Try."))),
    ("exercises", "must end in exercises.check", replace(13, "exercises.check", "print")),
    ("exercises", "no heading", replace(11, "### Exercise 07.1 · One", "### Exercise")),
    ("exercises", "difficulty", replace(11, "Difficulty", "Level")),
    ("exercises", "two tiers", replace(11, "Second hint", "More")),
    ("quiz", "no section", replace(14, "Quiz", "End")),
    ("quiz", "fewer than two", replace(14, "<details>Yes", "Yes")),
    ("figures", "without alternative text", drop(8, "mystnb", "image", "alt")),
    ("figures", "KB, above 80", put(8, drawn(200))),
    ("figures", "no sentence", replace(9, "The", "## The")),
    ("sizes", "has 31 lines", lambda lesson: lesson.cells[2].update(source="\n".join(["1 + 1"] * 31))),
    ("sizes", "third code cell", remove(4)),
    ("outputs", "counts are not", lambda lesson: lesson.cells[3].update(execution_count=7)),
    ("outputs", "changed since", course("executed", "0")),
    ("outputs", "fails with KeyError", put(5, [*printed("6"), *error("KeyError")])),
    ("outputs", "does not fail", put(10, [])),
    ("outputs", "but fails with TypeError", put(10, error("TypeError"))),
    ("outputs", "but fails with ValueError: 3", put(10, error(message="3 names"))),
    ("outputs", "names no error", drop(10, "expects")),
    ("outputs", "standard error", put(5, [new_output("stream", name="stderr", text="warning")])),
    *(
        ("outputs", "differs between machines", put(2, printed(text)))
        for text in (
            "/opt/ada/x", "File /tmp/x.py", "C:\\course", "<object at 0x7f1437ac85e0>", "12:30:59",
            "3ms/step", "lib/site-packages/keras", "pid 1234",
        )
    ),
    ("compared", "only 3 cells", drop(2, "tags")),
    ("compared", "no text to compare", put(2, [])),
    ("terms", "not in glossary.md", replace(1, "**trunk**", "**head**")),
    ("terms", "a second time", replace(9, "The", "A **trunk**. The")),
    ("teaching", "without metadata teaching.minutes", drop(1, "teaching")),
    ("teaching", "add up to 13, not to 9", course("minutes_to_teach", 9)),
    ("instructor", "course.purpose is missing", course("purpose", "")),
    ("instructor", "course.discussion.answer is missing", course("discussion", {"question": "Why?"})),
    ("instructor", "course.board.sketch is no list", course("board", {"steps": [], "sketch": "--"})),
    ("instructor", "a line of 67 letters", course("board", {"steps": [], "sketch": ["-" * 67]})),
    ("instructor", "short is None", drop(1, "teaching", "short")),
    ("instructor", "short is 11; it is the minutes", taught(short=11)),
    ("instructor", "expect and reveals belong together", drop(1, "teaching", "reveals")),
    ("instructor", "cut does not say what is left out", drop(1, "teaching", "cut")),
    ("instructor", "short_exercises names ['07.2']", taught(short_exercises=["07.2"])),
    ("instructor", "take 10 minutes, more than the 4", taught(short_exercises=["07.1"])),
    ("instructor", "take 10 minutes, more than the section's 9", taught(home_exercises=[], minutes=9)),
    ("instructor", "teaching.drop are [2]", taught(drop=2)),
    ("instructor", "exercise 07.1 has no line", replace(11, "Difficulty", "Level")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "said", "breaks"), BREAKS, ids=[f"{rule}: {said}" for rule, said, _ in BREAKS]
)
def test_rule_is_broken(good: Lesson, rule: str, said: str, breaks: Callable[[Lesson], object]) -> None:
    lesson = Lesson(good.path, copy.deepcopy(good.notebook))
    breaks(lesson)
    faults = [fault for one in RULES if one.__name__ == rule for fault in one(lesson)]
    assert any(said in fault for fault in faults), faults


def test_every_rule_is_broken_once() -> None:
    assert {rule for rule, _, _ in BREAKS} == {rule.__name__ for rule in RULES}


@pytest.mark.parametrize(
    "text",
    ["the ratio is 3/4", "0.98 / 0.97", "https://example.org/work/x", "12:30", "species/body_mass", "0x1f"],
)
def test_harmless_output(good: Lesson, text: str) -> None:
    put(2, printed(text))(good)
    assert broken_rules(good) == []
