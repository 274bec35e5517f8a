"""Runs one shell command in the workspace, outside of any sandbox and without keys."""

import os
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from crossrun.executors.descent import Tracking
from crossrun.executors.process import Launch, LinePart, ProcessExit, ProcessLimits, supervise
from crossrun.redaction import without_keys

_LONGEST_OUTPUT = 1024 * 1024
"""Bytes of output stored for one command: half from its beginning, half from its end."""


class CommandResult(Struct, frozen=True):
    """How a command ended. `output` is stdout and stderr in the order in which they came."""

    end: ProcessExit
    output: str


def run_command(
    argv: Sequence[str],
    *,
    workspace: Path,
    environ: Mapping[str, str],
    run_id: str,
    limits: ProcessLimits,
    tracking: Tracking = Tracking(),  # noqa: B008  it is frozen
) -> Generator[None, None, CommandResult]:
    """Runs a command to its end.

    Listeners get a pause before it starts, so that what led to it is stored by then, and whenever
    it is quiet.

    Raises:
        OSError: it cannot be started.
    """
    environ = {**without_keys(environ), "PWD": str(workspace)}
    launch = Launch(argv, workspace, environ, run_id, merge_stderr=True, tracking=tracking)
    lines = supervise(launch, limits)
    collected = _BoundedOutput()
    yield None
    try:
        while True:
            line = next(lines)
            match line:
                case None:
                    yield None
                case LinePart():
                    collected.add(line.data + b"\n" * line.last)
                case _:
                    collected.add(line + b"\n")
    except StopIteration as ended:
        end: ProcessExit = ended.value
        output = collected.text()
        return CommandResult(end, output.removesuffix("\n") if end.unterminated else output)
    finally:
        lines.close()


def shell(script: str, *flags: str) -> list[str]:
    """The argument list that has the POSIX shell run a script."""
    return ["/bin/sh" if os.path.exists("/bin/sh") else "sh", *flags, "-c", script]  # noqa: PTH110


class _BoundedOutput:
    """The beginning and the end of an output, and the number of bytes between them."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._size = 0

    def add(self, data: bytes) -> None:
        self._size += len(data)
        room = _LONGEST_OUTPUT // 2 - len(self._head)
        self._head += data[: max(room, 0)]
        self._tail += data[max(room, 0) :]
        del self._tail[: -_LONGEST_OUTPUT // 2]

    def text(self) -> str:
        missing = self._size - len(self._head) - len(self._tail)
        gap = f"\n... {missing} bytes left out ...\n".encode() if missing else b""
        return (self._head + gap + self._tail).decode("utf-8", "replace")
