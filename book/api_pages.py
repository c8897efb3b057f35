"""Pages on the helper module, made from its docstrings without importing it: so TensorFlow is not needed.

The docstrings are plain text with code in `backticks`, indented examples and tables, and items as "name: text",
under "Args:" or without it. They become MyST Markdown.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

ITEM = re.compile(r"^(\*{0,2}[A-Za-z_]\w*(?:, \w+)*): +(\S.*)$")
SECTION = re.compile(r"^(Args|Arguments|Returns|Raises|Yields|Attributes):$")
OPENING = re.compile(r"^(?:Raises|Returns|Yields|Sources?|Inputs|Targets)\b")
FULL_LINE = 84  # a shorter line whose next one begins with a capital was broken on purpose

Definition = ast.FunctionDef | ast.ClassDef


def imported_names(code: str) -> Iterator[tuple[str, str]]:
    """Yield (module, name) for everything that some code imports from modules of mtl_helpers; the name may be ""."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module == "mtl_helpers":
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mtl_helpers."):
            module = str(node.module).removeprefix("mtl_helpers.")
            yield from ((module, alias.name) for alias in node.names)


def module_page(package: Path, module: str, used: Iterable[str] = ()) -> str:
    """Return the page of a module in MyST Markdown.

    Args:
        package: the folder of mtl_helpers.
        module: its name, such as "data".
        used: names that lessons import from it; they are shown even where the module itself imports them.
    """
    tree = ast.parse((package / f"{module}.py").read_text(encoding="utf-8"))
    parts = [f"# mtl_helpers.{module}", markdown(ast.get_docstring(tree) or ""), ""]
    parts += ["```{py:module} mtl_helpers." + module, "```"]
    shown = [found for name in _public(tree, set(used)) if (found := _definition(package, tree, name))]
    for definition in shown:
        parts.append(describe(definition))
    return "\n\n".join(part for part in parts if part) + "\n"


def summary(package: Path, module: str) -> str:
    """Return the first line of a module's docstring, in Markdown."""
    tree = ast.parse((package / f"{module}.py").read_text(encoding="utf-8"))
    return _plain((ast.get_docstring(tree) or "").partition("\n")[0])


def _public(tree: ast.Module, used: set[str]) -> list[str]:
    """Return the public names of a module: its `__all__`, or else what it defines; and those in use."""
    names = [n.name for n in tree.body if isinstance(n, Definition) and not n.name.startswith("_")]
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names = sorted(ast.literal_eval(node.value))
    return names + sorted(used - set(names) - {""})


def _definition(package: Path, tree: ast.Module, name: str) -> Definition | None:
    """Find a name's definition, also where the module imports it; None for what has no docstring, as constants."""
    for node in tree.body:
        if isinstance(node, Definition) and node.name == name:
            return node if ast.get_docstring(node) else None
        if (
            isinstance(node, ast.ImportFrom)
            and (node.module or "").startswith("mtl_helpers.")
            and name in {alias.asname or alias.name for alias in node.names}
        ):
            file = package.joinpath(*str(node.module).split(".")[1:]).with_suffix(".py")
            return _definition(package, ast.parse(file.read_text(encoding="utf-8")), name)
    return None


def describe(node: Definition) -> str:
    """Return a function or class, its methods included, as a directive of Sphinx's Python domain."""
    if isinstance(node, ast.FunctionDef):
        return _directive("function", node.name + signature(node), markdown(ast.get_docstring(node) or ""), 5)
    methods = [
        _directive("method", f"{n.name}{signature(n, method=True)}", markdown(ast.get_docstring(n) or ""), 5)
        for n in node.body
        if isinstance(n, ast.FunctionDef) and not n.name.startswith("_") and ast.get_docstring(n)
    ]
    content = [markdown(ast.get_docstring(node) or ""), *methods]
    return _directive("class", node.name + constructor(node), "\n\n".join(content), 7)


def _directive(kind: str, head: str, content: str, fence: int) -> str:
    return f"{'`' * fence}{{py:{kind}}} {head}\n\n{content}\n{'`' * fence}"


def signature(node: ast.FunctionDef, method: bool = False) -> str:
    """Return the arguments, and what is returned, as Python writes them; without `self`."""
    arguments = node.args
    static = any(ast.unparse(decorator) == "staticmethod" for decorator in node.decorator_list)
    if method and not static:
        arguments.args = arguments.args[1:]
    returns = (
        f" -> {ast.unparse(node.returns).strip(chr(39))}" if node.returns else ""
    )  # 'Split' in quotes too
    return f"({ast.unparse(arguments)}){returns}"


def constructor(node: ast.ClassDef) -> str:
    """Return the arguments of a class: those of `__init__`, or the fields of a dataclass or named tuple."""
    for one in node.body:
        if isinstance(one, ast.FunctionDef) and one.name == "__init__":
            return signature(one, method=True).partition(" -> ")[0]
    fields = [ast.unparse(one).replace(" = ", "=") for one in node.body if isinstance(one, ast.AnnAssign)]
    fields = [field for field in fields if not field.startswith("_")]
    return f"({', '.join(fields)})" if fields else ""


def markdown(docstring: str, sentence_first: bool = True) -> str:
    """Return a docstring in Markdown: examples and tables as code, "name: text" as lists.

    Args:
        docstring: without indentation.
        sentence_first: whether its first line is a sentence.
    """
    lines, parts, n = docstring.splitlines(), list[str](), 0
    if (
        lines and ITEM.match(lines[0]) and sentence_first
    ):  # "MultiTaskModel: a functional model …" is a sentence
        parts, n = [_plain(lines[0])], 1
    while n < len(lines):
        block = [lines[n]]
        n += 1
        while n < len(lines) and (
            lines[n].startswith("  ") or (not lines[n] and _goes_on(lines, n, block[0]))
        ):
            block.append(lines[n])
            n += 1
        parts += _block(block)
        following = lines[n] if n < len(lines) else ""
        if len(block[-1]) < FULL_LINE and block[-1].endswith((".", ":", ")")) and following[:1].isupper():
            parts.append("")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).strip()


def _goes_on(lines: list[str], n: int, first: str) -> bool:
    """Tell whether an indented block goes on behind an empty line."""
    following = next((line for line in lines[n:] if line), "")
    return following.startswith("  ") and (first.startswith("  ") or bool(SECTION.match(first)))


def _block(lines: list[str]) -> list[str]:
    """Return a line, with the indented lines below it, in Markdown."""
    first, below = lines[0], lines[1:]
    while below and not below[-1]:
        below.pop()
    if found := SECTION.match(first):
        title = {"Args": "Arguments"}.get(found[1], found[1])
        inner = markdown("\n".join(line[4:] for line in below), sentence_first=False)
        return ["", f"**{title}**", "", inner, ""]
    if (found := ITEM.match(first)) and not OPENING.match(first):
        return [
            f"- **{found[1].replace('*', chr(92) + '*')}**: {_plain(' '.join([found[2], *map(str.strip, below)]))}"
        ]
    if first.startswith("  "):
        return _code(lines)
    start = [""] if OPENING.match(first) else []
    text = [_plain(first)]
    if below:  # a table or an example under its heading
        return [*start, *text, *_code(below)]
    return [*start, *text]


def _code(lines: list[str]) -> list[str]:
    text = "\n".join(lines).rstrip()
    indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    text = "\n".join(line[indent:] for line in text.splitlines())
    try:
        ast.parse(text)
        language = "python"
    except SyntaxError:
        language = "text"
    return ["", f"```{language}", text, "```", ""]


def _plain(text: str) -> str:
    """Escape what Markdown would read as HTML or emphasis, outside of code."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([<*_$])", r"\\\1", part) for part in parts)
