"""A learner's work in a notebook: the answers they wrote and the outputs they saw; and what of it is lost."""

import nbformat
from nbformat import NotebookNode

ANSWER = "# Answer of"


def write_answers(notebook: NotebookNode, name: str) -> int:
    """Write an own line into every exercise, and return how many the notebook then holds."""
    count = 0
    for cell in notebook.cells:
        if cell.cell_type == "code" and "exercise" in cell.metadata.get("tags", []):
            count += 1
            if ANSWER not in cell.source:
                cell.source = f"{ANSWER} {name} to {cell.metadata.get('exercise', cell.id)}\n{cell.source}"
    return count


def lost(saved: NotebookNode, found: NotebookNode) -> list[str]:
    """Say what of a notebook that the server confirmed as saved is not in the one that was found.

    Args:
        saved: the notebook as the learner saved it last.
        found: the notebook as it lies on the disk.
    """
    there = {cell.id: cell for cell in found.cells}
    missing = []
    for number, cell in enumerate(saved.cells, 1):
        other = there.get(cell.id)
        if other is None:
            missing.append(f"cell {number} is gone")
        elif other.source != cell.source:
            missing.append(f"the {'answer' if ANSWER in cell.source else 'text'} in cell {number} is gone")
        elif cell.cell_type == "code" and _shown(other) != _shown(cell):
            missing.append(f"the output of cell {number} is gone")
    return missing


def _shown(cell: NotebookNode) -> tuple[int | None, str]:
    """Return a code cell's count and outputs, in a form that can be compared."""
    return cell.execution_count, nbformat.v4.writes(nbformat.v4.new_notebook(cells=[_anonymous(cell)]))


def _anonymous(cell: NotebookNode) -> NotebookNode:
    return nbformat.v4.new_code_cell(id="cell", outputs=cell.outputs)
