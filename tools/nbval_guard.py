"""A pytest plugin beside nbval: each executed cell fails as intended or not at all, and keeps quiet.

nbval alone passes a cell tagged `raises-exception` whatever it raises, even nothing, and says nothing of
standard error. Load it with `-p tools.nbval_guard`.
"""

from collections.abc import Generator

from tools.lessons import output_problems

import pytest
from nbval.plugin import IPyNbCell


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Look at what a cell put out just now, in whichever edition it stands."""
    yield
    if isinstance(item, IPyNbCell):
        problems = output_problems(item.cell, item.test_outputs)
        if problems:
            item.raise_cell_error("the cell " + "; ".join(problems))
