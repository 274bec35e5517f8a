"""A status line at the bottom of a terminal, below lines that scroll away."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from crossrun.views.terminal import Terminal, cell_len, fit

_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
_ERASE, _ERASE_ABOVE = "\r\x1b[2K", "\x1b[1A\x1b[2K"
_LONGEST_WAIT = 0.5
"""Seconds to wait for a drawing in progress; on a stopped terminal it may never end."""


class MovingLine:
    """Draws the line. The cursor is hidden while the line is shown."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self._cells: int | None = None
        self._drawing = threading.RLock()

    @property
    def hidden(self) -> bool:
        """Whether the terminal belongs to another job, as after Ctrl-Z and `bg`."""
        try:
            return os.tcgetpgrp(self.terminal.stream.fileno()) != os.getpgrp()
        except OSError:  # a terminal without job control
            return False

    def draw(self, lines: Sequence[str], moving: str) -> None:
        """Writes lines above and redraws the status line, for the current width."""
        with self._drawing:
            self.terminal = self.terminal.resized()
            erased = self._erased() if self._cells is not None else _HIDE_CURSOR
            above = "".join(f"{line}\n" for line in lines)
            moving = fit(self.terminal.plain(moving), self.terminal.cells - 1)
            self._cells = cell_len(moving)
            self._write(erased + self.terminal.plain(above) + self.terminal.style(moving, "dim"))

    def clear(self) -> None:
        """Removes the line and shows the cursor."""
        with self._drawing:
            if self._cells is not None:
                self._write(self._erased() + _SHOW_CURSOR)
                self._cells = None

    @contextmanager
    def cleared(self) -> Iterator[None]:
        """Removes the line until the context ends."""
        free = self._drawing.acquire(timeout=_LONGEST_WAIT)
        try:
            if free:
                self.clear()
            yield
        finally:
            if free:
                self._drawing.release()

    def _erased(self) -> str:
        """The sequence that erases the line, which a narrower terminal has wrapped into several."""
        rows = -(-(self._cells or 0) // self.terminal.cells)
        return _ERASE + _ERASE_ABOVE * (rows - 1)

    def _write(self, text: str) -> None:
        self.terminal.stream.write(text)
        self.terminal.stream.flush()
