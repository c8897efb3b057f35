"""Make the stored tables: execute a lesson and write its DataFrame `results` to notebooks/results/.

    python -m tools.results [LESSON ...]

Without names: every lesson that assigns `results`. A code cell with metadata `results` is replaced by the source
that stands there: so a lesson stores the long run and shows a short one. No cell has a time limit, and what comes
after the table is not run. If the lesson also assigns `stored_network`, a Keras model, its weights are stored
beside the table, without those of its optimizer.

A table begins with `# ` lines that say how it was made; one whose numbers came out the same again is left as it
is, date included.
"""

import ast
import datetime
import importlib.metadata
import os
import platform
import sys
import tempfile
from pathlib import Path

from tools import lessons

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

PACKAGES = ("tensorflow-cpu", "tensorflow", "keras", "numpy", "scikit-learn")
TABLE, NETWORK = "results", "stored_network"
# A new model of the same layers has no optimizer, whose variables would make the file three times as large.
SAVE_WEIGHTS = f"import keras\nkeras.Model({NETWORK}.inputs, {NETWORK}.outputs).save_weights({{path!r}})"


def assigned(source: str) -> set[str]:
    """Return the names of variables that a code cell assigns."""
    tree = ast.parse(TransformerManager().transform_cell(source))
    targets = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}


def assigns_results(path: Path) -> bool:
    """Say whether a lesson assigns the variable `results`."""
    return any(TABLE in assigned(cell.source) for cell in _code_cells(lessons.read(path)))


def make(path: Path) -> list[str]:
    """Execute a lesson, write its table and weights, and return a line for each file saying what happened."""
    notebook = lessons.read(path)
    for cell in _code_cells(notebook):
        cell.source = cell.metadata.get("results", cell.source)
    found = [assigned(cell.source) if cell.cell_type == "code" else set() for cell in notebook.cells]
    if not any(TABLE in names for names in found):
        raise SystemExit(f"{path.name} assigns no variable `{TABLE}`, which is to become its table.")
    # What comes after may already read the table.
    del notebook.cells[max(n for n, names in enumerate(found) if names & {TABLE, NETWORK}) + 1 :]
    target = path.parent / "results" / f"{path.stem}.csv"
    with tempfile.TemporaryDirectory() as folder:
        csv, weights = Path(folder) / "results.csv", Path(folder) / "network.weights.h5"
        notebook.cells.append(new_code_cell(f"{TABLE}.to_csv({str(csv)!r}, index=False)"))
        if any(NETWORK in names for names in found):
            notebook.cells.append(new_code_cell(SAVE_WEIGHTS.format(path=str(weights))))
        lessons.run(notebook, path.parent, cell_seconds=None)
        target.parent.mkdir(exist_ok=True)
        done = [_write_table(target, csv.read_text(encoding="utf-8"))]
        if weights.exists():
            done.append(_write_weights(target.with_suffix(".weights.h5"), weights.read_bytes()))
    return done


def _code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _write_table(target: Path, rows: str) -> str:
    if target.exists() and _without_comments(target.read_text(encoding="utf-8")) == rows:
        return f"{target.name}: the same again"
    target.write_text(_comments(target.name[:2]) + rows, encoding="utf-8", newline="\n")
    return f"{target.name}: written, {len(rows.splitlines()) - 1} rows"


def _write_weights(target: Path, content: bytes) -> str:
    if target.exists() and target.read_bytes() == content:
        return f"{target.name}: the same again"
    target.write_bytes(content)
    return f"{target.name}: written, {len(content) / 1e6:.1f} MB"


def _comments(number: str) -> str:
    versions = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:  # one of the two TensorFlows is always missing
            continue
    return (
        f"# command: make results LESSONS={number}\n"
        f"# versions: {', '.join(versions)}\n"
        f"# date: {datetime.date.today()}\n"
        f"# cores: {os.cpu_count()}\n"
    )


def _without_comments(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("# "))


if __name__ == "__main__":
    for lesson in lessons.find(sys.argv[1:]):
        if sys.argv[1:] or assigns_results(lesson):
            print(*make(lesson), sep="\n", flush=True)
