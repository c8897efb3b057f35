"""The maintainers' tools: what decides an execution, what is kept of it, what is refused."""

import base64
import io
import os
import re
import subprocess
import sys
from pathlib import Path

from mtl_helpers.workspace import learner_edition
from tools import binder_budget, budget, execute, lessons, opening_note, results
from tools.normalise import normalise

import h5py  # type: ignore[import-untyped]
import nbformat
import numpy as np
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a course with one lesson that imports one of several small modules."""
    files = {
        "requirements.txt": "numpy==1",
        "mtl_helpers/__init__.py": "",
        "mtl_helpers/data.py": "from .deep import x",
        "mtl_helpers/deep.py": "import mtl_helpers.deepest",
        "mtl_helpers/deepest.py": "",
        "mtl_helpers/exercises.py": "",
        "mtl_helpers/unused.py": "",
        "mtl_helpers/checks/__init__.py": "",
        "mtl_helpers/checks/lesson_01.py": "from .. import answers",
        "mtl_helpers/checks/lesson_02.py": "",
        "mtl_helpers/answers.py": "",
        "notebooks/results/01_a.csv": "a\n1\n",
        "notebooks/results/01_a.weights.h5": "weights",
        "notebooks/results/02_b.csv": "a\n1\n",
        "notebooks/results/02_b.weights.h5": "weights",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    reads = "read('results/01_a.csv')\nnetwork.load_weights('results/01_a.weights.h5')"
    save(tmp_path, "%xmode Minimal\nfrom mtl_helpers import data, exercises\n", reads)
    monkeypatch.setattr(lessons, "ROOT", tmp_path)
    monkeypatch.setattr(lessons, "NOTEBOOKS", tmp_path / "notebooks")
    return tmp_path


def save(course: Path, *sources: str, **metadata: object) -> Path:
    cells = [new_markdown_cell("# Title", id="title")]
    cells += [new_code_cell(source, id=f"cell-{n}", metadata=metadata) for n, source in enumerate(sources)]
    path = course / "notebooks" / "01_lesson.ipynb"
    path.parent.mkdir(exist_ok=True)
    lessons.write(new_notebook(cells=cells), path)
    return path


RELEVANT = [
    "requirements.txt",
    "mtl_helpers/__init__.py",
    "mtl_helpers/data.py",
    "mtl_helpers/deep.py",
    "mtl_helpers/deepest.py",
    "mtl_helpers/exercises.py",
    "mtl_helpers/checks/lesson_01.py",
    "mtl_helpers/answers.py",
    "notebooks/results/01_a.csv",
    "notebooks/results/01_a.weights.h5",
]
IRRELEVANT = [
    "mtl_helpers/unused.py",
    "mtl_helpers/checks/lesson_02.py",
    "notebooks/results/02_b.csv",
    "notebooks/results/02_b.weights.h5",
]


@pytest.mark.parametrize("name", RELEVANT + IRRELEVANT)
def test_hash_follows_what_is_imported(course: Path, name: str) -> None:
    path = course / "notebooks" / "01_lesson.ipynb"
    before = lessons.content_hash(path)
    (course / name).write_text((course / name).read_text() + "\n# changed")
    assert (lessons.content_hash(path) != before) == (name in RELEVANT)


def test_hash_follows_code_and_nothing_else_of_the_lesson(course: Path) -> None:
    path = save(course, "1 + 1")
    before = lessons.content_hash(path)
    notebook = lessons.read(path)
    notebook.cells[0].source = "# Another title"
    notebook.cells[1].outputs = [new_output("stream", text="2")]
    lessons.write(notebook, path)
    assert lessons.content_hash(path) == before
    notebook.cells[1].source = "1 + 2"
    lessons.write(notebook, path)
    assert lessons.content_hash(path) != before


def test_hash_follows_weights_that_are_no_text(course: Path) -> None:
    path, weights = course / "notebooks" / "01_lesson.ipynb", course / "notebooks/results/01_a.weights.h5"
    hashes = set()
    for content in (b"\x89HDF\xff\r\n", b"\x89HDF\xfe\r\n"):
        weights.write_bytes(content)
        hashes.add(lessons.content_hash(path))
    assert len(hashes) == 2


def picture(change: int) -> str:
    pixels = np.full((8, 8, 3), 100, dtype=np.uint8)
    pixels[3, 3] += change
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return base64.b64encode(buffer.getvalue()).decode()


def shown(**data: str) -> list[NotebookNode]:
    return [new_output("display_data", data={key.replace("_", "/"): value for key, value in data.items()})]


def test_same_outputs() -> None:
    same = execute.same_outputs
    assert same(shown(text_plain="1"), shown(text_plain="1"))
    assert not same(shown(text_plain="1.000001"), shown(text_plain="1.000002"))
    assert not same(shown(text_plain="1"), [])
    assert not same(shown(text_plain="1"), [new_output("stream", text="1")])
    assert same(shown(image_png=picture(0)), shown(image_png=picture(10)))
    assert not same(shown(image_png=picture(0)), shown(image_png=picture(100)))
    assert not same(shown(image_png=picture(0)), shown(image_png=picture(0), text_html="x"))


def test_normal_form() -> None:
    cell = new_code_cell(
        "print(1)", id="mine", execution_count=8, metadata={"execution": {"t": "1"}, "tags": ["x"]}
    )
    cell.outputs = [
        new_output("stream", name="stdout", text="1\n"),
        new_output("stream", name="stderr", text="warning"),
        new_output("stream", name="stdout", text="2\n"),
        new_output("execute_result", execution_count=8, data={"text/plain": "3"}),
    ]
    notebook = new_notebook(
        cells=[cell, new_code_cell("2", execution_count=5), new_code_cell("", id="empty")]
    )
    notebook.metadata.update(
        kernelspec={"name": "mine"}, language_info={"version": "3.11.7"}, course={"lesson": "01"}
    )
    normal = normalise(notebook)
    assert normal == normalise(normal)
    assert [one.execution_count for one in normal.cells] == [1, 2, None]
    assert normal.cells[0].id == "mine" and normal.cells[0].metadata == {"tags": ["x"]}
    assert [one.get("text") for one in normal.cells[0].outputs] == ["1\n2\n", None]
    assert normal.cells[0].outputs[1].execution_count == 1
    assert normal.metadata.kernelspec.name == "python3" and normal.metadata.language_info == {
        "name": "python"
    }
    assert normal.metadata.course == {"lesson": "01"}


@pytest.mark.parametrize(
    ("pieces", "kept"),
    [
        (["1/3\r2/3\r3/3\n", "done"], "3/3\ndone"),
        (["1/2\r", "2/2"], "2/2"),  # a bar that arrives in two pieces
        (["2/2\r"], "2/2"),  # the cursor went back, and nothing was written over it
        (["a\r\nb\r\n"], "a\nb\n"),
        (["a\n\rb\n\n"], "a\nb\n\n"),
        (["x\r\r"], "x"),
    ],
)
def test_a_progress_bar_is_kept_as_it_is_shown_in_the_end(pieces: list[str], kept: str) -> None:
    cell = new_code_cell("1", outputs=[new_output("stream", name="stdout", text=text) for text in pieces])
    [normal] = normalise(new_notebook(cells=[cell])).cells
    assert [output.text for output in normal.outputs] == [kept]


def test_a_widget_is_not_kept_but_the_picture_above_it_is() -> None:
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "5f0c"}, "text/plain": "VBox(…)"}
    outputs = shown(image_png=picture(0)) + [new_output("display_data", data=widget)]
    [normal] = normalise(new_notebook(cells=[new_code_cell("1", outputs=outputs)])).cells
    assert [list(output.data) for output in normal.outputs] == [["image/png"]]


@pytest.mark.slow
def test_execute(course: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["execute", *arguments])
        assert execute.main() == 0
        return capsys.readouterr().out.strip()

    path = save(course, "import time\nprint('a', flush=True)\ntime.sleep(.3)\nprint('b')", "6 * 7")
    edition = nbformat.writes(learner_edition(lessons.read(path)))
    assert run() == "01_lesson.ipynb: executed"
    first = path.read_bytes()
    stored = lessons.read(path)
    assert stored.cells[1].outputs[0].text == "a\nb\n" and stored.cells[2].execution_count == 2
    assert [cell.id for cell in stored.cells] == ["title", "cell-0", "cell-1"]
    assert nbformat.writes(learner_edition(stored)) == edition
    assert run() == "01_lesson.ipynb: unchanged"
    assert run("--all", "01") == "01_lesson.ipynb: executed"
    assert path.read_bytes() == first


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "metadata", "said"),
    [
        ("1 / 0", {}, "ZeroDivisionError"),
        ("import sys\nprint('careful', file=sys.stderr)", {}, "standard error: careful"),
        ("1 / 1", {"expects": {"error": "ZeroDivisionError", "message": "by zero"}}, "does not fail"),
        ("1 / 0", {"expects": {"error": "ValueError", "message": "by zero"}}, "fails with ZeroDivisionError"),
        ("1 / 0", {"expects": {"error": "ZeroDivisionError", "message": "by one"}}, "division by zero"),
        ("1 / 0", {"expects": {"error": "ZeroDivisionError"}}, "names no error and message"),
    ],
)
def test_execute_refuses(course: Path, source: str, metadata: dict, said: str) -> None:
    path = save(course, source, **(metadata | {"tags": ["raises-exception"]} if metadata else {}))
    before = path.read_bytes()
    problems = execute.execute(path)
    assert said in "\n".join(problems)
    assert path.read_bytes() == before


@pytest.mark.slow
def test_nbval_guard(tmp_path: Path) -> None:
    expects = {"error": "ZeroDivisionError", "message": "by zero"}
    meant = {"tags": ["raises-exception"], "expects": expects}
    cells = [
        (True, new_code_cell("1 / 0", metadata=meant)),
        (True, new_code_cell("6 * 7")),
        (False, new_code_cell("1 / 1", metadata=meant)),
        (False, new_code_cell("int('x')", metadata=meant)),
        (False, new_code_cell("import sys\nprint('careful', file=sys.stderr)")),
        (False, new_code_cell("1 / 0")),
        (False, new_code_cell("6 * 9", metadata={"tags": ["nbval-check-output"]}, execution_count=1)),
    ]
    cells[-1][1].outputs = [new_output("execute_result", data={"text/plain": "42"})]
    path = tmp_path / "lesson.ipynb"
    nbformat.write(new_notebook(cells=[cell for _, cell in cells]), path)
    command = [sys.executable, "-m", "pytest", "-v", "--color=no", "-p", "tools.nbval_guard", "--nbval-lax"]
    command += ["--nbval-current-env", f"--rootdir={tmp_path}", "-c", os.devnull, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    passed = [word == "PASSED" for word in re.findall(r"::Cell \d+ (PASSED|FAILED)", done.stdout)]
    assert passed == [right for right, _ in cells], done.stdout + done.stderr


@pytest.mark.slow
def test_budget_measures_time_and_memory(course: Path) -> None:
    path = save(course, "import time\ntime.sleep(1)", "taken = bytearray(300_000_000)\ntime.sleep(2)")
    measured = budget.measure(path)
    assert 3 < measured.seconds < 20
    assert 2 < measured.slowest_cell < measured.seconds
    assert 0.3 < measured.memory < 0.6
    if sys.platform == "linux":
        assert 0.3 < measured.private < measured.memory
    assert measured.together == measured.memory


@pytest.mark.slow
def test_budget_counts_what_a_lesson_starts(course: Path) -> None:
    child = "import time; taken = bytearray(300_000_000); time.sleep(2)"
    path = save(course, f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {child!r}])")
    measured = budget.measure(path)
    assert measured.memory < 0.2 and 0.3 < measured.together - measured.memory < 0.33


def test_budget_flags_what_exceeds() -> None:
    one = budget.Measurement
    assert one("a", 120, 60, 1.2, 0.5).excess() == ""
    assert one("a", 121, 61, 1.3, 0.5).excess() == "run time, slowest cell, memory"
    assert one("a", 9, 9, 1.2, 0.5, together=1.8).excess() == ""
    assert one("a", 9, 9, 1.1, 0.5, together=1.91).excess() == "memory"
    assert "starts, a takes 1.80 GB" in budget.table([one("a", 9, 9, 1.2, 0.5, together=1.8)])
    assert "takes" not in budget.table([one("a", 9, 9, 1.2, 0.5, together=1.2)])
    assert budget.table([one("a", 40, 9, 1, 0.5)]).count("**") == 0
    assert "| average | 46 | | | **run time** |" in budget.table([one("a", 46, 9, 1, 0.5)])


def test_budget_table_replaces_itself() -> None:
    start, end = budget.MARKERS
    once = budget.replace_between(f"before\n{start}\nold\n{end}\nafter\n", "| new \\1 |")
    assert once == f"before\n{start}\n| new \\1 |\n{end}\nafter\n"
    assert budget.replace_between(once, "| new \\1 |") == once
    with pytest.raises(SystemExit, match="needs these two lines"):
        budget.replace_between("no markers", "")
    budget.replace_between((ROOT / "README.md").read_text(), "")  # the README has them


def test_binder_tables() -> None:
    measured = [budget.Measurement("01_a", 50, 9, 2.1, 0.5), budget.Measurement("02_b", 40, 9, 1.9, 0.4)]
    table = binder_budget.lesson_table(measured, 0.15)
    assert "| 01_a | 50 | **2.10** | 0.50 |" in table and "| 02_b | 40 | 1.90 | 0.40 |" in table
    sizes = {f"p{n}": (n * 10_000_000, n * 1_000_000) for n in range(1, 10)}
    assert binder_budget.size_table(sizes).splitlines()[2] == "| p9 | 90 | 9 |"
    assert binder_budget.size_table(sizes).splitlines()[-2:] == [
        "| 3 others | 60 | 6 |",
        "| **all** | 450 | 45 |",
    ]
    budget.replace_between(binder_budget.PAGE.read_text(encoding="utf-8"), "", binder_budget.MARKERS)


LONG_RUN = """
import keras, pandas as pd
keras.utils.set_random_seed(0)
stored_network, runs = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]), SEEDS
stored_network.compile("adam")
stored_network.optimizer.build(stored_network.trainable_variables)
results = pd.DataFrame({"seed": runs, "error": [0.5] * len(runs)})
"""


@pytest.mark.slow
def test_results(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(course, "SEEDS = [0]", LONG_RUN, "pd.read_csv('results/01_lesson.csv').nothing_of_this_name")
    notebook = lessons.read(path)
    notebook.cells[1].metadata["results"] = "import time\ntime.sleep(2)\nSEEDS = [0, 1]"
    lessons.write(notebook, path)
    monkeypatch.setattr(lessons, "CELL_SECONDS", 1)
    assert results.assigns_results(path)
    before = path.read_bytes()
    written = ["01_lesson.csv: written, 2 rows", "01_lesson.weights.h5: written, 0.0 MB"]
    assert results.make(path) == written
    assert path.read_bytes() == before

    target = course / "notebooks" / "results" / "01_lesson.csv"
    lines = target.read_text().splitlines()
    assert [line.split(":")[0] for line in lines[:4]] == ["# command", "# versions", "# date", "# cores"]
    assert "keras 3." in lines[1] and lines[3] == f"# cores: {os.cpu_count()}"
    assert lines[4:] == ["seed,error", "0,0.5", "1,0.5"]
    with h5py.File(target.with_suffix(".weights.h5")) as file:
        arrays: list[h5py.Dataset] = []
        file.visititems(lambda _, item: arrays.append(item) if isinstance(item, h5py.Dataset) else None)
        assert {(array.shape, str(array.dtype)) for array in arrays} == {
            ((3, 2), "float32"),
            ((2,), "float32"),
        }

    target.write_text(re.sub("date: .*", "date: long ago", target.read_text()))
    again = ["01_lesson.csv: the same again", "01_lesson.weights.h5: the same again"]
    assert results.make(path) == again
    assert "long ago" in target.read_text()


def test_results_are_for_lessons_that_assign_them(course: Path) -> None:
    assert not results.assigns_results(save(course, "%xmode Minimal\nprint('results = 1')"))
    assert results.assigns_results(save(course, "1", "network, results = 1, 2"))
    with pytest.raises(SystemExit, match="01_lesson.ipynb assigns no variable `results`"):
        results.make(save(course, "stored_network = 1"))


def test_lessons_are_found_by_the_start_of_their_names(course: Path) -> None:
    path = save(course, "1")
    assert lessons.find() == lessons.find(["01"]) == lessons.find([f"notebooks/{path.name}"]) == [path]
    with pytest.raises(SystemExit, match="No lesson '09'"):
        lessons.find(["09"])


@pytest.mark.parametrize(
    ("version", "status"), [((3, 10), 1), ((3, 11), 0), ((3, 13), 0), ((3, 14), 1), ((2, 7), 1)]
)
def test_python_is_checked(version: tuple[int, int], status: int) -> None:
    code = f"import sys, runpy; sys.version_info = {version + (0,)}; runpy.run_path('tools/check_python.py')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == status
    assert ("needs Python 3.11 or newer, below 3.14" in done.stderr) == bool(status)


def test_every_target_is_in_the_help() -> None:
    text = (ROOT / "Makefile").read_text()
    [declared] = re.findall(r"^\.PHONY: (.*)$", text, re.M)
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True).stdout
    assert re.findall(r"^make ([\w-]+)", listed, re.M) == declared.split()


def test_each_opening_gets_one_note_on_colab_with_the_address_of_pyproject(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(opening_note, "address", lambda: "https://example.org/old")
    old = opening_note.with_note("# 01 · Why?\n\n**9 minutes to teach**\n")
    monkeypatch.setattr(opening_note, "address", lambda: "https://example.org/new")
    new = opening_note.with_note(old)
    assert new == opening_note.with_note(new)
    assert new.count("git clone --depth 1 https://example.org/new /content/course") == 1
    assert "example.org/old" not in new and "@address@" not in new
    assert opening_note.without_note(new) == "# 01 · Why?\n\n**9 minutes to teach**"
    monkeypatch.undo()
    for path in lessons.find():
        assert opening_note.address() in lessons.read(path).cells[0].source
