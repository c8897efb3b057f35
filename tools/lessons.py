"""What the other tools share: find a lesson, run it in a fresh kernel, judge its outputs, hash its code."""

import ast
import hashlib
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
CELL_SECONDS = 240


def find(names: Iterable[str] = ()) -> list[Path]:
    """Return the lessons that some names stand for: paths, or starts of file names as "02". None: all."""
    lessons = sorted(NOTEBOOKS.glob("*.ipynb"))
    if not names:
        return lessons
    chosen = []
    for name in names:
        matches = [path for path in lessons if path.name.startswith(Path(name).name)]
        if not matches:
            raise SystemExit(f"No lesson {name!r} in {NOTEBOOKS.name}/: {', '.join(p.name for p in lessons)}")
        chosen += matches
    return chosen


def read(path: Path) -> NotebookNode:
    """Read a notebook."""
    return nbformat.read(path, as_version=4)


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook, always with one newline at its end."""
    path.write_text(nbformat.writes(notebook).rstrip("\n") + "\n", encoding="utf-8", newline="\n")


def tags(cell: NotebookNode) -> list[str]:
    """Return the tags of a cell."""
    return cell.metadata.get("tags", [])


def run(
    notebook: NotebookNode,
    folder: Path,
    on_cell: Callable[..., Any] | None = None,
    cell_seconds: int | None = CELL_SECONDS,
) -> None:
    """Execute a notebook in place, in a fresh kernel whose working folder is `folder`.

    Args:
        notebook: gets the outputs.
        folder: where the lesson's own files are.
        on_cell: called after each code cell with `cell`, `cell_index` and `execute_reply`.
        cell_seconds: the longest that a cell may take; None for no limit.

    Raises:
        nbclient.exceptions.CellTimeoutError: at a cell that takes longer.
        nbclient.exceptions.CellExecutionError: at the first cell that fails and is not tagged for it.
    """
    client = NotebookClient(
        notebook,
        timeout=cell_seconds,
        startup_timeout=120,
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],  # else each kernel warns the terminal of itself
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    if on_cell:
        client.on_cell_executed = on_cell
    client.execute()


def output_problems(cell: NotebookNode, outputs: list[NotebookNode]) -> list[str]:
    """Say what is wrong with a code cell's outputs: errors, missing errors, anything on standard error."""
    problems = []
    errors = [output for output in outputs if output.output_type == "error"]
    if "raises-exception" in tags(cell):
        expected = cell.metadata.get("expects", {})
        if not expected.get("error") or not expected.get("message"):
            problems.append("is meant to fail, but its metadata `expects` names no error and message")
        elif not errors:
            problems.append(f"is meant to fail with {expected['error']}, but does not fail")
        elif errors[0].ename != expected["error"] or expected["message"] not in errors[0].evalue:
            problems.append(
                f"is meant to fail with {expected['error']}: …{expected['message']}…, "
                f"but fails with {errors[0].ename}: {errors[0].evalue}"
            )
    elif errors:
        problems.append(f"fails with {errors[0].ename}: {errors[0].evalue}")
    for output in outputs:
        if output.output_type == "stream" and output.name == "stderr":
            problems.append(f"prints to standard error: {output.text.strip()[:200]}")
    return problems


def content_hash(path: Path) -> str:
    """Return the hash of all that decides a lesson's outputs.

    That is: its code cells, the modules of mtl_helpers that they import (and those that these import), the
    checks of its exercises, the stored tables and weights that it reads, and the lock of all packages.
    """
    sources = [cell.source for cell in read(path).cells if cell.cell_type == "code"]
    code = "\n".join(TransformerManager().transform_cell(source) for source in sources)
    files = _helper_files(code, path.name[:2])
    files |= {path.parent / name for name in re.findall(r"results/\w+\.(?:csv|weights\.h5)", code)}
    files.add(ROOT / "requirements.txt")
    contents = [file.read_bytes() for file in sorted(files) if file.exists()]
    return hashlib.sha256(b"\0".join([*map(str.encode, sources), *contents])).hexdigest()[:16]


def _helper_files(code: str, number: str) -> set[Path]:
    """Return the files of mtl_helpers that some code imports, directly or through one another."""
    found: set[Path] = set()
    waiting = _imported(code, package="")
    while waiting:
        module = waiting.pop()
        file = ROOT.joinpath(*module.split(".")).with_suffix(".py")
        package = module.rpartition(".")[0]
        if not file.exists():
            file, package = ROOT.joinpath(*module.split("."), "__init__.py"), module
        if not file.exists() or file in found:
            continue
        found.add(file)
        waiting |= _imported(file.read_text(encoding="utf-8"), package)
        if module == "mtl_helpers.exercises":  # it finds the checks of a lesson by number
            waiting.add(f"mtl_helpers.checks.lesson_{number}")
    return found


def _imported(code: str, package: str) -> set[str]:
    """Return all modules of mtl_helpers that some code may import, and the packages around them."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            names |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    names = {name for name in names if name.split(".")[0] == "mtl_helpers"}
    return names | {name.rpartition(".")[0] for name in names}
