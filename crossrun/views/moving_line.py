"""Status lines at the bottom of a terminal, below lines that scroll away."""

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
    """Draws one status line or several. The cursor is hidden while they are shown."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self._cells: list[int] | None = None
        self._drawing = threading.RLock()

    @property
    def hidden(self) -> bool:
        """Whether the terminal belongs to another job, as after Ctrl-Z and `bg`."""
        try:
            return os.tcgetpgrp(self.terminal.stream.fileno()) != os.getpgrp()
        except OSError:  # a terminal without job control
            return False

    def draw(self, lines: Sequence[str], *moving: str) -> None:
        """Writes lines above and redraws the status lines, for the current width."""
        with self._drawing:
            self.terminal = self.terminal.resized()
            erased = self._erased() if self._cells is not None else _HIDE_CURSOR
            above = "".join(f"{line}\n" for line in lines)
            shown = [fit(self.terminal.plain(line), self.terminal.cells - 1) for line in moving]
            self._cells = [cell_len(line) for line in shown]
            below = "\n".join(self.terminal.style(line, "dim") for line in shown)
            self._write(erased + self.terminal.plain(above) + below)

    def clear(self) -> None:
        """Removes the status lines and shows the cursor."""
        with self._drawing:
            if self._cells is not None:
                self._write(self._erased() + _SHOW_CURSOR)
                self._cells = None

    @contextmanager
    def cleared(self) -> Iterator[None]:
        """Removes the status lines until the context ends."""
        free = self._drawing.acquire(timeout=_LONGEST_WAIT)
        try:
            if free:
                self.clear()
            yield
        finally:
            if free:
                self._drawing.release()

    def _erased(self) -> str:
        """The sequence that erases the lines, which a narrower terminal has wrapped into more."""
        rows = sum(max(-(-cells // self.terminal.cells), 1) for cells in self._cells or ())
        return _ERASE + _ERASE_ABOVE * (rows - 1)

    def _write(self, text: str) -> None:
        self.terminal.stream.write(text)
        self.terminal.stream.flush()
