"""Timing whole processes in turn, so that a change of the machine's speed meets all alike."""

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Times(NamedTuple):
    """Medians of one command, in seconds: wall clock, and CPU of the process and its children."""

    wall: float
    cpu: float


def interleaved(
    commands: Mapping[str, Sequence[str]],
    *,
    rounds: int,
    environ: Mapping[str, str] | None = None,
    cwd: str | None = None,
    stdin: bytes = b"",
    succeeds: bool = True,
) -> dict[str, Times]:
    """Runs all commands in turn, `rounds` times after one round that does not count.

    `succeeds`: a command that fails raises RuntimeError.
    """
    measured: dict[str, list[Times]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            times = once(command, environ=environ, cwd=cwd, stdin=stdin, succeeds=succeeds)
            if number:
                measured[name].append(times)
    return {
        name: Times(
            statistics.median(t.wall for t in times), statistics.median(t.cpu for t in times)
        )
        for name, times in measured.items()
    }


def once(
    command: Sequence[str],
    *,
    environ: Mapping[str, str] | None,
    cwd: str | None,
    stdin: bytes,
    succeeds: bool = True,
) -> Times:
    """Runs a command to its end.

    Raises:
        RuntimeError: it failed though it `succeeds`.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        list(command),
        env=None if environ is None else dict(environ),
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    process.stdin.write(stdin)
    process.stdin.close()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if succeeds and process.returncode != 0:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return Times(wall, used.ru_utime + used.ru_stime)


def machine() -> str:
    """What the figures were measured on."""
    system = f"{platform.system()} {platform.machine()}"
    return f"{system}, {os.cpu_count()} cores, Python {platform.python_version()}"
