"""The learner's folder: made, brought up to date, and never at the learner's cost."""

import json
import os
import subprocess
import sys
from pathlib import Path

from mtl_helpers import workspace
from mtl_helpers.workspace import WorkspaceError, learner_edition, make_workspace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

NAME = "01_first.ipynb"


def lesson(text: str = "First text", executed: int = 0) -> nbformat.NotebookNode:
    """Return a small complete lesson; `executed` makes its outputs and machine metadata differ."""
    stub = new_code_cell("answer = ...", id="stub", metadata={"tags": ["exercise"], "exercise": "01.1"})
    solution = new_code_cell(
        "answer = 42", id="solution", metadata={"tags": ["solution"], "exercise": "01.1"}
    )
    words = new_markdown_cell("So it is.", id="words", metadata={"tags": ["solution"]})
    notebook = new_notebook(cells=[new_markdown_cell(text, id="text"), stub, solution, words])
    notebook.metadata.course = {"lesson": "01"}
    if executed:
        stub.execution_count = executed
        stub.outputs = [new_output("stream", name="stdout", text=f"run {executed}")]
        stub.metadata.execution = {"iopub.execute_input": f"2026-01-0{executed}"}
        notebook.metadata.update(
            kernelspec={"name": f"mine{executed}", "display_name": "Mine"},
            language_info={"name": "python", "version": f"3.{executed}"},
        )
        notebook.metadata.course.executed = f"hash {executed}"
        notebook.metadata.widgets = {"state": executed}
    return nbformat.from_dict(notebook)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "notebooks"
    (folder / "results").mkdir(parents=True)
    nbformat.write(lesson(executed=1), folder / NAME)
    (folder / "glossary.md").write_text("# Glossary\n")
    (folder / "results" / "01_first.csv").write_text("# command: x\na\n1\n")
    (folder / "results" / "01_first.weights.h5").write_bytes(b"\x89HDF\r\n\xff")
    return folder


@pytest.fixture
def folder(tmp_path: Path, source: Path) -> Path:
    make_workspace(tmp_path / "mine", source)
    return tmp_path / "mine"


def everything(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_edition_leaves_out_solutions_and_outputs_alone() -> None:
    edition = learner_edition(lesson(executed=1))
    assert [cell.id for cell in edition.cells] == ["text", "stub"]
    assert edition.cells[1].outputs == [] and edition.cells[1].execution_count is None
    assert edition.cells[1].metadata == {"tags": ["exercise"], "exercise": "01.1"}
    assert edition.metadata.course == {"lesson": "01"}
    nbformat.validate(edition)


def test_executing_a_source_changes_no_byte_of_its_edition(source: Path, folder: Path) -> None:
    before = everything(folder)
    nbformat.write(lesson(executed=2), source / NAME)
    assert make_workspace(folder, source) == []
    assert everything(folder) == before


def test_first_make(folder: Path, source: Path) -> None:
    stored = {"results/01_first.csv", "results/01_first.weights.h5"}
    assert set(everything(folder)) == {NAME, "glossary.md", *stored, workspace.MANIFEST}
    assert make_workspace(folder.with_name("other"), source) == [f"{folder.with_name('other')}: 4 new files"]


def test_second_make_is_quiet_and_writes_nothing(
    folder: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace, "_write", lambda path, content: pytest.fail(f"wrote {path}"))
    assert make_workspace(folder, source) == []


def test_unchanged_file_is_replaced(folder: Path, source: Path) -> None:
    nbformat.write(lesson("Second text"), source / NAME)
    assert make_workspace(folder, source) == [f"{folder / NAME} updated"]
    assert "Second text" in (folder / NAME).read_text()
    assert make_workspace(folder, source) == []


def saved_by_jupyterlab(path: Path, output: str = "") -> str:
    """Save a lesson as JupyterLab does that has opened it, and perhaps run a cell; return what it wrote."""
    notebook = json.loads(path.read_text())
    language = {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "version": "3.11.7",
    }
    notebook["metadata"]["language_info"] = {"name": "python", "mimetype": "text/x-python", **language}
    if output:
        first = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
        first["outputs"] = [{"output_type": "stream", "name": "stdout", "text": [output]}]
    path.write_text(json.dumps(notebook, indent=1) + "\n")
    return path.read_text()


def test_file_that_was_only_opened_and_saved_is_replaced(folder: Path, source: Path) -> None:
    before = (folder / NAME).read_text()
    assert saved_by_jupyterlab(folder / NAME) != before
    assert make_workspace(folder, source) == []
    nbformat.write(lesson("Second text"), source / NAME)
    assert make_workspace(folder, source) == [f"{folder / NAME} updated"]


def test_outputs_are_work_too(folder: Path, source: Path) -> None:
    mine = saved_by_jupyterlab(folder / NAME, "my numbers")
    nbformat.write(lesson("Second text"), source / NAME)
    [line] = make_workspace(folder, source)
    assert (folder / NAME).read_text() == mine and "_update_1" in line


def test_changed_file_is_never_overwritten(folder: Path, source: Path) -> None:
    (folder / NAME).write_text("my work")
    assert make_workspace(folder, source) == []  # no update, so nothing beside it either
    assert not list(folder.glob("*_update_*"))
    nbformat.write(lesson("Second text"), source / NAME)
    [line] = make_workspace(folder, source)
    assert (folder / NAME).read_text() == "my work"
    beside = folder / "01_first_update_1.ipynb"
    assert "Second text" in beside.read_text()
    assert str(folder / NAME) in line and str(beside) in line
    assert make_workspace(folder, source) == []


def test_two_updates_in_a_row(folder: Path, source: Path) -> None:
    (folder / NAME).write_text("my work")
    for text in ("Second text", "Third text"):
        nbformat.write(lesson(text), source / NAME)
        assert len(make_workspace(folder, source)) == 1
    assert (folder / NAME).read_text() == "my work"
    assert "Second text" in (folder / "01_first_update_1.ipynb").read_text()
    assert "Third text" in (folder / "01_first_update_2.ipynb").read_text()


def test_taken_name_is_left_alone(folder: Path, source: Path) -> None:
    (folder / NAME).write_text("my work")
    (folder / "01_first_update_1.ipynb").write_text("mine too")
    nbformat.write(lesson("Second text"), source / NAME)
    make_workspace(folder, source)
    assert (folder / "01_first_update_1.ipynb").read_text() == "mine too"
    assert "Second text" in (folder / "01_first_update_2.ipynb").read_text()


def test_adopted_update_counts_as_unchanged(folder: Path, source: Path) -> None:
    (folder / NAME).write_text("my work")
    nbformat.write(lesson("Second text"), source / NAME)
    make_workspace(folder, source)
    (folder / "01_first_update_1.ipynb").replace(folder / NAME)
    nbformat.write(lesson("Third text"), source / NAME)
    assert make_workspace(folder, source) == [f"{folder / NAME} updated"]


def test_deleted_file_is_made_again(folder: Path, source: Path) -> None:
    (folder / NAME).unlink()
    assert make_workspace(folder, source) == [f"{folder / NAME} was gone: made again"]
    assert (folder / NAME).exists()


def test_files_of_the_learner_are_left_alone(folder: Path, source: Path) -> None:
    (folder / "notes.txt").write_text("mine")
    (folder / "results" / "mine.csv").write_text("mine")
    nbformat.write(lesson("Second text"), source / NAME)
    make_workspace(folder, source)
    assert (folder / "notes.txt").read_text() == (folder / "results" / "mine.csv").read_text() == "mine"


@pytest.mark.parametrize("content", [None, "{half a manif", "[]"])
def test_without_its_manifest_nothing_is_lost(folder: Path, source: Path, content: str | None) -> None:
    (folder / NAME).write_text("my work")
    manifest = folder / workspace.MANIFEST
    for _ in range(2):
        manifest.unlink() if content is None else manifest.write_text(content)
        make_workspace(folder, source)
    assert (folder / NAME).read_text() == "my work"
    assert len(list(folder.glob("*_update_*"))) == 1
    assert NAME in json.loads(manifest.read_text())


def test_interrupted_write_leaves_the_old_file(
    folder: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(folder)
    nbformat.write(lesson("Second text"), source / NAME)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            make_workspace(folder, source)
    assert everything(folder) == before
    assert make_workspace(folder, source) == [f"{folder / NAME} updated"]


def test_interruption_between_two_files_forgets_nothing(
    folder: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = workspace._write

    def stops_at_glossary(path: Path, content: bytes) -> None:
        if path.name == "glossary.md":
            raise KeyboardInterrupt
        write(path, content)

    nbformat.write(lesson("Second text"), source / NAME)
    (source / "glossary.md").write_text("# Glossary\n\nMore of it.\n")
    with monkeypatch.context() as patch:
        patch.setattr(workspace, "_write", stops_at_glossary)
        with pytest.raises(KeyboardInterrupt):
            make_workspace(folder, source)
    nbformat.write(lesson("Third text"), source / NAME)
    assert make_workspace(folder, source) == [f"{folder / NAME} updated", f"{folder / 'glossary.md'} updated"]


def test_file_instead_of_folder(tmp_path: Path, source: Path) -> None:
    (tmp_path / "mine").write_text("a file")
    with pytest.raises(WorkspaceError, match="mine stands in the way"):
        make_workspace(tmp_path / "mine", source)


def test_folder_instead_of_file(tmp_path: Path, source: Path) -> None:
    (tmp_path / "mine" / NAME).mkdir(parents=True)
    with pytest.raises(WorkspaceError, match=f"{NAME} stands in the way"):
        make_workspace(tmp_path / "mine", source)


def test_read_only_folder(tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Permissions do not stop root, so the refusal is made here.
    def refuse(self: Path, content: bytes) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(
        WorkspaceError, match=r"Cannot write to .*: Permission denied\. Make the folder writable"
    ):
        make_workspace(tmp_path / "mine", source)


def test_without_lessons(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="There are no lessons"):
        make_workspace(tmp_path / "mine", tmp_path)


def test_the_lessons_themselves_are_safe(source: Path) -> None:
    with pytest.raises(WorkspaceError, match="holds the lessons themselves"):
        make_workspace(source, source)


@pytest.mark.slow
def test_command_says_errors_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("a file")
    command = [sys.executable, "-m", "mtl_helpers.workspace", str(tmp_path / "mine")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_importing_it_is_light() -> None:
    heavy = "{'tensorflow', 'keras', 'numpy'} & set(sys.modules)"
    code = f"import sys, mtl_helpers.workspace; sys.exit(str(sorted({heavy})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == "[]"
