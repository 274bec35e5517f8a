"""The line that shows how far the index of words is while a command waits for it."""

import time
from types import TracebackType
from typing import Self

from crossrun.cli.globals import Globals

_BEFORE_THE_FIRST, _PAUSE = 0.5, 0.2
"""Seconds until it appears, and between two drawings."""


class CatchUpLine:
    """Draws the line on a terminal; without one it says once that this takes a while."""

    def __init__(self, options: Globals) -> None:
        self._options = options
        self._next = time.monotonic() + _BEFORE_THE_FIRST
        self._is_shown = False

    def __enter__(self) -> Self:
        return self

    def __call__(self, left: int) -> None:
        """Draws it if it is time to."""
        if time.monotonic() < self._next or self._options.quiet or not left:
            return
        self._next = time.monotonic() + _PAUSE
        terminal = self._options.err
        text = f"indexing what was recorded: {left:,} events left"
        if terminal.live:
            terminal.stream.write(f"\r\x1b[2K{terminal.style(text, 'dim')}")
            terminal.stream.flush()
        elif not self._is_shown:
            self._options.say(text)
        self._is_shown = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        terminal = self._options.err
        if self._is_shown and terminal.live:
            terminal.stream.write("\r\x1b[2K")
            terminal.stream.flush()
