"""Standard input, output and error, in whatever state a launcher may have left them.

A stream that somebody made non-blocking is waited for, so that no data is lost. What people read is
dropped without an error once it cannot be written. Data that cannot be written is an error, once.
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
    """One of the three descriptors that every program has.

    Args:
        descriptor: 0, 1 or 2.
        mode: `r` or `w`.
        droppable: whether what cannot be written is dropped without an error.

    Attributes:
        trouble: why nothing can be written any more; what follows is dropped.
    """

    def __init__(self, descriptor: int, mode: str, *, droppable: bool = False) -> None:
        super().__init__(descriptor, mode, closefd=False)
        self._droppable = droppable
        self.trouble: OSError | None = None

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Reads what is there; waits until something is."""
        while (count := cast("int | None", super().readinto(buffer))) is None:
            self._wait_until_ready()
        return count

    def write(self, data: "ReadableBuffer") -> int:
        """Writes at least a part; waits until that is possible. Raises OSError, once."""
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
    """Puts these streams in the place of Python's own, and the null device where one is closed."""
    for descriptor in range(3):
        _open_if_closed(descriptor)
    sys.stdin = _text(StandardStream(0, "r"), sys.stdin)
    sys.stdout = _text(StandardStream(1, "w"), sys.stdout)
    sys.stderr = _text(StandardStream(2, "w", droppable=True), sys.stderr)


def output_trouble() -> OSError | None:
    """Why data could not be written; None also when whoever read it has seen enough."""
    trouble = getattr(getattr(getattr(sys.stdout, "buffer", None), "raw", None), "trouble", None)
    reader_left = isinstance(trouble, OSError) and trouble.errno == errno.EPIPE
    return None if reader_left else trouble


def flush() -> None:
    """Writes what is left, as far as that is possible."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()


def abandon(stream: TextIO) -> None:
    """Gives a stream up that a thread is still writing to: from now on nobody waits for it."""
    nowhere = io.TextIOWrapper(io.BytesIO(), "utf-8")
    if stream is sys.stdout:
        sys.stdout = nowhere
    if stream is sys.stderr:
        sys.stderr = nowhere


def _open_if_closed(descriptor: int) -> None:
    try:
        os.fstat(descriptor)
    except OSError:
        # the lowest free number is this one: those below it are open by now
        os.open(os.devnull, os.O_RDWR)


def _text(raw: StandardStream, before: Any) -> TextIO:  # noqa: ANN401  None where it was closed
    buffer: Any = io.BufferedReader(raw) if raw.readable() else io.BufferedWriter(raw)
    return io.TextIOWrapper(
        buffer,
        encoding=getattr(before, "encoding", "utf-8"),
        errors=getattr(before, "errors", "surrogateescape"),
        line_buffering=getattr(before, "line_buffering", False),
    )
