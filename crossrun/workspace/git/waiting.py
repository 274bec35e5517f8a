"""Waits for a child process that may be cancelled, or whose progress is shown."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

from crossrun.system.background import checkpoint

_TICK = 0.1
"""Seconds between checks for cancellation."""
_GRACE = 0.5
"""Seconds between SIGTERM and SIGKILL."""
_READ_SIZE = 64 * 1024


def communicated(
    process: "subprocess.Popen[bytes]", stdin: bytes, meanwhile: Callable[[], None]
) -> "subprocess.CompletedProcess[bytes]":
    """Waits for the end of a process that leads a process group.

    Args:
        process: the process, with pipes for its input and errors.
        stdin: its whole input.
        meanwhile: called ten times a second; an exception from it ends the process.
    """
    with process, _ended(process):
        stdout, stderr = _outputs(process, stdin, meanwhile)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def counting_lines(file: IO[bytes]) -> Callable[[], None]:
    """A checkpoint that reports the current number of lines in a file as progress."""
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
            stdin = None  # it is already being written


@contextmanager
def _ended(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Ends the process if an exception leaves the block; git removes its locks on SIGTERM."""
    try:
        yield
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)
            os.killpg(process.pid, signal.SIGKILL)
        raise
