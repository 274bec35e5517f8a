"""Other programs of this machine, run to their end within a time limit."""

import subprocess
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class ProgramResult(NamedTuple):
    """How a program ended; None as the exit code: it could not be started or took too long."""

    exit_code: int | None
    out: str
    error: str


def run_program(
    command: Sequence[str], *, environ: Mapping[str, str], timeout: float, stdin: str = ""
) -> ProgramResult:
    """Runs a program. Bytes that are not UTF-8 survive the way in and out.

    Args:
        command: the program and its arguments.
        environ: its environment, with the `PATH` that it is looked up on.
        timeout: seconds after which it is killed.
        stdin: what it reads.
    """
    try:
        done = subprocess.run(
            command,
            env=dict(environ),
            input=stdin.encode("utf-8", "surrogateescape"),
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ProgramResult(None, "", f"it did not end within {timeout:g} seconds")
    except OSError as error:
        return ProgramResult(None, "", error.strerror or str(error))
    out, err = (text.decode("utf-8", "surrogateescape") for text in (done.stdout, done.stderr))
    return ProgramResult(done.returncode, out, err)
