"""Waits for a child process that may be cancelled."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from crossrun.system.background import checkpoint

_TICK = 0.1
"""Seconds between checks for cancellation."""
_GRACE = 0.5
"""Seconds between SIGTERM and SIGKILL."""


def communicated(
    process: "subprocess.Popen[bytes]", stdin: bytes
) -> "subprocess.CompletedProcess[bytes]":
    """Waits for the end of a process that leads a process group.

    Args:
        process: the process, with pipes for its input and errors.
        stdin: its whole input.
    """
    with process, _ended(process):
        stdout, stderr = _outputs(process, stdin)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def _outputs(process: "subprocess.Popen[bytes]", stdin: bytes | None) -> tuple[bytes, bytes]:
    while True:
        checkpoint()
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
