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
        logs: the folder for what that process says.

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
            said = json.loads(pipe.read() or "{}")
    except (KeyboardInterrupt, inherited.Interrupted):
        os.kill(child, signal.SIGINT)  # it is in no terminal, and nobody would know its id
        raise
    if "id" in said:
        return said["id"], log.rename(logs / f"{said['id']}.log")
    if "error" not in said:
        raise CrossrunError(
            "INTERNAL", "the run in the background failed before it began", hint=f"see {log}"
        )
    log.unlink(missing_ok=True)
    raise _as_error(said)


def _become_background(work: Callable[[Announce], int], log: Path, pipe: TextIO) -> NoReturn:
    """Never returns. The caller continues in the parent process."""
    code = int(Exit.INTERNAL)
    try:
        os.setsid()
        _let_go(log, besides=pipe.fileno())
        code = work(lambda run_id: _say(pipe, {"id": run_id}))
    except CrossrunError as error:
        told = (type(error).__name__, error.code, error.message, error.hint, error.retryable)
        sys.stderr.write(f"error[{error.code}]: {error.message}\nhint: {error.hint}\n")
        code = int(error.exit_code)
        _say(pipe, {"error": told})
    except (KeyboardInterrupt, inherited.Interrupted) as interrupt:
        code = inherited.exit_code(interrupt)
    except Exception:  # noqa: BLE001  the edge of this process
        traceback.print_exc()
    finally:
        streams.flush()
        os._exit(code)


def _let_go(log: Path, *, besides: int) -> None:
    """Keeps nothing open that was inherited: neither a terminal nor a file that others lock."""
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


def _say(pipe: TextIO, message: dict[str, Any]) -> None:
    """Tells the process that waits; nobody does any more once something was said."""
    if not pipe.closed:
        with suppress(OSError), pipe:
            json.dump(message, pipe)


def _as_error(said: dict[str, Any]) -> CrossrunError:
    name, code, message, hint, retryable = said["error"]
    kind: type[CrossrunError] = getattr(errors, name)
    return kind(code, message, hint=hint, retryable=retryable)
