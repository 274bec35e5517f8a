"""Waits for a child process that may be cancelled."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

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
        _feed(process, stdin)
        stdout, stderr = _outputs(process)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def _feed(process: "subprocess.Popen[bytes]", stdin: bytes) -> None:
    """Writes the input in a thread.

    `communicate` would forget the rest of it when its timeout has passed, and wait forever.
    """
    pipe, process.stdin = process.stdin, None
    if pipe is not None:
        threading.Thread(target=_write, args=(pipe, stdin), daemon=True).start()


def _write(pipe: IO[bytes], content: bytes) -> None:
    with suppress(BrokenPipeError), pipe:
        pipe.write(content)


def _outputs(process: "subprocess.Popen[bytes]") -> tuple[bytes, bytes]:
    while True:
        checkpoint()
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=_TICK)


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
