"""Every lesson of the learner's edition in JupyterLab: it opens, runs, and its exercises answer."""

from pathlib import Path

from browser.answers import wrong_answer
from browser.chromium import NARROW, WIDE
from browser.lab import Lab, wait_until_gone
from browser.page import Lesson, Seen, read_cells

import pytest

RUN_SECONDS, EXERCISE_SECONDS = 240, 90


def test_a_wrong_answer_is_known(lesson_path: Path) -> None:
    wrong_answer(lesson_path.name[:2])


def test_lesson_opens(opened: Path, lesson: Lesson, lab: Lab) -> None:
    lesson.open(lab.address, lab.token, opened.name)
    assert_all_there(lesson.cells(), opened)
    lesson.cell(0).scroll_into_view_if_needed()
    lesson.shot(f"{opened.stem}_opened")
    assert len(lab.kernels()) == 1


@pytest.mark.slow
def test_lesson_runs(ran: Path, lesson: Lesson, lab: Lab) -> None:
    lesson.open(lab.address, lab.token, ran.name)
    assert_all_there(lesson.cells(), ran)
    lesson.unfold_sections()
    assert lesson.hints_that_stay_shut() == []
    lesson.shot(f"{ran.stem}_opened", 0)

    lesson.run_all(RUN_SECONDS)
    assert_all_ran(lesson.cells(), ran)
    lesson.long_shot(f"{ran.stem}_ran")
    assert_exercise_answers(ran, lesson)

    kernels = lab.kernels()
    assert len(kernels) == 1
    lesson.menu("Kernel", "Shut Down Kernel")
    wait_until_gone(kernels)


def edition(path: Path) -> list[dict]:
    """The cells of a lesson as learners get it."""
    return [cell for cell in read_cells(path) if "solution" not in cell["tags"]]


def assert_all_there(seen: list[Seen], path: Path) -> None:
    """Every cell stands on the page; prose is set as prose, and nothing has been run."""
    assert [cell.code for cell in seen] == [cell["code"] for cell in edition(path)]
    for number, cell in enumerate(seen):
        assert cell.code or cell.text.strip(), f"cell {number}: the prose does not show"
        raw = [mark for mark in ("<details", "<summary", "<div", "</", "**", "](", "$") if mark in cell.text]
        assert not raw, f"cell {number} shows {raw} instead of what it stands for: {cell.text[:500]}"
        assert not cell.bad_formulas, f"cell {number}: a formula is not drawn: {cell.text[:500]}"
        assert not cell.code or cell.prompt == "[ ]:", f"cell {number} was run already: {cell.prompt}"


def assert_all_ran(seen: list[Seen], path: Path) -> None:
    """Every code cell was run, in order; no error but those that the lesson wants; every figure shows."""
    cells = edition(path)
    for number, (cell, known) in enumerate(zip(seen, cells, strict=True)):
        wants_error = "raises-exception" in known["tags"]
        assert bool(cell.errors) == wants_error, (
            f"cell {number}, an error shows: {cell.errors}\n{known['source']}"
        )
        assert not cell.warnings, f"cell {number} shows standard error output: {cell.warnings}"
        assert all(min(sizes) > 0 for sizes in cell.figures), (
            f"cell {number}: a figure does not show: {cell.figures}"
        )
        assert "Error displaying widget" not in cell.output, f"cell {number}: a slider does not show"
        assert not cell.too_wide or wants_error, (
            f"cell {number}: the output is wider than the page:\n{cell.output}"
        )
    prompts = [cell.prompt for cell in seen if cell.code]
    assert prompts == [f"[{number}]:" for number in range(1, len(prompts) + 1)], (
        "the cells did not run in order"
    )
    drawn = {number for number, cell in enumerate(seen) if cell.figures}
    expected = {number for number, known in enumerate(cells) if known["figure"]}
    assert expected <= drawn, (
        f"these cells have a figure in the complete edition, but not here: {expected - drawn}"
    )


def assert_exercise_answers(path: Path, lesson: Lesson) -> None:
    """A wrong answer gets its message, the lesson's own solution gets praise."""
    wrong = wrong_answer(path.name[:2])
    numbers = [
        n for n, cell in enumerate(edition(path)) if cell["exercise"] == wrong.exercise and cell["code"]
    ]
    stub = edition(path)[numbers[0]]["source"]
    solution = [
        cell["source"]
        for cell in read_cells(path)
        if "solution" in cell["tags"] and cell["exercise"] == wrong.exercise and cell["code"]
    ]
    assert len(numbers) == len(solution) == 1, (
        f"exercise {wrong.exercise}: expected one stub and one solution"
    )
    (number,) = numbers

    check = stub.splitlines()[-1]
    lesson.replace(number, f"{wrong.answer}\n\n{check}")
    said = lesson.run(number, EXERCISE_SECONDS)
    assert wrong.words in said, (
        f"to a wrong answer the check should say '… {wrong.words} …', but it says: {said}"
    )
    assert lesson.cell(number).locator(".alert-danger").is_visible()
    lesson.shot(f"{path.stem}_wrong", number)

    lesson.replace(number, solution[0])
    said = lesson.run(number, EXERCISE_SECONDS)
    assert f"✔ Exercise {wrong.exercise}: Right." in said, f"to the right answer the check says: {said}"
    assert lesson.cell(number).locator(".alert-success").is_visible()
    lesson.shot(f"{path.stem}_right", number)
    lesson.page.set_viewport_size(NARROW)
    lesson.page.keyboard.press("ControlOrMeta+B")  # without the list of files
    lesson.shot(f"{path.stem}_narrow", number)
    lesson.page.set_viewport_size(WIDE)
