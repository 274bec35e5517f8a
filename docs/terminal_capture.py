"""What a command shows on a real terminal: its text, its last screen, and pictures of it."""  # noqa: INP001  a script's part, no package

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pyte
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

ROWS = 400
"""Of a terminal: more than a screen has, so that nothing scrolls away."""
COLOUR = re.compile(r"\x1b\[[\d;]*m")
_THEME = TerminalTheme(
    (250, 250, 248),
    (56, 58, 66),
    [(56, 58, 66), (178, 44, 44), (24, 120, 56), (150, 100, 0), (40, 90, 170), (130, 60, 150),
     (0, 116, 130), (120, 120, 120)],
)  # fmt: skip


class Capture(NamedTuple):
    """All that was written to a terminal of so many columns, and how the command ended."""

    raw: str
    columns: int
    exit_code: int

    @property
    def text(self) -> str:
        """What is on the terminal at the end, without colours."""
        without = COLOUR.sub("", self.raw)
        if "\x1b" not in without and "\r" not in without:
            return without
        lines = [line.rstrip() for line in self._screen().display]
        return "\n".join(lines).rstrip("\n") + "\n"

    @property
    def coloured(self) -> str:
        """The same with its colours, if no line was redrawn."""
        return self.raw if self.text == COLOUR.sub("", self.raw) else self.text

    @property
    def is_restored(self) -> bool:
        """Whether the cursor is visible and stands at the beginning of a line."""
        screen = self._screen()
        return not screen.cursor.hidden and screen.cursor.x == 0

    def _screen(self) -> pyte.Screen:
        screen = pyte.Screen(self.columns, ROWS)
        pyte.Stream(screen).feed(self.raw.replace("\n", "\r\n"))
        return screen


Start = Callable[[Sequence[str], Path, Mapping[str, str], int], Callable[[], int]]
"""Starts `crossrun WORDS` in a folder with the variables, writing to the terminal that a descriptor
is; returns what waits for its exit code."""


def start_plainly(
    words: Sequence[str], cwd: Path, environ: Mapping[str, str], terminal: int
) -> Callable[[], int]:
    """Starts crossrun with an interpreter that is only for it; nobody types."""
    command = [sys.executable, "-m", "crossrun", *words]
    return subprocess.Popen(
        command, cwd=cwd, env=environ, stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal
    ).wait


def capture(
    words: Sequence[str],
    *,
    cwd: Path,
    environ: Mapping[str, str],
    columns: int,
    start: Start = start_plainly,
) -> Capture:
    """Carries out a command on a terminal to its end."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
    wait = start(words, cwd, environ, theirs)
    os.close(theirs)
    parts = []
    while part := _read(ours):
        parts.append(part)
    os.close(ours)
    text = b"".join(parts).decode("utf-8", "replace").replace("\r\n", "\n")
    return Capture(text, columns, wait())


def _read(terminal: int) -> bytes:
    """What was written, or nothing once the other end is closed."""
    try:
        return os.read(terminal, 65_536)
    except OSError:
        return b""


def picture(shown: str, *, columns: int, name: str) -> str:
    """Text with colours as SVG."""
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123  a device
        console = Console(
            record=True,
            width=columns,
            file=nowhere,
            force_terminal=True,
            color_system="standard",
            _environ={},
        )
        console.print(Text.from_ansi(shown), style=Style())
    return console.export_svg(title="crossrun", theme=_THEME, unique_id=name)
