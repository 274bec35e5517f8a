"""Runs in the background, in a separate process that outlives its terminal."""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn, TextIO

from crossrun import errors
from crossrun.errors import CrossrunError, Exit
from crossrun.system import inherited, streams
from crossrun.system.folders import make_private

Announce = Callable[[str], None]
"""Takes the id of the run as soon as it exists."""


def detached(work: Callable[[Announce], int], logs: Path) -> tuple[str, Path]:
    """Does the work in a separate process and returns as soon as its run exists.

    Args:
        work: what to do there; it announces the run's id and returns the exit code.
        logs: the folder for the output of that process.

    Returns:
        The run's id, and the log.

    Raises:
        CrossrunError: what the work raised before there was a run.
    """
    make_private(logs)
    log = logs / f"starting-{os.getpid()}.log"
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(readable)
        _become_background(work, log, os.fdopen(writable, "w"))
    os.close(writable)
    try:
        with os.fdopen(readable) as pipe:
            message = json.loads(pipe.read() or "{}")
    except (KeyboardInterrupt, inherited.Interrupted):
        os.kill(child, signal.SIGINT)  # it has no terminal, and its id would be lost
        raise
    if "id" in message:
        return message["id"], log.rename(logs / f"{message['id']}.log")
    if "error" not in message:
        raise CrossrunError(
            "INTERNAL", "the background run failed before it started", hint=f"see {log}"
        )
    log.unlink(missing_ok=True)
    raise _as_error(message)


def _become_background(work: Callable[[Announce], int], log: Path, pipe: TextIO) -> NoReturn:
    """Never returns. The caller continues in the parent process."""
    code = int(Exit.INTERNAL)
    try:
        os.setsid()
        _close_inherited(log, besides=pipe.fileno())
        code = work(lambda run_id: _send(pipe, {"id": run_id}))
    except CrossrunError as error:
        fields = (type(error).__name__, error.code, error.message, error.hint, error.retryable)
        sys.stderr.write(f"error[{error.code}]: {error.message}\nhint: {error.hint}\n")
        code = int(error.exit_code)
        _send(pipe, {"error": fields})
    except (KeyboardInterrupt, inherited.Interrupted) as interrupt:
        code = inherited.exit_code(interrupt)
    except Exception:  # noqa: BLE001  the edge of this process
        traceback.print_exc()
    finally:
        streams.flush()
        os._exit(code)


def _close_inherited(log: Path, *, besides: int) -> None:
    """Closes what was inherited, such as a terminal or a locked file."""
    for number in [int(descriptor.name) for descriptor in Path("/dev/fd").iterdir()]:
        if number > 2 and number != besides:  # noqa: PLR2004  standard error
            with suppress(OSError):
                os.close(number)
    nothing = os.open(os.devnull, os.O_RDWR)
    written = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    for target, source in ((0, nothing), (1, written), (2, written)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(written)


def _send(pipe: TextIO, message: dict[str, Any]) -> None:
    """Sends a message to the process that waits; only the first message is awaited."""
    if not pipe.closed:
        with suppress(OSError), pipe:
            json.dump(message, pipe)


def _as_error(received: dict[str, Any]) -> CrossrunError:
    name, code, message, hint, retryable = received["error"]
    kind: type[CrossrunError] = getattr(errors, name)
    return kind(code, message, hint=hint, retryable=retryable)
