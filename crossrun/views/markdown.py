"""Markdown as lines for a terminal: what agents answer is made harmless first, then formatted.

Addresses of links are shown and are not made clickable, so that none can lead elsewhere.
"""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from crossrun.views.terminal import Terminal, wrap
from crossrun.views.unseen import clean, visible_lines

if TYPE_CHECKING:
    from rich.console import JustifyMethod

_MOST = 32 * 1024
"""Characters. Some Markdown takes very long to parse."""
_STYLES = {
    "markdown.code": "cyan",
    "markdown.h1": "bold underline",
    **{f"markdown.h{level}": "bold" for level in range(2, 7)},
}
"""In place of those of Rich that set a background, which suits few terminals."""


def answer_lines(text: str, terminal: Terminal, *, indent: str = "") -> Iterator[str]:
    """The lines of a message: formatted on a terminal with colours, otherwise as they are."""
    narrower = terminal._replace(width=terminal.text_width - len(indent))
    if terminal.live and terminal.color and terminal.unicode and len(text) <= _MOST:
        lines = markdown_lines(clean(text), narrower)
    else:
        lines = wrap(clean(text), narrower.text_width)
    return (f"{indent}{line}".rstrip() for line in lines)


def markdown_lines(text: str, terminal: Terminal) -> Iterator[str]:
    """The lines of a Markdown text, formatted for the width of a terminal."""
    from rich.markdown import Heading, Markdown

    class LeftHeading(Heading):
        LEVEL_ALIGN: ClassVar[dict[str, "JustifyMethod"]] = {}

    harmless = "\n".join(visible_lines(text.replace("\r\n", "\n")))
    Markdown.elements["heading_open"] = LeftHeading
    return drawn(Markdown(harmless, code_theme="ansi_dark", hyperlinks=False), terminal)


def drawn(what: object, terminal: Terminal) -> Iterator[str]:
    """The lines of something that Rich can draw."""
    from rich.console import Console
    from rich.theme import Theme

    paper = io.StringIO()
    console = Console(
        file=paper,
        width=terminal.text_width,
        force_terminal=terminal.color,
        color_system="standard" if terminal.color else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        theme=Theme(_STYLES),
    )
    console.print(what)
    return iter(line.rstrip() for line in paper.getvalue().splitlines())
