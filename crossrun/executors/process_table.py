"""What the system says about processes: which ones run, since when, with which parent.

On Linux this reads /proc, because importing psutil takes longer; other systems need psutil.
"""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

_READ_SIZE = 64 * 1024


class Process(NamedTuple):
    """A process; its start distinguishes it from a later one with the same id."""

    pid: int
    start: str


class ProcessStatus(NamedTuple):
    """What the system says about a process now."""

    process: Process
    parent: int
    session: int
    ended: bool
    on_terminal: bool


def own_children() -> set[int]:
    """The process ids of this program's children, adopted ones included."""
    return set(_children_of(os.getpid()))


def is_alive(process: Process) -> bool:
    """Whether exactly this process is running."""
    status = status_of(process.pid)
    return status is not None and status.process == process and not status.ended


def tree(roots: Iterable[int]) -> list[Process]:
    """The running processes among some and all of their descendants."""
    waiting, seen = list(roots), dict[int, ProcessStatus]()
    while waiting:
        pid = waiting.pop()
        status = None if pid in seen else status_of(pid)
        if status is not None:
            seen[pid] = status
            waiting += _children_of(pid)
    return [status.process for status in seen.values() if not status.ended]


def everyone() -> list[int]:
    """The ids of all processes."""
    if sys.platform != "linux":
        import psutil

        return psutil.pids()
    return [int(entry.name) for entry in os.scandir("/proc") if entry.name.isdecimal()]


def has_variable(pid: int, name: str, value: str) -> bool:
    """Whether a process is known to have been started with this variable."""
    if sys.platform != "linux":
        return _environment_by_psutil(pid).get(name) == value
    try:
        environment = _content(f"/proc/{pid}/environ")
    except OSError:
        return False
    variable = f"{name}={value}".encode()
    return variable in environment and variable in environment.split(b"\0")


def _environment_by_psutil(pid: int) -> dict[str, str]:
    import psutil

    try:
        return psutil.Process(pid).environ()
    except (psutil.Error, OSError):
        return {}


def reapers() -> set[int]:
    """The processes that the system hands orphans to: process 1, and a user's systemd."""
    ancestors, pid = {1}, os.getppid()
    while (status := status_of(pid)) is not None and status.parent > 0:
        with suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text() == "systemd\n":
                ancestors.add(pid)
        pid = status.parent
    return ancestors


def works_in(pid: int, folder: Path) -> bool:
    """Whether the current folder of a process is this one or one below it."""
    try:
        current = Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return False
    return Path(str(current).removesuffix(" (deleted)")).is_relative_to(folder.resolve())


def status_of(pid: int) -> ProcessStatus | None:
    """The current status of a process; None if there is none."""
    if sys.platform != "linux":
        return _status_by_psutil(pid)
    try:
        text = _content(f"/proc/{pid}/stat")
    except OSError:
        return None
    fields = text[text.rindex(b")") + 2 :].split()
    process = Process(pid, fields[19].decode())
    return ProcessStatus(
        process,
        parent=int(fields[1]),
        session=int(fields[3]),
        ended=fields[0] in b"ZX",
        on_terminal=fields[4] != b"0",
    )


def _content(file: str) -> bytes:
    """What a file of /proc says; after each run, those of all processes are read."""
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = []
        while part := os.read(descriptor, _READ_SIZE):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(descriptor)


def _status_by_psutil(pid: int) -> ProcessStatus | None:
    import psutil

    try:
        process = psutil.Process(pid)
        ended = process.status() == psutil.STATUS_ZOMBIE
        start = repr(process.create_time())
        terminal = process.terminal() is not None
        return ProcessStatus(
            Process(pid, start), process.ppid(), os.getsid(pid), ended, on_terminal=terminal
        )
    except (psutil.Error, OSError):
        return None


def _children_of(pid: int) -> list[int]:
    if not _system_lists_children():
        import psutil

        try:
            return [child.pid for child in psutil.Process(pid).children()]
        except psutil.Error:
            return []
    pids: list[int] = []
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208  ten times a second
            with suppress(OSError), open(f"/proc/{pid}/task/{task}/children", "rb") as listed:  # noqa: PTH123
                pids += map(int, listed.read().split())
    return pids


@cache
def _system_lists_children() -> bool:
    return Path("/proc/thread-self/children").exists()


@cache
def boot_id() -> str:
    """Identifies the boot that start times are counted from."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
