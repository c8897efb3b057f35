"""Make the stored tables: execute a lesson and write its DataFrame `results` to notebooks/results/.

    python -m tools.results [LESSON ...]

Without names: every lesson that assigns `results`. The file begins with `# ` lines that say how it was
made; one whose numbers came out the same again is left as it is, date included.
"""

import ast
import datetime
import importlib.metadata
import platform
import sys
import tempfile
from pathlib import Path

from tools import lessons

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

PACKAGES = ("tensorflow-cpu", "tensorflow", "keras", "numpy", "scikit-learn")


def assigns_results(path: Path) -> bool:
    """Say whether a lesson assigns the variable `results`."""
    for cell in lessons.read(path).cells:
        if cell.cell_type == "code":
            tree = ast.parse(TransformerManager().transform_cell(cell.source))
            targets = [
                target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets
            ]
            if any(isinstance(target, ast.Name) and target.id == "results" for target in targets):
                return True
    return False


def make(path: Path) -> str:
    """Execute a lesson, write its table, and return a line saying what happened."""
    notebook = lessons.read(path)
    target = path.parent / "results" / f"{path.stem}.csv"
    with tempfile.TemporaryDirectory() as folder:
        csv = Path(folder) / "results.csv"
        notebook.cells.append(nbformat.v4.new_code_cell(f"results.to_csv({str(csv)!r}, index=False)"))
        lessons.run(notebook, path.parent)
        rows = csv.read_text(encoding="utf-8")
    if target.exists() and _without_comments(target.read_text(encoding="utf-8")) == rows:
        return f"{target.name}: the same again"
    target.parent.mkdir(exist_ok=True)
    target.write_text(_comments(path.name[:2]) + rows, encoding="utf-8", newline="\n")
    return f"{target.name}: written, {len(rows.splitlines()) - 1} rows"


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
    )


def _without_comments(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("# "))


if __name__ == "__main__":
    for lesson in lessons.find(sys.argv[1:]):
        if sys.argv[1:] or assigns_results(lesson):
            print(make(lesson), flush=True)
