"""Notebooks of a few cells, for tests."""

import nbformat


def notebook(*sources: str, answers: int = 0) -> nbformat.NotebookNode:
    """Return a notebook with these code cells, the first of them exercises."""
    cells = [nbformat.v4.new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(sources)]
    for cell in cells[:answers]:
        cell.metadata.tags = ["exercise"]
    return nbformat.v4.new_notebook(cells=cells)
