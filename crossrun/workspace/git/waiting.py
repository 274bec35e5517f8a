"""Waiting for a child process that nobody may want any more, or whose progress somebody shows."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

from crossrun.system.background import checkpoint

_TICK = 0.1
"""Seconds between two looks at whether the process is still wanted."""
_POLITE = 0.5
"""Seconds that it gets to end by itself."""
_READ_SIZE = 64 * 1024


def communicated(
    process: "subprocess.Popen[bytes]", stdin: bytes, meanwhile: Callable[[], None]
) -> "subprocess.CompletedProcess[bytes]":
    """Waits for the end of a process that leads a session.

    Args:
        process: with pipes for its input and errors.
        stdin: its whole input.
        meanwhile: called ten times a second; what it raises ends the process.
    """
    with process, _ended(process):
        stdout, stderr = _outputs(process, stdin, meanwhile)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def counting_lines(file: IO[bytes]) -> Callable[[], None]:
    """A checkpoint whose progress is the number of lines that a file has by then."""
    lines = read = 0

    def count() -> None:
        nonlocal lines, read
        while piece := os.pread(file.fileno(), _READ_SIZE, read):
            read += len(piece)
            lines += piece.count(b"\n")
        checkpoint(lines)

    return count


def _outputs(
    process: "subprocess.Popen[bytes]", stdin: bytes | None, meanwhile: Callable[[], None]
) -> tuple[bytes, bytes]:
    while True:
        meanwhile()
        try:
            return process.communicate(stdin, timeout=_TICK)
        except subprocess.TimeoutExpired:
            stdin = None  # it is on its way


@contextmanager
def _ended(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Ends the process when an exception leaves the block; git removes its locks on SIGTERM."""
    try:
        yield
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_POLITE)
            os.killpg(process.pid, signal.SIGKILL)
        raise
