"""What a slide shows of a cell: words that stand in it, a few lines of its code, its tables and its figures, as HTML."""

import html
import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from nbformat import NotebookNode
from pygments.lexers import PythonLexer
from pygments.token import Comment, Keyword, String

FORMULA = re.compile(r"\$([^$\n]+)\$")
CITATION = re.compile(r" \[\d+(?:, ?\d+)*\](?!\()")
LONG_LINE, MANY_ROWS = 76, 9  # code with longer lines, and a table with more rows, are set smaller
KINDS = {"output": None, "both": None, "picture": "image/png", "table": "text/html"}


def markdown(text: str) -> str:
    """Return Markdown as HTML. Formulas stay for MathJax; citations and links are left out."""
    formulas: list[str] = []

    def keep(found: re.Match[str]) -> str:
        formulas.append(found[1])
        return f"FORMULA{len(formulas) - 1}END"

    text = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", CITATION.sub("", text))
    made = MarkdownIt().render(FORMULA.sub(keep, text)).strip()
    return re.sub(r"FORMULA(\d+)END", lambda found: rf"\({html.escape(formulas[int(found[1])])}\)", made)


def parts(cell: NotebookNode) -> Iterator[str]:
    """Yield the parts that a cell gives to its slide, by its metadata `slide`.

    Raises:
        ValueError: for words that do not stand in the cell, or nothing to show.
    """
    mark = cell.metadata["slide"]
    if cell.cell_type == "markdown":
        for words in mark.get("words", []):
            if words not in cell.source:
                raise ValueError(f"the slide's words do not stand in the cell any more: {words!r}")
            yield markdown(words[0].upper() + words[1:] + ("" if words.rstrip("*`")[-1] in ".?!:" else " …"))
        return
    show = mark.get("show", "output")
    if show not in ("code", *KINDS):
        raise ValueError(f"metadata slide.show is {show!r}; it may be code, {', '.join(KINDS)}")
    found = [code(cell.source, mark.get("lines"))] if show in ("code", "both") else []
    found += [] if show == "code" else list(outputs(cell, KINDS[show], mark.get("columns", ())))
    if not found:
        raise ValueError(f"the slide shows {show} of a cell that has none")
    yield from found


def code(source: str, lines: list[int] | None) -> str:
    """Return code, or the parts from each first to each second line number, without what all lines are indented by."""
    every: list[str] = source.splitlines()
    ends, chosen = lines or [1, len(every)], list[str]()
    for first, last in zip(ends[::2], ends[1::2], strict=True):
        chosen += [*(["..."] if chosen else []), *every[first - 1 : last]]
    indent = min((len(line) - len(line.lstrip()) for line in chosen if line.strip()), default=0)
    text = "\n".join(line[indent:] for line in chosen)
    size = ' class="long"' if max(map(len, text.splitlines()), default=0) > LONG_LINE else ""
    return f"<pre{size}>{''.join(_coloured(text))}</pre>"


def _coloured(text: str) -> Iterator[str]:
    for kind, value in PythonLexer(stripnl=False, ensurenl=False).get_tokens(text):
        names = {"keyword": Keyword, "string": String, "comment": Comment}
        name = next((name for name, token in names.items() if kind in token), "")
        shown = html.escape(value, quote=False)
        yield f'<span class="code-{name}">{shown}</span>' if name else shown


def outputs(cell: NotebookNode, wanted: str | None, columns: Sequence[str] = ()) -> Iterator[str]:
    """Yield what a cell put out.

    Args:
        cell: the code cell.
        wanted: the only kind to show, such as "image/png"; None for all.
        columns: of its tables, those to show; none for all.

    Raises:
        ValueError: for a column that a table does not have.
    """
    alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
    for output in cell.outputs:
        data = output.get("data", {})
        kind = next((kind for kind in ("image/png", "text/html", "text/plain") if kind in data), "")
        if wanted and kind != wanted:
            continue
        if kind == "image/png":
            yield f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{data[kind].strip()}">'
        elif kind == "text/html":
            yield _plain(data[kind], columns)
        elif text := output.get("text", data.get(kind, "")):
            yield f'<pre class="output">{html.escape(text.strip())}</pre>'
        elif output.output_type == "error":
            yield f'<pre class="output">{html.escape(f"{output.ename}: {output.evalue}")}</pre>'


def _plain(shown: str, columns: Sequence[str]) -> str:
    """Return a table, or a message, without its own style, and without the guess that the lesson comes with."""
    shown = re.sub(r" \(you guessed [^)]*\)", "", shown)
    shown = re.sub(r"<style.*?</style>", "", shown, flags=re.S)
    shown = re.sub(r' (?:style|class|border|role)="[^"]*"', "", shown).strip()
    table = re.search(r"<table>.*</table>", shown, re.S)
    if not table:
        return shown
    rows = [
        re.findall(r"<t[hd]>.*?</t[hd]>", row, re.S) for row in re.findall(r"<tr>.*?</tr>", table[0], re.S)
    ]
    names = [html.unescape(re.sub(r"<[^>]+>", "", cell)) for cell in rows[0]]
    if unknown := set(columns) - set(names):
        raise ValueError(f"the slide wants the columns {sorted(unknown)}, but the table has {names[1:]}")
    if columns:
        rows = [
            [cell for name, cell in zip(names, row, strict=True) if name in ("", *columns)] for row in rows
        ]
    many = ' class="many"' if len(rows) > MANY_ROWS else ""
    return f"<table{many}>" + "".join(f"<tr>{''.join(row)}</tr>" for row in rows) + "</table>"
