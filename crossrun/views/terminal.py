"""Phrases and tables as lines of a given width, with or without colour and Unicode."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Literal, NamedTuple, TextIO

from crossrun.views.unseen import screened
from crossrun.views.words import Kind, Phrase

_NARROWEST, _PLAIN_WIDTH, _WIDEST_TEXT = 40, 100, 120
_NARROW_TABLE, _READABLE, _NARROWEST_COLUMN = 72, 16, 8
_LONGEST_MESSAGE = 40
_SET_BY_PYTHON = ("", "C.UTF-8", "C.utf8", "UTF-8")
"""Values of LC_CTYPE; Python sets one of them where the locale is C."""
_BATCH_SIZE = 65_536
"""Characters of a long output that are written together."""
_STYLES = {
    "dim": "2",
    "bold": "1",
    "accent": "36",
    "good": "32",
    "bad": "31",
    "warn": "33",
    "match": "1;33",
}
_KIND_STYLES: dict[Kind, str] = {
    "think": "dim",
    "output": "dim",
    "file": "accent",
    "plan": "dim",
    "step": "bold",
    "warn": "warn",
    "bad": "bad",
    "note": "dim",
}
_TWINS = {"·": "-", "…": "~", "›": ">", "×": "x", "─": "-", "│": "|", "┼": "+", "●": "o"}
_PLAIN_TWINS = str.maketrans(_TWINS)
_NARROW = str.maketrans(dict.fromkeys(_TWINS, "x"))
"""crossrun's glyphs, which take one cell each."""

_INDENTS: dict[Kind, tuple[str, str]] = {
    "say": ("> ", "  "),
    "think": ("  ", "  "),
    "output": ("  ", "  "),
    "plan": ("  ", "  "),
    "step": ("› ", "  "),
    "warn": ("! ", "  "),
    "bad": ("× ", "  "),
    "note": ("  ", "  "),
}


class Terminal(NamedTuple):
    """What a stream can show.

    `live`: it is a terminal that lines can be redrawn on. `resizes`: its width may change.
    """

    stream: TextIO
    width: int
    color: bool
    live: bool
    unicode: bool
    resizes: bool = False

    @classmethod
    def of(cls, stream: TextIO, environ: Mapping[str, str], *, color: bool = True) -> "Terminal":
        """Looks at the stream and at NO_COLOR, FORCE_COLOR, TERM, COLUMNS and the locale."""
        is_terminal = stream.isatty()
        dumb = environ.get("TERM") == "dumb"
        allowed = color and not environ.get("NO_COLOR")
        wanted = bool(environ.get("FORCE_COLOR")) or (is_terminal and not dumb)
        return cls(
            stream=stream,
            width=_width(stream, environ, is_terminal=is_terminal),
            color=allowed and wanted,
            live=is_terminal and not dumb,
            unicode=_is_utf(stream) and not _is_ascii(environ),
            resizes=is_terminal and not _columns(environ),
        )

    def resized(self) -> "Terminal":
        """The same terminal with its current width."""
        return self._replace(width=_measured_width(self.stream)) if self.resizes else self

    @property
    def cells(self) -> int:
        """The real width of a row, less than `width` on a very narrow screen."""
        return _cells(self.stream) or self.width if self.resizes else self.width

    @property
    def on_screen(self) -> bool:
        """Whether it is a terminal of any kind, for which content must be made harmless."""
        return self.stream.isatty()

    @property
    def text_width(self) -> int:
        """The width of running text, limited because very long lines are hard to read."""
        return min(self.width, _WIDEST_TEXT)

    def style(self, text: str, name: str) -> str:
        """The text in a style, if the terminal has colour."""
        return f"\x1b[{_STYLES[name]}m{text}\x1b[0m" if self.color and name and text else text

    def plain(self, text: str) -> str:
        """The text in glyphs that the stream has; on a screen, with everything visible."""
        if self.on_screen:
            text = screened(text)
        if self.unicode:
            return text
        encoding = "ascii" if _is_utf(self.stream) else self.stream.encoding or "ascii"
        return text.translate(_PLAIN_TWINS).encode(encoding, "replace").decode(encoding)

    def emit(self, content: str | bytes) -> None:
        """Writes data unchanged, independent of the encoding of the stream."""
        data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape")
        self.stream.flush()
        self.stream.buffer.write(data)
        self.stream.buffer.flush()

    def emit_each(self, parts: Iterable[str]) -> None:
        """Writes data as it comes, in constant memory."""
        for text in _batched(parts):
            self.emit(text)

    def write(self, lines: Iterable[str]) -> None:
        """Writes lines for people at once."""
        text = "".join(f"{line}\n" for line in lines)
        if text:
            self.stream.write(self.plain(text))
            self.stream.flush()

    def write_each(self, lines: Iterable[str]) -> None:
        """Writes lines for people as they come, in constant memory."""
        for text in _batched(f"{line}\n" for line in lines):
            self.stream.write(self.plain(text))
        self.stream.flush()


def _batched(texts: Iterable[str]) -> Iterator[str]:
    """The same text in pieces that are worth a write."""
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size >= _BATCH_SIZE:
            yield "".join(batch)
            batch, size = [], 0
    if batch:
        yield "".join(batch)


def _is_utf(stream: TextIO) -> bool:
    return "utf" in (getattr(stream, "encoding", None) or "").lower()


def _is_ascii(environ: Mapping[str, str]) -> bool:
    """Whether the user chose the locale C; Python itself then writes UTF-8, and sets LC_CTYPE."""
    chosen = environ.get("LC_ALL") or environ.get("LC_CTYPE", "")
    if chosen in _SET_BY_PYTHON:
        chosen = environ.get("LANG") or ""
    return chosen in ("C", "POSIX")


def _width(stream: TextIO, environ: Mapping[str, str], *, is_terminal: bool) -> int:
    if _columns(environ):
        return max(_columns(environ), _NARROWEST)
    return _measured_width(stream) if is_terminal else _PLAIN_WIDTH


def _columns(environ: Mapping[str, str]) -> int:
    """The width in COLUMNS; 0 if it is not set."""
    columns = environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() else 0


def _measured_width(stream: TextIO) -> int:
    cells = _cells(stream)
    return _PLAIN_WIDTH if cells is None else max(cells, _NARROWEST)


def _cells(stream: TextIO) -> int | None:
    with suppress(OSError):
        return os.get_terminal_size(stream.fileno()).columns or None
    return None


def stdout(environ: Mapping[str, str], *, color: bool = True) -> Terminal:
    """Standard output, for data."""
    return Terminal.of(sys.stdout, environ, color=color)


def stderr(environ: Mapping[str, str], *, color: bool = True) -> Terminal:
    """Standard error, for everything that people read."""
    return Terminal.of(sys.stderr, environ, color=color)


def lines(phrases: Iterable[Phrase], terminal: Terminal) -> Iterator[str]:
    """Phrases as lines that fit the terminal."""
    for phrase in phrases:
        first, others = _INDENTS.get(phrase.kind, ("", ""))
        if phrase.kind in ("say", "bad", "note"):
            yield from _wrapped(phrase, first, others, terminal)
        else:
            yield _one_line(phrase, first, terminal)


def _wrapped(phrase: Phrase, first: str, others: str, terminal: Terminal) -> Iterator[str]:
    style = _KIND_STYLES.get(phrase.kind, "")
    broken = list(wrap(phrase.text, terminal.text_width - len(first)))
    hidden = len(broken) - _LONGEST_MESSAGE
    for number, line in enumerate(broken[:_LONGEST_MESSAGE]):
        indent = others if number else first
        yield (indent + terminal.style(line, style)).rstrip()
    if hidden > 0:
        yield terminal.style(f"{others}… {hidden} more lines", "dim")


def _one_line(phrase: Phrase, indent: str, terminal: Terminal) -> str:
    room = terminal.text_width - cell_len(indent)
    right = fit(phrase.right, room // 2)
    left = fit(phrase.text, room - (cell_len(right) + 2 if right else 0))
    gap = " " * (room - cell_len(left) - cell_len(right)) if right else ""
    style = _KIND_STYLES.get(phrase.kind, "")
    if phrase.kind == "command" or not phrase.good:
        right = terminal.style(right, "good" if phrase.good else "bad")
    else:
        right = terminal.style(right, "dim")
    return indent + terminal.style(left, style) + gap + right


def cell_len(text: str) -> int:
    """The number of terminal cells of a text; wide characters take two."""
    if text.translate(_NARROW).isascii():
        return len(text)
    from rich import cells

    return cells.cell_len(text)


def wrap(text: str, width: int) -> Iterator[str]:
    """Wraps each line of a text separately, so that code and lists keep their lines."""
    import textwrap

    for line in text.strip("\n").splitlines():
        if cell_len(line) <= width:
            yield line
        elif cell_len(line) != len(line):
            from rich.cells import chop_cells

            yield from chop_cells(line, max(width, 10))
        else:
            indent = line[: len(line) - len(line.lstrip())][: width // 2]
            yield from textwrap.wrap(line, max(width, 10), subsequent_indent=indent) or [""]


def joined(parts: Sequence[str], width: int) -> Iterator[str]:
    """Parts with dots between them, on few lines; a part is broken only if it is too long."""
    line = ""
    for part in parts:
        longer = f"{line} · {part}" if line else part
        if line and cell_len(longer) > width:
            yield from wrap(line, width)
            longer = part
        line = longer
    yield from wrap(line, width)


def fit(text: str, width: int) -> str:
    """The text, cut with an ellipsis if it is wider than `width` cells."""
    if cell_len(text) <= width:
        return text
    from rich.cells import set_cell_size

    return set_cell_size(text, max(width - 1, 0)).rstrip() + "…" if width > 0 else ""


def command_lines(commands: Sequence[str], terminal: Terminal) -> Iterator[str]:
    """Commands on one line if they fit, otherwise one to a line, so that they can be copied."""
    together = f"  {' · '.join(commands)}"
    fitting = [together] if len(together) <= terminal.width else [f"  {c}" for c in commands]
    yield from (terminal.style(line, "dim") for line in fitting)


class Column(NamedTuple):
    """A column of a table.

    A flexible column is cut if the table is too wide. A column that is not `essential` is left out
    if it is empty, or if too little would be left to read. `style` is the style of all cells, or a
    function that picks it by a cell's text.
    """

    title: str
    align: Literal["left", "right"] = "left"
    style: str | Callable[[str], str] = ""
    flexible: bool = False
    essential: bool = True

    def style_of(self, cell: str) -> str:
        """The style of one cell."""
        return self.style if isinstance(self.style, str) else self.style(cell)


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], terminal: Terminal
) -> Iterator[str]:
    """An aligned table with a header; only flexible columns are cut."""
    filled = [
        i for i, each in enumerate(columns) if each.essential or not rows or any(r[i] for r in rows)
    ]
    columns, rows = [columns[i] for i in filled], [[row[i] for i in filled] for row in rows]
    widths = [
        max([cell_len(column.title), *(cell_len(row[i]) for row in rows)])
        for i, column in enumerate(columns)
    ]
    fitting = _fitting(columns, widths, terminal.width)
    columns, widths = [columns[i] for i in fitting], [widths[i] for i in fitting]
    rows = [[row[i] for i in fitting] for row in rows]
    flexible = [i for i, column in enumerate(columns) if column.flexible]
    spare = terminal.width - sum(widths) - 2 * (len(columns) - 1)
    for i in reversed(flexible):
        cut = min(max(-spare, 0), max(widths[i] - _NARROWEST_COLUMN, 0))
        widths[i] -= cut
        spare += cut
    yield terminal.style(_row([c.title for c in columns], columns, widths, None), "dim")
    for row in rows:
        yield _row(row, columns, widths, terminal)


def _fitting(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """The columns that fit. Those that are not essential are left out, the last first."""
    fitting = list(range(len(columns)))
    spare = [i for i in fitting if not columns[i].essential]
    for i in reversed(spare):
        least = [min(widths[k], _READABLE) if columns[k].flexible else widths[k] for k in fitting]
        if sum(least) + 2 * (len(fitting) - 1) > room or room < _NARROW_TABLE:
            fitting.remove(i)
    return fitting


def _row(
    cells: Sequence[str],
    columns: Sequence[Column],
    widths: Sequence[int],
    terminal: Terminal | None,
) -> str:
    shown = []
    for cell, column, width in zip(cells, columns, widths, strict=True):
        text = fit(cell, width)
        pad = " " * (width - cell_len(text))
        styled = terminal.style(text, column.style_of(cell)) if terminal else text
        shown.append(pad + styled if column.align == "right" else styled + pad)
    return "  ".join(shown).rstrip()
