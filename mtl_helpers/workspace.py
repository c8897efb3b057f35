"""The learner's folder: the lessons without solutions and outputs, made and kept up to date.

    python -m mtl_helpers.workspace [folder]

A file that the learner changed is never overwritten. If its lesson was updated since, the new version
arrives beside it, as `02_shared_trunk_update_1.ipynb`, and a line says so.
"""

import copy
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

SOURCE = Path(__file__).resolve().parent.parent / "notebooks"
MANIFEST = ".course_manifest.json"

# Every notebook says the same about its kernel, whatever machine it was executed on.
KERNEL = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class WorkspaceError(RuntimeError):
    """The learner's folder cannot be made; the message says why and what to do."""


def strip_execution(notebook: NotebookNode) -> NotebookNode:
    """Return a copy without anything that executing a notebook adds or changes."""
    notebook = copy.deepcopy(notebook)
    notebook.metadata.update(nbformat.from_dict(KERNEL))
    notebook.metadata.pop("widgets", None)
    course = notebook.metadata.pop("course", {})
    course.pop("executed", None)
    if course:
        notebook.metadata.course = course
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def learner_edition(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of a lesson as learners get it: no solutions, no outputs, and nothing else left out."""
    notebook = strip_execution(notebook)
    notebook.cells = [cell for cell in notebook.cells if "solution" not in cell.metadata.get("tags", [])]
    return notebook


def make_workspace(folder: str | Path = "my_lessons", source: Path = SOURCE) -> list[str]:
    """Make the learner's folder, or bring it up to date, and return a line for everything that happened.

    Args:
        folder: the learner's folder; made if there is none. Other files in it are left alone.
        source: the folder of the complete lessons.

    Raises:
        WorkspaceError: if there are no lessons, or the folder cannot be written.
    """
    folder = Path(folder)
    if not any(source.glob("*.ipynb")):
        raise WorkspaceError(
            f"There are no lessons in {source}: install the course from its own folder, `pip install -e .`"
        )
    if folder.resolve() == source.resolve():
        raise WorkspaceError(f"{folder} holds the lessons themselves: name another folder.")
    try:
        return _deliver_all(folder, source)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise WorkspaceError(
            f"{error.filename} stands in the way: there is a file where a folder is needed, or the reverse. "
            "Move it away, or name another folder."
        ) from error
    except OSError as error:
        raise WorkspaceError(
            f"Cannot write to {error.filename or folder}: {error.strerror}. "
            "Make the folder writable, or name another one."
        ) from error


def _deliver_all(folder: Path, source: Path) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    manifest = _read_manifest(folder)
    lines, new_files = [], 0
    for name, content in _files(source):
        known = manifest.get(name, [])
        event = _deliver(folder / name, content, known)
        if known[-1:] != [_digest(content)]:  # noted at once, so that an interruption forgets nothing
            manifest[name] = [*known, _digest(content)]
            _write(folder / MANIFEST, (json.dumps(manifest, indent=1, sort_keys=True) + "\n").encode())
        if event == "new" and not known:
            new_files += 1
        elif event == "new":
            lines.append(f"{folder / name} was gone: made again")
        elif event:
            lines.append(event)
    if new_files:
        lines.insert(0, f"{folder}: {new_files} new files")
    return lines


def _files(source: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name, relative to the learner's folder, and the content of every file to deliver."""
    for path in sorted(source.glob("*.ipynb")):
        text = nbformat.writes(learner_edition(nbformat.read(path, as_version=4)))
        yield path.name, (text.rstrip("\n") + "\n").encode()
    stored = [path for kind in ("csv", "weights.h5") for path in source.glob(f"results/*.{kind}")]
    for path in sorted([*source.glob("*.md"), *stored]):
        yield path.relative_to(source).as_posix(), path.read_bytes()


def _deliver(path: Path, content: bytes, known: list[str]) -> str:
    """Bring one file up to date; `known` are the digests of all versions delivered so far, the latest last.

    Returns "" if there was nothing to do, "new" if there was no such file, or a line for the learner.
    """
    if not path.exists():
        _write(path, content)
        return "new"
    present = path.read_bytes()
    forms = present, _as_delivered(present)
    untouched = any(_digest(form) in known for form in forms)
    if content in forms or (known[-1:] == [_digest(content)] and not untouched):
        return ""
    if untouched:  # as it was delivered once: nothing of the learner's is in it
        _write(path, content)
        return f"{path} updated"
    beside = _free_name_beside(path, content)
    _write(beside, content)
    return f"{path} holds your changes and stays; its new version is {beside}"


def _as_delivered(present: bytes) -> bytes:
    """Return a file as it was delivered if it was only opened and saved: JupyterLab then describes the kernel."""
    try:
        notebook = nbformat.reads(present.decode(), as_version=4)
    except (ValueError, nbformat.ValidationError):  # no notebook
        return present
    notebook.metadata.update(nbformat.from_dict(KERNEL))
    return (nbformat.writes(notebook).rstrip("\n") + "\n").encode()


def _free_name_beside(path: Path, content: bytes) -> Path:
    """Return the first `..._update_N` that is free, or that already holds this very content."""
    number = 1
    while True:
        beside = path.with_stem(f"{path.stem}_update_{number}")
        if not beside.exists() or beside.read_bytes() == content:
            return beside
        number += 1


def _write(path: Path, content: bytes) -> None:
    """Write a file in one step: an interruption leaves the old file or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _read_manifest(folder: Path) -> dict[str, list[str]]:
    """Read what was delivered so far. Without it every file that differs counts as changed, which is safe."""
    try:
        return dict(json.loads((folder / MANIFEST).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return {}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def main() -> None:
    """Make the folder named on the command line, or `my_lessons`."""
    if len(sys.argv) > 2 or sys.argv[1:2] in (["-h"], ["--help"]):
        sys.exit(__doc__)
    folder = sys.argv[1] if len(sys.argv) == 2 else "my_lessons"
    try:
        lines = make_workspace(folder)
    except WorkspaceError as error:
        sys.exit(str(error))
    print("\n".join(lines) or f"{folder} is up to date")


if __name__ == "__main__":
    main()
