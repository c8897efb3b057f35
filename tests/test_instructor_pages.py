"""The instructor's guide: routes add up, every lesson's notes are on its page, questionnaire and key fit together."""

import re
from pathlib import Path

from book import (
    check_messages,
    course_map,
    instructor_pages,
    made_from,
    questionnaire_example,
    route_pages,
    routes,
    teaching_notes,
)
from book.routes import ROUTES, Day, Route
from book.teaching_notes import Notes, Section
from tools import lessons

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = {path: lessons.read(path) for path in lessons.find()}
NOTES = instructor_pages.all_notes(NOTEBOOKS)
DAYS = [(route, day) for route in ROUTES for day in routes.plan(route, NOTES) if day.items]
GUIDE = ROOT / "book" / "instructors"

each_day = pytest.mark.parametrize(
    ("route", "day"), DAYS, ids=[f"{route.key}: {' '.join(day.forms)}" for route, day in DAYS]
)
each_lesson = pytest.mark.parametrize("notes", NOTES.values(), ids=lambda notes: notes.name)


def made_up(
    number: str, minutes: int = 90, short: int = 50, needs: tuple[str, ...] = (), drop: int = 0
) -> Notes:
    section = Section("Only", minutes, short, "A guess.", "An idea.", "Half of it.", drop, (), (), ())
    return Notes(
        number, f"{number}_made_up", "Why?", "To try.", "And?", "So.", ("Draw.",), ("--",), needs,
        (section,), (),
    )  # fmt: skip


def test_the_routes_are_those_of_the_course() -> None:
    taken = {route.key: [number for day in route.days for number in day] for route in ROUTES}
    assert taken == {
        "half": ["00", "02", "03", "06"],
        "one": ["00", "01", "02", "03", "05", "06"],
        "two": [f"{n:02d}" for n in (*range(9), 10)],
        "ten": [f"{n:02d}" for n in range(13)],
    }
    assert {route.key: (len(route.days), route.limit) for route in ROUTES} == {
        "half": (1, 210), "one": (1, 390), "two": (2, 420), "ten": (10, 120),
    }  # fmt: skip


@each_day
def test_a_day_adds_up_from_the_lessons_own_minutes(route: Route, day: Day) -> None:
    taught = 0
    for number, form in day.forms.items():
        notebook = next(one for path, one in NOTEBOOKS.items() if path.name.startswith(number))
        sections = [cell.metadata["teaching"] for cell in notebook.cells if "teaching" in cell.metadata]
        minutes = sum(one["minutes"] if form == "full" else one.get("short", 0) for one in sections)
        own = [item for item in day.items if item.section and item.lesson and item.lesson.number == number]
        assert minutes == sum(item.minutes for item in own)
        if form == "full":
            assert minutes == notebook.metadata["course"]["minutes_to_teach"]
        taught += minutes
    bridges = sum(item.minutes for item in day.items if item.kind == "bridge")
    assert taught + bridges + sum(route.breaks) + route.welcome + route.close == day.minutes <= route.limit


def test_half_a_day_has_a_break_of_twenty_minutes() -> None:
    (day,) = routes.plan(ROUTES[0], NOTES)
    assert 20 in [item.minutes for item in day.items if item.kind == "break"]


@each_day
def test_nobody_sits_for_long(route: Route, day: Day) -> None:
    stretches, minutes = [], 0
    for item in day.items:
        if item.kind == "break":
            stretches.append(minutes)
            minutes = 0
        else:
            minutes += item.minutes
    assert len(stretches) == len(route.breaks)
    assert max([*stretches, minutes]) <= 100


@each_day
def test_who_is_late_wins_about_fifteen_minutes(route: Route, day: Day) -> None:
    for number in day.forms:
        found = routes.rescue(day, number)
        order = list(day.forms)
        assert found.cuts
        for item, given in found.cuts:
            assert item.lesson and order.index(item.lesson.number) >= order.index(number)
            assert item.section and given in (0, item.section.short) and given < item.minutes
        assert found.wins == sum(item.minutes - given for item, given in found.cuts)
        assert all(found.wins - (item.minutes - given) < 15 for item, given in found.cuts), "cuts too much"
    assert routes.rescue(day, next(iter(day.forms))).wins >= 15


def test_who_is_late_shortens_before_leaving_out() -> None:
    notes = made_up("01", 40, 20, drop=1)
    (day,) = routes.plan(Route("x", "X", (("01",),), 200, (), (), "X"), {"01": notes})
    assert [given for _, given in routes.rescue(day, "01", late=15).cuts] == [20]
    assert [given for _, given in routes.rescue(day, "01", late=30).cuts] == [0]


def test_a_lesson_is_taught_in_full_where_there_is_time() -> None:
    both = {"01": made_up("01"), "02": made_up("02")}
    route = Route("x", "X", (("01", "02"),), 150, (), ("02",), "X")
    (day,) = routes.plan(route, both)
    assert day.forms == {"01": "short", "02": "full"} and day.minutes == 150
    (day,) = routes.plan(route._replace(limit=149), both)
    assert day.forms == {"01": "short", "02": "short"}


def test_a_day_that_is_too_long_is_an_error() -> None:
    route = Route("x", "X", (("01",),), 59, (), (), "X")
    with pytest.raises(ValueError, match=r"60 minutes are more than 59.*teaching.short"):
        routes.plan(route, {"01": made_up("01")})


def test_what_a_lesson_left_out_would_have_given_is_made_up_for_once() -> None:
    all_notes = {
        "01": made_up("01"),
        "02": made_up("02", needs=("01",)),
        "03": made_up("03", needs=("01", "02", "99")),
    }
    (day,) = routes.plan(Route("x", "X", (("02", "03"),), 300, (), (), "X"), all_notes)
    assert [(item.kind, item.lesson.number) for item in day.items if item.lesson] == [
        ("bridge", "01"), ("section", "02"), ("section", "03"),
    ]  # fmt: skip


def test_lessons_that_are_not_written_are_named_and_not_linked() -> None:
    without = {number: one for number, one in NOTES.items() if number != "03"}
    page = route_pages.page(without)
    assert "Lesson 03 of this route is not written yet." in page.partition("## One day")[0]
    assert "03_when_it_breaks" not in page
    with_new = NOTES | {number: made_up(number) for number in ("07", "08", "10", "11", "12")}
    page = route_pages.page(with_new)
    assert "not written yet" not in page and page.count("07_made_up") == 2


@each_lesson
def test_the_page_of_a_lesson_holds_its_notes(notes: Notes) -> None:
    page = instructor_pages.lesson_page(notes, instructor_pages.budgets()[notes.number], {})
    for told in (notes.purpose, notes.discussion, notes.answer, *notes.steps, *notes.sketch):
        assert told in page
    for section in notes.sections:
        for told in (section.expect, section.reveals, section.cut):
            assert told in page
    exercises = [one for section in notes.sections for one in section.exercises]
    assert exercises and all(f"**{one.number} {one.title}**" in page for one in exercises)
    assert f"**{notes.minutes('full')}** | **{notes.minutes('short')}**" in page


def test_run_time_and_memory_are_those_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    for number, found in instructor_pages.budgets().items():
        assert re.search(
            rf"^\| {number}_\w+ \| {found.seconds} \| {found.slowest} \| {found.memory:.2f} \|", readme, re.M
        )
    assert instructor_pages.budgets().keys() == NOTES.keys()
    assert "(measured)" not in instructor_pages.lesson_page(made_up("07"), None, {})


def test_a_lesson_without_notes_is_an_error() -> None:
    notebook = nbformat.from_dict(next(iter(NOTEBOOKS.values())).copy())
    notebook.metadata = nbformat.from_dict({"course": {"lesson": "00"}})
    with pytest.raises(ValueError, match="lack 'discussion'"):
        teaching_notes.read("00_start_here", notebook)


def test_wrong_choices_of_the_quiz() -> None:
    quiz = (
        "## Quiz\n\n**1. Why?**\n<details><summary>So</summary>No.</details>\n<details><summary>Yes</summary>Right, "
        "it is.</details>\n\n**2. How?**\n<details><summary>The right way</summary>The right one, but late.</details>"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(quiz)])
    assert teaching_notes.wrong_choices(notebook) == [
        ("Why?", (("So", "No."),)),
        ("How?", (("The right way", "The right one, but late."),)),
    ]


def test_messages_of_a_check(tmp_path: Path) -> None:
    code = '''
_MORE = "This one comes from a constant."
_LIST = [("one", "This one comes from a list.")]
def check_1(answer):
    """Not this one, it is a docstring."""
    if answer == 1:
        return f"Here {answer} was given. {_MORE}"
    return "One number is expected, but a table came." or helper(answer) or "short"
def helper(answer):
    return _LIST[answer][1]
def check_2(answer):
    return "That is the second one, not the first."
'''
    (tmp_path / "lesson_07.py").write_text(code)
    assert check_messages.messages(tmp_path / "lesson_07.py") == {
        "1": ["Here … was given. This one comes from a constant.", "This one comes from a list."],
        "2": ["That is the second one, not the first."],
    }


@each_lesson
def test_checks_have_messages(notes: Notes) -> None:
    said = check_messages.messages(ROOT / "mtl_helpers" / "checks" / f"lesson_{notes.number}.py")
    assert set(said) == {one.number[3:] for section in notes.sections for one in section.exercises}
    assert sum(map(len, said.values())) > 10


def test_optional_parts_of_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instructor_pages, "page_names", lambda: ["hub"])
    text = "a@with hub@ hub@end@@with kubernetes@ more@end@ b"
    assert instructor_pages.with_optional_parts(text) == "a hub b"


def test_the_readme_names_the_lessons_of_each_route() -> None:
    teach = (ROOT / "README.md").read_text().partition("## Teach")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\w[^|]+?) \| ([\d, ]+?) \|$", teach, re.M)
    assert rows == [
        (route.title, ", ".join(number for day in routes.plan(route, NOTES) for number in day.forms))
        for route in ROUTES
    ], "README's section Teach and book/routes.py differ"


QUESTIONS = re.findall(
    r"^## Question (\d+)\n(.*?)(?=^## |\Z)", (GUIDE / "questionnaire.md").read_text(), re.M | re.S
)
KEY = (GUIDE / "questionnaire_key.md").read_text()
RIGHT = re.findall(r"^\| (\d+) \| ([A-D]) \| (\d\d(?:, \d\d)*) \|$", KEY, re.M)


def test_each_question_has_four_answers_and_a_way_out() -> None:
    assert [number for number, _ in QUESTIONS] == [str(n) for n in range(1, 11)]
    for _, text in QUESTIONS:
        assert re.findall(r"^- \*\*([A-E])\*\* \S", text, re.M) == list("ABCDE")
        assert "**E** I do not know." in text


def test_the_key_has_an_answer_for_each_question_and_tells_of_each_wrong_one() -> None:
    assert [number for number, _, _ in RIGHT] == [number for number, _ in QUESTIONS]
    assert all(number in NOTES for _, _, numbers in RIGHT for number in numbers.split(", "))
    letters = [letter for _, letter, _ in RIGHT]
    assert max(letters.count(letter) for letter in "ABCD") <= 4  # one letter for all is worth nothing
    for number, right, _ in RIGHT:
        told = re.search(rf"^\*\*Question {number}\.\*\* (.+)$", KEY, re.M)
        assert told
        explained = re.findall(r"[A-D]", " ".join(re.findall(r"\*([A-D](?:, [A-D])*):\*", told[1])))
        assert sorted(explained) == [letter for letter in "ABCD" if letter != right], f"question {number}"


def test_the_example_is_computed_from_its_simulated_answers() -> None:
    example = re.findall(r"```text\n(.*?)\n```", KEY, re.S)
    assert example == ["\n".join(questionnaire_example.lines())]
    gain = questionnaire_example.intervals()["taught"]
    true = questionnaire_example.TAUGHT * (questionnaire_example.AFTER - questionnaire_example.BEFORE)
    assert gain.low < true < gain.high and f"or {true:.1f}" in KEY


built = pytest.mark.skipif(
    not made_from.is_current(),
    reason="the website is not built, or older than what it is made from: make book",
)


@built
def test_the_site_has_the_guide_without_gaps() -> None:
    folder = made_from.SITE / "instructors"
    wanted = {"index", *instructor_pages.page_names(), *(f"lesson_{number}" for number in NOTES)}
    assert {path.stem for path in folder.glob("*.html")} == wanted
    for path in folder.glob("*.html"):
        html = path.read_text(encoding="utf-8")
        article = html.partition("<article")[2].partition("</article>")[0]
        assert not re.search(r"@(?:with \w+|end|[a-z ]+)@", article), path.name
        assert ">None<" not in article
    home = (made_from.SITE / "index.html").read_text(encoding="utf-8")
    assert 'href="instructors/index.html"' in home


def test_needs_are_read_from_the_openings() -> None:
    for path, notebook in NOTEBOOKS.items():
        assert NOTES[path.name[:2]].needs == course_map.needed(notebook.cells[0].source)
    assert NOTES["06"].needs == ("02", "05")
