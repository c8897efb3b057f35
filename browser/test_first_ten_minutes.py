"""README's "Your first ten minutes", sentence by sentence, with the real `make lab` in a copy of the course.

The sentences of README stand below, each with the function that does what it says. When README changes, this test
fails until the sentence and its function have changed too.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from browser.chromium import WIDE, Watch
from browser.lab import ROOT, free_port, kernels_below, wait_until_gone
from browser.make_lab import copy_course, make_lab
from browser.page import Lesson
from browser.walk import Walk

import pytest
from playwright.sync_api import Browser, expect

FIRST_LESSON = "00_start_here.ipynb"
ANSWER = '(penguins.table["body_mass_g"] > 5000).sum()'


def first_cell(walk: Walk) -> None:
    number = walk.code_cell_with("Two tasks")
    assert not any(walk.is_code(n) for n in range(number)), "the first grey cell is another one"
    editor = walk.lesson.cell(number).locator(".jp-InputArea-editor")
    colour = editor.evaluate("one => getComputedStyle(one).backgroundColor")
    red, green, blue = map(int, re.findall(r"\d+", colour)[:3])
    assert red == green == blue < 255, f"the cell is not grey: {colour}"
    walk.lesson.edit(number)
    assert walk.lesson.run(number).strip() == "Two tasks, one network."
    walk.go_on_to(number + 1)


def tensorflow_starts(walk: Walk) -> None:
    number = walk.code_cell_with("import keras")
    assert sum(walk.is_code(n) for n in range(number)) == 1, (
        "TensorFlow starts in another cell than the second"
    )
    before = sum(kernel.memory_info().rss for kernel in kernels_below(walk.make))
    walk.go_on_to(number + 1)
    grown = sum(kernel.memory_info().rss for kernel in kernels_below(walk.make)) - before
    assert grown > 200e6, (
        f"the second code cell took only {grown / 1e6:.0f} MB: did TensorFlow start elsewhere?"
    )


def machine_is_ready(walk: Walk) -> None:
    number = walk.code_cell_with("check_machine()")
    walk.go_on_to(number + 1)
    assert walk.lesson.output(number).count("ready") >= 3
    assert walk.lesson.cell(number).locator("table").is_visible()
    walk.lesson.shot("first_ten_minutes_machine", number)


def exercise_answers(walk: Walk) -> None:
    number = walk.code_cell_with('exercises.check("00.1"')
    walk.go_on_to(number)
    assert "Not tried yet" in walk.lesson.run(number)
    gap = walk.lesson.cell(number).locator(".cm-line", has_text="heavy_birds = ...")
    gap.click()
    walk.page.keyboard.press("End")
    for _ in "...":
        walk.page.keyboard.press("Backspace")
    walk.page.keyboard.type(ANSWER)
    assert "✔ Exercise 00.1: Right." in walk.lesson.run(number)
    walk.lesson.shot("first_ten_minutes_exercise", number)


def solution_shows(walk: Walk) -> None:
    number = walk.code_cell_with('exercises.solution("00.1")')
    walk.go_on_to(number + 1)
    assert ANSWER in walk.lesson.output(number)


def shut_down_and_open_the_next(walk: Walk) -> None:
    walk.page.keyboard.press("ControlOrMeta+S")
    kernels = kernels_below(walk.make)
    assert len(kernels) == 1
    walk.lesson.menu("Kernel", "Shut Down Kernel")
    wait_until_gone(kernels)
    walk.open_from_the_list("01_single_task_baselines")
    walk.wait_for_lesson("01 · How good is one network per task")
    walk.lesson.shot("first_ten_minutes_next_lesson")


SENTENCES: list[tuple[str, Callable[[Walk], None]]] = [
    ("Click on the first grey cell and press *Shift + Enter*; go on, cell by cell.", first_cell),
    ("The second code cell starts TensorFlow and takes a while.", tensorflow_starts),
    ("`check_machine()` tells whether everything is ready.", machine_is_ready),
    (
        "An exercise has a `...` where your answer goes; run its cell before and after you answer, and the check below "
        "says what it thinks.",
        exercise_answers,
    ),
    ('`exercises.solution("00.1")` shows a solution.', solution_shows),
    (
        "When you are done with a lesson, save it with *Ctrl + S*, choose *Kernel*, then *Shut Down Kernel*, and open "
        "the next one from the list on the left (`make lab` always begins with lesson 00).",
        shut_down_and_open_the_next,
    ),
]
ELSEWHERE_IN_README = [
    "Then JupyterLab opens with lesson 00 from your folder `my_lessons`. From then on `make lab` starts in seconds.",
    "What you write in `my_lessons` is never overwritten.",
    '`make lab LAB_ARGS="--no-browser --port 8890"`; then open the address that it prints.',
]


def test_readme_says_what_is_tried_here() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^\*\*Your first ten minutes\.\*\* (.+)$", readme, re.M)
    assert found, "README has no paragraph that begins with **Your first ten minutes.**"
    left = found[1]
    for sentence, _ in SENTENCES:
        assert left.startswith(sentence), (
            f"README's first ten minutes differ from what browser/test_first_ten_minutes.py tries. Change both.\n"
            f"README:    {left}\nthis test: {sentence}"
        )
        left = left.removeprefix(sentence).strip()
    assert not left, f"nothing in browser/test_first_ten_minutes.py tries what README says here: {left}"
    missing = [text for text in ELSEWHERE_IN_README if text not in readme]
    assert not missing, f"README no longer says what browser/test_first_ten_minutes.py relies on: {missing}"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_course(tmp_path_factory.mktemp("clone") / "course")


@contextmanager
def opened(browser: Browser, address: str) -> Iterator[Lesson]:
    """Open an address in a new window, in which nothing may go wrong."""
    context = browser.new_context(viewport=WIDE)
    watch = Watch(context)
    lesson = Lesson(context.new_page())
    lesson.page.goto(address)
    try:
        yield lesson
    except Exception:
        lesson.shot("first_ten_minutes_failed")
        raise
    finally:
        context.close()
    assert not watch.faults(), "\n".join(watch.faults())


@pytest.mark.slow
def test_first_ten_minutes(course: Path, browser: Browser) -> None:
    """The first start opens the browser; the second, as on a server without a screen, prints the address."""
    with make_lab(course) as (make, address), opened(browser, address) as lesson:
        walk = Walk(lesson, make)
        walk.wait_for_lesson("00 · Is my machine ready")
        assert (course / "my_lessons" / FIRST_LESSON).exists()
        for _, step in SENTENCES:
            step(walk)

    without_screen = f"LAB_ARGS=--no-browser --port {free_port()}"
    with make_lab(course, without_screen) as (make, address), opened(browser, address) as lesson:
        walk = Walk(lesson, make)
        walk.wait_for_lesson("00 · Is my machine ready")
        number = walk.code_cell_with('exercises.check("00.1"')
        expect(lesson.cell(number).locator(".cm-content")).to_contain_text(f"heavy_birds = {ANSWER}")
    assert sorted(path.name for path in course.glob("my_lessons/00*")) == [FIRST_LESSON]
