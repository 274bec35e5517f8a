"""The processes that descend from a child, written down while they live.

A tool server of an agent, or a program behind `env -i` or sudo, does not carry the run's marker,
and once its parents are gone nothing leads to it. So each is written to a file with its start time,
which tells it from a later process of the same number. Whoever ends a run that was killed reads it.
"""

import json
import os
import sys
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Event, Lock, Thread
from typing import ClassVar, NamedTuple

from crossrun.folders import make_private

_INTERVAL = 0.1
_SHARE = 10
"""A look that cost much time of the processor is followed by a pause so many times as long."""
_UNCLAIMED = 0.5
"""Seconds after which nobody else is going to wait for an ended process."""


class Process(NamedTuple):
    """A process, told by its start from a later one of the same number."""

    pid: int
    start: str


class _Status(NamedTuple):
    """What the system says about a process just now."""

    process: Process
    parent: int
    session: int
    ended: bool


class Descent:
    """Keeps track of one child's descendants, and waits for those that became orphans.

    A thread does so ten times a second, since a tool server may come and lose its parent while
    crossrun is busy.

    Args:
        child: the process id of the child, which leads a session.
        file: where they are written down; None: nowhere.
        strangers: `own_children` before the child was started.
    """

    _claimed: ClassVar[set[int]] = set()
    """Children of this program that a `Descent` was made for; their owners wait for them."""

    def __init__(self, child: int, file: Path | None, strangers: Collection[int]) -> None:
        self._child = child
        self._file = file
        self._strangers = frozenset(strangers)
        self._claimed.add(child)
        self._living: set[Process] = set()
        self._ended: dict[Process, float] = {}
        self._lock = Lock()
        self._closed = Event()
        self.living()
        self._thread = Thread(target=self._watch, daemon=True, name=f"descent of {child}")
        self._thread.start()

    def living(self) -> set[Process]:
        """All that are there now, orphans included."""
        with self._lock:
            orphans = self._orphans()
            self._wait_for(orphans, time.monotonic())
            before = self._living
            self._living = {one for one in before if is_alive(one)}
            self._living.update(_tree({self._child, *(one.process.pid for one in orphans)}))
            if self._living != before:
                self._write()
            return self._living

    def close(self) -> None:
        """Nobody is left, so nothing has to be remembered."""
        self._closed.set()
        self._thread.join()
        self._wait_for(self._orphans(), float("inf"))
        self._claimed.discard(self._child)
        if self._file is not None:
            self._file.unlink(missing_ok=True)

    def _watch(self) -> None:
        took = 0.0
        while not self._closed.wait(max(_INTERVAL, _SHARE * took)):
            began = time.thread_time()
            self.living()
            took = time.thread_time() - began

    def _orphans(self) -> list[_Status]:
        """Processes that `survivors.adopt_orphans` brought here when their parent ended."""
        ours = os.getsid(0)
        pids = own_children() - self._strangers - self._claimed
        statuses = [status for pid in pids if (status := _status(pid)) is not None]
        return [status for status in statuses if status.session != ours]

    def _wait_for(self, orphans: list[_Status], now: float) -> None:
        """Lets the system forget ended orphans.

        Whoever started a child waits for it at once, in another thread perhaps, and has to get its
        exit code. So what has ended is left alone for a moment.
        """
        ended = {one.process for one in orphans if one.ended}
        self._ended = {one: self._ended.get(one, now) for one in ended}
        for process, since in self._ended.items():
            if now >= since + _UNCLAIMED:
                with suppress(ChildProcessError):
                    os.waitpid(process.pid, os.WNOHANG)

    def _write(self) -> None:
        if self._file is None:
            return
        content = {"boot": _boot_id(), "processes": sorted(self._living)}
        partial = self._file.with_name(f".{self._file.name}")
        with suppress(OSError):  # a full disk: the marker still finds most of them
            make_private(self._file.parent)
            partial.write_text(json.dumps(content))
            partial.replace(self._file)


def own_children() -> set[int]:
    """The process ids of this program's children, adopted ones included."""
    return set(_children_of(os.getpid()))


def written_down(file: Path) -> list[Process]:
    """Those of a run's processes that still live, from the file that a `Descent` wrote."""
    try:
        content = json.loads(file.read_text())
        if content["boot"] != _boot_id():
            return []
        processes = [Process(int(pid), str(start)) for pid, start in content["processes"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [process for process in processes if is_alive(process)]


def is_alive(process: Process) -> bool:
    """Whether this very process runs."""
    status = _status(process.pid)
    return status is not None and status.process == process and not status.ended


def _tree(roots: Iterable[int]) -> list[Process]:
    """Processes and all of their descendants that run."""
    waiting, seen = list(roots), dict[int, _Status]()
    while waiting:
        pid = waiting.pop()
        status = None if pid in seen else _status(pid)
        if status is not None:
            seen[pid] = status
            waiting += _children_of(pid)
    return [status.process for status in seen.values() if not status.ended]


def _status(pid: int) -> _Status | None:
    if sys.platform != "linux":
        return _status_by_psutil(pid)
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    fields = text[text.rindex(b")") + 2 :].split()
    process = Process(pid, fields[19].decode())
    return _Status(process, int(fields[1]), int(fields[3]), ended=fields[0] in b"ZX")


def _status_by_psutil(pid: int) -> _Status | None:
    import psutil

    try:
        process = psutil.Process(pid)
        ended = process.status() == psutil.STATUS_ZOMBIE
        start = repr(process.create_time())
        return _Status(Process(pid, start), process.ppid(), os.getsid(pid), ended)
    except (psutil.Error, OSError):
        return None


def _children_of(pid: int) -> list[int]:
    if not _system_lists_children():
        import psutil

        try:
            return [child.pid for child in psutil.Process(pid).children()]
        except psutil.Error:
            return []
    found: list[int] = []
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208  ten times a second
            with suppress(OSError), open(f"/proc/{pid}/task/{task}/children", "rb") as listed:  # noqa: PTH123
                found += map(int, listed.read().split())
    return found


@cache
def _system_lists_children() -> bool:
    return Path("/proc/thread-self/children").exists()


@cache
def _boot_id() -> str:
    """Start times are counted from the boot."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
