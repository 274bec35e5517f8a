"""Writing while another process is stopped in the middle of a transaction.

SQLite lets one process write at a time. If a process gets SIGSTOP while it writes, all others wait
as long as it is stopped. So it is continued until its transaction has ended, and stopped again as
soon as another process writes: then it cannot be in a transaction. Linux only; on other systems the
others wait.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

_WRITE_LOCK = 120
"""The byte of a `-shm` file that SQLite locks for the writer (WAL_WRITE_LOCK)."""
_LOCKS = Path("/proc/locks")


class _Stopped(NamedTuple):
    pid: int
    started: str


def begin(begin_writing: Callable[[], object], database: Path, locked: type[Exception]) -> None:
    """Begins a transaction that writes.

    Args:
        begin_writing: begins it, and waits for other writers.
        database: the store.
        locked: what `begin_writing` raises if the wait was too long; raised again if no writer is
            stopped.
    """
    try:
        begin_writing()
    except locked:
        with _continued(database) as continued:
            if not continued:
                raise
            begin_writing()


@contextmanager
def _continued(database: Path) -> Iterator[bool]:
    """Continues stopped writers while the context lasts.

    Yields:
        Whether there are any.
    """
    stopped = _stopped_writers(database)
    for process in stopped:
        _send(process, signal.SIGCONT)
    try:
        yield bool(stopped)
    finally:
        for process in stopped:
            _send(process, signal.SIGSTOP)


def _stopped_writers(database: Path) -> list[_Stopped]:
    shared_memory = Path(f"{database}-shm")
    try:
        locks = _LOCKS.read_text(encoding="ascii")
        inode = shared_memory.stat().st_ino
    except OSError:
        return []
    pids = {pid for line in locks.splitlines() if (pid := _writer(line, inode)) is not None}
    return [
        _Stopped(pid, status[1])
        for pid in pids
        if (status := _status(pid)) is not None
        and status[0] == "T"
        and _has_open(pid, shared_memory)
    ]


def _writer(line: str, inode: int) -> int | None:
    """The process that holds the lock of `/proc/locks`, if it is the one for writing."""
    match line.replace("->", "").split():
        case [_, "POSIX", _, "WRITE", pid, place, start, end] if place.endswith(f":{inode}"):
            last = _WRITE_LOCK if end == "EOF" else int(end)
            return int(pid) if int(start) <= _WRITE_LOCK <= last else None
        case _:
            return None


def _status(pid: int) -> tuple[str, str] | None:
    """The state of a process and when it started; None if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return fields[0].decode(), fields[19].decode()


def _has_open(pid: int, file: Path) -> bool:
    try:
        return any(entry.samefile(file) for entry in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def _send(process: _Stopped, number: signal.Signals) -> None:
    status = _status(process.pid)
    if status is not None and status[1] == process.started:
        with suppress(OSError):
            os.kill(process.pid, number)
