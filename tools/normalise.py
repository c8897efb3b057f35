"""Bring notebooks into the one form in which they are committed.

    python -m tools.normalise [LESSON ...]

Nothing of the machine, the moment or the editor stays; doing it twice changes nothing.
"""

import copy
import sys

from mtl_helpers.workspace import KERNEL
from tools import lessons
from tools.opening_note import with_note

from nbformat import NotebookNode, from_dict

# What editors and kernels leave in a cell's metadata.
LEFTOVERS = ("execution", "ExecuteTime", "collapsed", "scrolled", "trusted", "vscode", "id")
# A slider: it holds a random id, and shows nothing without its kernel.
WIDGET = "application/vnd.jupyter.widget-view+json"


def normalise(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook in the form in which it is committed. Cell ids stay as they are.

    A lesson's opening gets the note on Colab and Binder.
    """
    notebook = copy.deepcopy(notebook)
    if "lesson" in notebook.metadata.get("course", {}):
        notebook.cells[0].source = with_note(notebook.cells[0].source)
    kept = {key: value for key, value in notebook.metadata.items() if key in ("course", "title", "authors")}
    notebook.metadata = from_dict(kept | KERNEL)
    count = 0
    for cell in notebook.cells:
        for key in LEFTOVERS:
            cell.metadata.pop(key, None)
        if cell.cell_type != "code":
            continue
        cell.outputs = _joined(cell.outputs)
        if cell.execution_count is not None:
            count += 1
            cell.execution_count = count
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count
    return notebook


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Drop standard error and widgets, and join what was printed: in how many pieces it arrives is chance."""
    joined: list[NotebookNode] = []
    for output in outputs:
        if (output.output_type == "stream" and output.name == "stderr") or WIDGET in output.get("data", {}):
            continue
        if joined and output.output_type == "stream" == joined[-1].output_type:
            joined[-1].text += output.text
        else:
            joined.append(output)
    for output in joined:
        if output.output_type == "stream":
            output.text = "\n".join(_as_shown(line) for line in output.text.split("\n"))
    return joined


def _as_shown(line: str) -> str:
    """Return what a terminal shows of a line in the end: a progress bar writes over itself in its line."""
    return line.rstrip("\r").rpartition("\r")[2]


if __name__ == "__main__":
    for lesson in lessons.find(sys.argv[1:]):
        lessons.write(normalise(lessons.read(lesson)), lesson)
