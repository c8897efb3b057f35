"""What the check of an exercise says to a wrong answer, read from the code of the checks; nothing is run.

A message is a string of several words, in a function `check_M` or in what that function uses of its own file. Where
the check puts something in, such as the number that was given, the message shows three dots. Left out is what is said
of an answer's form alone, such as that a number is expected.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SENTENCE = re.compile(r"\w.*[.!?)`]$", re.S)
# Of the form of an answer rather than of its matter; and what is mostly put together while the check runs.
FORM = re.compile(
    r"\b(?:is|are|was|were) expected\b|\breturned? (?:nothing|another|a function|…)|^'?…|….*….*…"
)


def messages(path: Path) -> dict[str, list[str]]:
    """Return the messages of each exercise of a lesson, by its number after the point.

    Args:
        path: of the lesson's checks, `lesson_NN.py`.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: dict[str, ast.AST] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            names[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id: node.value for target in targets if isinstance(target, ast.Name)}
    return {
        name.removeprefix("check_"): list(dict.fromkeys(_of(node, names)))
        for name, node in names.items()
        if re.fullmatch(r"check_\d+", name)
    }


def _of(start: ast.AST, names: dict[str, ast.AST]) -> Iterator[str]:
    """Yield the messages in a function and in what it uses."""
    waiting, seen = [start], {id(start)}
    while waiting:
        node = waiting.pop(0)
        texts, used = _texts(node, names)
        for text in texts:
            text = re.sub(r"\s+", " ", text).strip()
            if len(text.split()) >= 5 and SENTENCE.search(text) and not FORM.search(text):
                yield text
        for name in used:
            if name in names and id(names[name]) not in seen:
                seen.add(id(names[name]))
                waiting.append(names[name])


def _texts(node: ast.AST, names: dict[str, ast.AST]) -> tuple[list[str], list[str]]:
    """Return the strings in a piece of code that are no docstrings, and the names that it uses outside of them."""
    texts: list[str] = []
    used: list[str] = []
    body = node.body if isinstance(node, ast.FunctionDef) else [node]
    waiting: list[ast.AST] = [part for part in body if not _is_docstring(part)]
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            texts.append(part.value)
        elif isinstance(part, ast.JoinedStr):
            texts.append("".join(_piece(value, names) for value in part.values))
        elif isinstance(part, ast.Name):
            used.append(part.id)
        else:
            waiting = [child for child in ast.iter_child_nodes(part) if not _is_docstring(child)] + waiting
    return texts, used


def _piece(value: ast.AST, names: dict[str, ast.AST]) -> str:
    """Return a piece of a formatted string: its text, that of a constant that it names, or three dots."""
    if isinstance(value, ast.Constant):
        return str(value.value)
    inner = getattr(value, "value", None)
    constant = names.get(inner.id) if isinstance(inner, ast.Name) else None
    if isinstance(constant, ast.Constant):
        return str(constant.value)
    return str(inner.value) if isinstance(inner, ast.Constant) else "…"


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
