"""Timing whole processes in turn, so that a change of the machine's speed meets all alike."""

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import crossrun

EMPTY_APP = """\
import typer

app = typer.Typer()

@app.command()
def first(name: str = "x", count: int = 3) -> None: ...

@app.command()
def second(name: str = "x") -> None: ...

app()
"""
"""A Typer app that does nothing: what every command of crossrun is compared with."""


class Times(NamedTuple):
    """Medians of one command.

    Attributes:
        wall: seconds by the wall clock.
        cpu: seconds of CPU time of the process and its children.
        memory: peak resident memory in MB, of the largest of these processes.
    """

    wall: float
    cpu: float
    memory: float

    def __str__(self) -> str:
        milliseconds = f"{self.wall * 1000:7.1f} ms wall {self.cpu * 1000:7.1f} ms CPU"
        return f"{milliseconds} {self.memory:6.1f} MB"


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
        name: Times(*map(statistics.median, zip(*times, strict=True)))
        for name, times in measured.items()
    }


_LAUNCHER = """
import os, sys, time
null = os.open(os.devnull, os.O_WRONLY)
hidden = [(os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
began = time.perf_counter()
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=hidden)
_, status, used = os.wait4(child, 0)
wall = time.perf_counter() - began
cpu = used.ru_utime + used.ru_stime
print(os.waitstatus_to_exitcode(status), wall, cpu, used.ru_maxrss)
"""
"""A small process starts the command: a child's peak memory is at least that of its parent."""


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
    launched = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _LAUNCHER, *command],
        env=None if environ is None else dict(environ),
        cwd=cwd,
        input=stdin,
        stdout=subprocess.PIPE,
        check=True,
    )
    code, wall, cpu, memory = launched.stdout.split()
    if succeeds and int(code) != 0:
        raise RuntimeError(f"{command} ended with {int(code)}")
    unit = 1_000_000 if sys.platform == "darwin" else 1_000
    return Times(float(wall), float(cpu), int(memory) / unit)


def first_output(command: Sequence[str], *, environ: Mapping[str, str], cwd: str) -> float:
    """Seconds from the start of a command to the first bytes on its standard error."""
    began = time.perf_counter()
    with subprocess.Popen(
        list(command),
        env=dict(environ),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        os.read(process.stderr.fileno(), 1)
        seconds = time.perf_counter() - began
        process.stderr.read()
    return seconds


def compile_crossrun() -> None:
    """Has Python write the compiled files of crossrun, which make up half of its start."""
    package = Path(crossrun.__file__).parent
    subprocess.run([sys.executable, "-m", "compileall", "-q", package], check=True)


def machine() -> str:
    """What the figures were measured on."""
    system = f"{platform.system()} {platform.machine()}"
    load = ", ".join(f"{number:.1f}" for number in os.getloadavg())
    return f"{system}, {os.cpu_count()} cores, Python {platform.python_version()}, load {load}"
