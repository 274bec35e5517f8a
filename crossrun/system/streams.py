"""Standard input, output and error that work in any state a launcher leaves them in.

Writing to a non-blocking stream waits, so no data is lost. Output for people is dropped without an
error once it cannot be written. Data that cannot be written raises an error, once.
"""

import errno
import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class StandardStream(io.FileIO):
    """One of the three standard descriptors.

    Args:
        descriptor: 0, 1 or 2.
        mode: `r` or `w`.
        droppable: whether output that cannot be written is dropped without an error.

    Attributes:
        trouble: why writing failed; all later output is dropped.
    """

    def __init__(self, descriptor: int, mode: str, *, droppable: bool = False) -> None:
        super().__init__(descriptor, mode, closefd=False)
        self._droppable = droppable
        self.trouble: OSError | None = None

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Reads the data that is available; waits until there is some."""
        while (count := cast("int | None", super().readinto(buffer))) is None:
            self._wait_until_ready()
        return count

    def write(self, data: "ReadableBuffer") -> int:
        """Writes at least part of the data, waiting if necessary. Raises OSError once."""
        size = memoryview(data).nbytes
        if self.trouble is not None:
            return size
        try:
            while (count := cast("int | None", super().write(data))) is None:
                self._wait_until_ready()
        except OSError as error:
            self.trouble = error
            if not self._droppable:
                raise
            return size
        return count

    def _wait_until_ready(self) -> None:
        import select

        poll = select.poll()
        poll.register(self, select.POLLOUT if self.writable() else select.POLLIN)
        poll.poll()


def install() -> None:
    """Replaces Python's standard streams, and opens the null device for each closed one."""
    for descriptor in range(3):
        _open_if_closed(descriptor)
    sys.stdin = _text(StandardStream(0, "r"), sys.stdin)
    sys.stdout = _text(StandardStream(1, "w"), sys.stdout)
    sys.stderr = _text(StandardStream(2, "w", droppable=True), sys.stderr)


def output_trouble() -> OSError | None:
    """Why data could not be written; None if the reader just closed the pipe."""
    trouble = getattr(getattr(getattr(sys.stdout, "buffer", None), "raw", None), "trouble", None)
    reader_left = isinstance(trouble, OSError) and trouble.errno == errno.EPIPE
    return None if reader_left else trouble


def flush() -> None:
    """Flushes both outputs as far as possible."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()


def abandon(stream: TextIO) -> None:
    """Gives up a stream that a thread is still writing to, so that nobody waits for it."""
    nowhere = io.TextIOWrapper(io.BytesIO(), "utf-8")
    if stream is sys.stdout:
        sys.stdout = nowhere
    if stream is sys.stderr:
        sys.stderr = nowhere


def _open_if_closed(descriptor: int) -> None:
    try:
        os.fstat(descriptor)
    except OSError:
        # open() takes the lowest free number, which is this one: all lower ones are open
        os.open(os.devnull, os.O_RDWR)


def _text(raw: StandardStream, before: Any) -> TextIO:  # noqa: ANN401  None if it was closed
    buffer: Any = io.BufferedReader(raw) if raw.readable() else io.BufferedWriter(raw)
    return io.TextIOWrapper(
        buffer,
        encoding=getattr(before, "encoding", "utf-8"),
        errors=getattr(before, "errors", "surrogateescape"),
        line_buffering=getattr(before, "line_buffering", False),
    )
