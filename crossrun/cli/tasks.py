"""The task of a run: from the command line, a file or standard input."""

import sys
from pathlib import Path

from crossrun.errors import UsageError
from crossrun.services.options import require_text


def read_task(task: str | None, file: Path | None) -> str | None:
    """The task, or None if there is neither a task nor a file.

    Raises:
        UsageError: both are given, or the task cannot be read.
    """
    if file is None:
        return _from_stdin() if task == "-" else task
    if task is not None:
        raise UsageError(
            "TASK_TWICE", "there is a task and a --file", hint="give one of them, not both"
        )
    return _from_bytes(_read(file), str(file))


def _from_stdin() -> str:
    return _from_bytes(sys.stdin.buffer.read(), "standard input")


def _from_bytes(content: bytes, source: str) -> str:
    return require_text(content.decode("utf-8", "surrogateescape"), source)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(
            "TASK_UNREADABLE",
            f"the task file {file} cannot be read: {error.strerror}",
            hint="check the path; a task that begins with a dash needs -- before it",
        ) from error
