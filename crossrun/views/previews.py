"""Previews of files by their kind: Markdown, a table, JSON, a patch, lines of text.

Only the beginning of a file is read, and at most a few screens of it are shown, since files of
agents may have any size and form.
"""

import csv
import io
import json
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from crossrun.views.changes import patch_lines
from crossrun.views.markdown import drawn, markdown_lines
from crossrun.views.terminal import Column, Terminal, fit, table
from crossrun.views.unseen import visible, visible_lines
from crossrun.views.words import plural

BEGINNING = 256 * 1024
"""Bytes of a file that a preview is made from."""
_MOST_LINES, _MOST_ROWS, _MOST_COLUMNS, _WIDEST_CELL = 200, 20, 12, 40
_MOST_MARKDOWN = 32 * 1024
"""Characters. Some Markdown takes very long to parse."""


class Beginning(NamedTuple):
    """The beginning of a text file, without secrets. `whole`: it is the whole file."""

    name: str
    text: str
    whole: bool


def unpacked(name: str, content: bytes) -> tuple[str, bytes]:
    """The name without .gz and the beginning of the content of a compressed file."""
    if not name.endswith(".gz"):
        return name, content
    try:
        return name.removesuffix(".gz"), zlib.decompressobj(31).decompress(content, BEGINNING)
    except zlib.error:
        return name, content


def preview(file: Beginning, terminal: Terminal) -> Iterator[str]:
    """The lines of a preview."""
    match file.name.lower().rpartition(".")[2]:
        case "md" | "markdown":
            shown = markdown_lines(file.text[:_MOST_MARKDOWN], terminal)
        case "csv" | "tsv" as ending:
            shown = _table(file, "\t" if ending == "tsv" else ",;\t", terminal)
        case "json" | "ipynb":
            shown = _json(file.text, terminal)
        case "patch" | "diff":
            shown = _cut(patch_lines(file.text.encode(), terminal), terminal)
        case _:
            shown = _text(file.text, terminal)
    lines = list(islice(shown, _MOST_LINES + 1))
    yield from lines[:_MOST_LINES]
    if len(lines) > _MOST_LINES:
        yield terminal.style("…", "dim")


def _text(text: str, terminal: Terminal) -> Iterator[str]:
    return _cut(visible_lines(text) if text else (), terminal)


def _cut(lines: Sequence[str] | Iterator[str], terminal: Terminal) -> Iterator[str]:
    return (fit(line.expandtabs(4), terminal.width) for line in lines)


def _json(text: str, terminal: Terminal) -> Iterator[str]:
    """Indented and coloured if the JSON is complete, otherwise unchanged."""
    try:
        indented = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return _text(text, terminal)
    from rich.highlighter import JSONHighlighter
    from rich.text import Text

    lines = visible_lines(indented)[: _MOST_LINES + 1]
    coloured = Text("\n".join(fit(line, terminal.width) for line in lines))
    JSONHighlighter().highlight(coloured)
    return drawn(coloured, terminal)


def _table(file: Beginning, delimiters: str, terminal: Terminal) -> Iterator[str]:
    """The first rows and columns."""
    first = file.text.partition("\n")[0]
    reader = csv.reader(
        io.StringIO(file.text, newline=""), delimiter=max(delimiters, key=first.count)
    )
    try:
        rows = list(islice(reader, _MOST_ROWS + 1))
        more = sum(1 for _ in reader)
    except csv.Error:  # a cell of 100 KB
        yield from _text(file.text, terminal)
        return
    if not rows or not rows[0]:
        return
    titles, *others = rows
    shown = min(len(titles), _MOST_COLUMNS)
    cells = [[_cell(row[i]) if i < len(row) else "" for i in range(shown)] for row in others]
    columns = [
        Column(
            _cell(title),
            align="right" if cells and all(map(_is_number, (row[i] for row in cells))) else "left",
            flexible=True,
            essential=i == 0,
        )
        for i, title in enumerate(titles[:shown])
    ]
    yield from table(columns, cells, terminal)
    hidden = [plural(len(titles) - shown, "more column")] if len(titles) > shown else []
    hidden += [f"{'' if file.whole else 'at least '}{plural(more, 'more row')}"] if more else []
    if hidden:
        yield terminal.style(f"… {', '.join(hidden)}", "dim")


def _cell(text: str) -> str:
    return fit(visible(text[: _WIDEST_CELL * 2]), _WIDEST_CELL)


def _is_number(text: str) -> bool:
    try:
        float(text or "0")
    except ValueError:
        return False
    return True
