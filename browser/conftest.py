"""What the tests in the browser share: the server, the browser, and which lessons to run."""

from collections.abc import Iterator
from pathlib import Path

from browser.chromium import WIDE, Watch, running_browser
from browser.lab import ROOT, Lab, make_learners_folder, running_lab
from browser.page import SHOTS, Lesson

import pytest
from playwright.sync_api import Browser, expect

LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of `make browser`."""
    parser.addoption("--browser", default="chromium", help="the command of a Chromium")
    parser.addoption(
        "--lessons", default="", help='numbers of the lessons to run, "00 02"; the others are opened'
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give every lesson to the tests of its kind: `ran`, `opened` or `lesson_path`."""
    wanted = str(metafunc.config.getoption("--lessons")).split()
    numbers = [path.name[:2] for path in LESSONS]
    if unknown := sorted(set(wanted) - set(numbers)):
        raise pytest.UsageError(
            f"There is no lesson {', '.join(unknown)}: name some of {', '.join(numbers)}."
        )
    kinds = {
        "ran": [path for path in LESSONS if not wanted or path.name[:2] in wanted],
        "opened": [path for path in LESSONS if wanted and path.name[:2] not in wanted],
        "lesson_path": LESSONS,
    }
    for name, paths in kinds.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, paths, ids=[path.stem for path in paths])


@pytest.fixture(scope="session")
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    """A browser."""
    SHOTS.mkdir(exist_ok=True)
    expect.set_options(timeout=30_000)  # for busy machines
    try:
        with running_browser(request.config.getoption("--browser")) as browser:
            yield browser
    except RuntimeError as error:  # once, not for every test
        pytest.exit(str(error), returncode=1)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A server of JupyterLab on a learner's folder."""
    folder: Path = tmp_path_factory.mktemp("lab")
    make_learners_folder(folder / "my_lessons")
    (folder / "home").mkdir()
    with running_lab(folder / "my_lessons", folder / "home") as lab:
        yield lab


@pytest.fixture
def lesson(browser: Browser, lab: Lab, request: pytest.FixtureRequest) -> Iterator[Lesson]:
    """A new window; at its end nothing may have gone wrong in it, and no kernel is left for the next test."""
    context = browser.new_context(viewport=WIDE)
    watch = Watch(context)
    lesson, failed_before = Lesson(context.new_page()), request.session.testsfailed
    try:
        yield lesson
        if request.session.testsfailed > failed_before:
            lesson.shot(f"failed_{request.node.name}")
    finally:
        context.close()
        lab.shut_down_kernels()
    assert not watch.faults(), "\n".join(watch.faults())
