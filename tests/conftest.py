"""Shows the lessons' sizes before pytest's closing line: numbers to look at, not limits."""

from tools import lessons, rules

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("lessons")
    for path in lessons.find():
        terminalreporter.write_line(rules.counts(rules.load(path)))
