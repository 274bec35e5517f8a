"""Markdown as lines for a terminal."""

import io
from collections.abc import Iterator

from crossrun.views.terminal import Terminal
from crossrun.views.unseen import visible_lines


def markdown_lines(text: str, terminal: Terminal) -> Iterator[str]:
    """The lines of a Markdown text, formatted for the width of a terminal."""
    from rich.markdown import Markdown

    harmless = "\n".join(visible_lines(text.replace("\r\n", "\n")))
    return drawn(Markdown(harmless, hyperlinks=False), terminal)


def drawn(what: object, terminal: Terminal) -> Iterator[str]:
    """The lines of something that Rich can draw."""
    from rich.console import Console

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
    )
    console.print(what)
    return iter(line.rstrip() for line in paper.getvalue().splitlines())
