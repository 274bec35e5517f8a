"""The processes that descend from a child, written down while they live.

A tool server of an agent, or a program behind `env -i` or sudo, does not carry the run's marker,
and once its parents are gone nothing leads to it. So each is written to a file with its start time,
which tells it from a later process of the same number. The command that ends a killed run reads it.
"""

import json
import os
import sys
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, ClassVar, NamedTuple

from crossrun.executors.process_table import (
    Process,
    ProcessStatus,
    boot_id,
    everyone,
    is_alive,
    own_children,
    reapers,
    status_of,
    tree,
    works_in,
)
from crossrun.executors.survivors import adopts_orphans
from crossrun.system.folders import make_private

_INTERVAL = 0.1
_SHARE = 10
"""A look that cost much time of the processor is followed by a pause so many times as long."""
_SIGN_OF_LIFE = 1.0
"""Seconds between two touches of the file."""
_UNCLAIMED = 0.5
"""Seconds after which nobody else is going to wait for an ended process."""


class Tracking(NamedTuple):
    """How the processes of a run are found again.

    `file`: where they are written down; None: nowhere. `folder`: the run's own workspace, in which
    nobody else starts programs; None: it works in a folder of the user's.
    """

    file: Path | None = None
    folder: Path | None = None


class Descent:
    """Keeps track of one child's descendants, and waits for those that became orphans.

    A thread does so ten times a second, since a tool server may come and lose its parent while
    crossrun is busy.

    A process is a descendant only by evidence: it was seen below the child, it is in a session
    that one of the child's descendants was in, or it has no parent and works in the run's own
    workspace. If this process is crossrun's own and adopts orphans, so are those that come to it
    while no other child is tracked. Other children of this process belong to the host program.

    It is made before the child starts, which `begin` then names.

    Args:
        tracking: where the descendants are written down, and where they work.
    """

    _tracked: ClassVar[set["Descent"]] = set()
    """Those whose child may still have descendants."""

    def __init__(self, tracking: Tracking) -> None:
        self._file, self._folder = tracking
        self._strangers = frozenset(own_children())
        self._child: Process | None = None
        self._living: set[Process] = set()
        self._sessions: dict[int, Process] = {}
        self._ended: dict[Process, float] = {}
        self._touched = 0.0
        self._lock = Lock()
        self._closed = Event()
        self._tracked.add(self)
        self._thread = Thread(target=self._watch, daemon=True, name="descent")

    def begin(self, pid: int) -> None:
        """Tracks the descendants of a child, which leads a session."""
        status = status_of(pid)
        self._child = status.process if status is not None else Process(pid, "")
        self._sessions[pid] = self._child
        self.living()
        self._thread.start()

    def living(self) -> set[Process]:
        """All descendants that run now, orphans included."""
        with self._lock:
            orphans = self._adopted()
            self._wait_for(orphans, time.monotonic())
            before = self._living
            roots = [*before, *(status.process for status in orphans)]
            if self._child is not None:
                roots.append(self._child)
            self._living = set(tree(process.pid for process in roots if _is_there(process)))
            self._note_sessions()
            if self._living != before:
                self._write()
            elif _since_boot() >= self._touched + _SIGN_OF_LIFE:
                self._touch()
            return self._living

    def left(self) -> set[Process]:
        """The same, with orphans that process 1 got, for which all processes are looked at."""
        living = self.living()
        return living if adopts_orphans() else living | set(self._lost())

    def close(self) -> None:
        """Nobody is left, so nothing has to be remembered."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()
        self._wait_for(self._adopted(), float("inf"))
        self._tracked.discard(self)
        if self._file is not None:
            self._file.unlink(missing_ok=True)

    def _watch(self) -> None:
        took = 0.0
        while not self._closed.wait(max(_INTERVAL, _SHARE * took)):
            began = time.thread_time()
            self.living()
            took = time.thread_time() - began

    def _adopted(self) -> list[ProcessStatus]:
        """Descendants that became children of this process when their parent ended."""
        pids = own_children() - self._strangers
        others = [each for each in self._tracked.copy() if each is not self]
        pids -= {each.child for each in (self, *others) if each.child is not None}
        only_run = adopts_orphans() and not others
        statuses = [status for pid in pids if (status := status_of(pid)) is not None]
        return [
            status
            for status in statuses
            if status.session != os.getsid(0)
            and (
                only_run
                or self._is_descendant(status)
                or (adopts_orphans() and self._works_in_workspace(status))
            )
        ]

    @property
    def child(self) -> int | None:
        """The process id of the child, once it was started."""
        return None if self._child is None else self._child.pid

    def _is_descendant(self, status: ProcessStatus) -> bool:
        if status.process in self._living or status.process in self._ended:
            return True
        leader = self._sessions.get(status.session)
        return leader is not None and _number_is_free_or_of(leader)

    def _note_sessions(self) -> None:
        """Remembers the sessions of descendants: later processes in them are descendants too."""
        for process in self._living:
            with suppress(OSError):
                session = os.getsid(process.pid)
                if session != os.getsid(0) and session not in self._sessions:
                    leader = status_of(session)
                    self._sessions[session] = (
                        Process(session, "") if leader is None else leader.process
                    )

    def _lost(self) -> list[Process]:
        """Descendants that another process adopted before they were seen here."""
        adopters = reapers() - {os.getpid()}
        statuses = [status for pid in everyone() if (status := status_of(pid)) is not None]
        orphans = [each for each in statuses if each.parent in adopters and not each.ended]
        return [
            status.process
            for status in orphans
            if self._is_descendant(status) or self._works_in_workspace(status)
        ]

    def _works_in_workspace(self, status: ProcessStatus) -> bool:
        return (
            self._child is not None
            and self._folder is not None
            and not status.on_terminal
            and _began_since(status.process, self._child)
            and works_in(status.process.pid, self._folder)
        )

    def _wait_for(self, orphans: list[ProcessStatus], now: float) -> None:
        """Lets the system forget ended orphans.

        The code that started a child waits for it, perhaps in another thread, and needs its exit
        code. So an ended process is left alone for a moment.
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
        content = {
            "boot": boot_id(),
            "child": self._child,
            "processes": sorted(self._living),
        }
        partial = self._file.with_name(f".{self._file.name}")
        with suppress(OSError):  # a full disk: the marker still finds most of them
            make_private(self._file.parent)
            partial.write_text(json.dumps(content))
            partial.replace(self._file)
        self._touch()

    def _touch(self) -> None:
        """Says when the run was still watched, in seconds since the boot: no clock is set back."""
        self._touched = _since_boot()
        if self._file is not None:
            with suppress(OSError):
                os.utime(self._file, (self._touched, self._touched))


def written_down(file: Path) -> list[Process]:
    """Those of a run's processes that still live, from the file that a `Descent` wrote."""
    try:
        processes = [Process(int(pid), str(start)) for pid, start in _content(file)["processes"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [process for process in processes if is_alive(process)]


def lost_in(folder: Path, file: Path, adopters: Collection[int] | None = None) -> list[Process]:
    """Orphans that began while a run was under way, and that work in its folder.

    They are what came between the last look at the run's processes and the kill.

    Args:
        folder: the run's own workspace, in which nobody else starts programs.
        file: the one that a `Descent` wrote.
        adopters: the processes that get orphans; by default those of the system.
    """
    try:
        _, start = _content(file)["child"]
        latest = (file.stat().st_mtime + 2 * _SIGN_OF_LIFE) * os.sysconf("SC_CLK_TCK")
        began = int(start)
    except (OSError, ValueError, KeyError, TypeError):
        return []
    adopters = reapers() if adopters is None else adopters
    statuses = [status for pid in everyone() if (status := status_of(pid)) is not None]
    return [
        status.process
        for status in statuses
        if status.parent in adopters
        and not (status.ended or status.on_terminal)
        and began <= int(status.process.start) <= latest
        and works_in(status.process.pid, folder)
    ]


def _content(file: Path) -> dict[str, Any]:
    """What a `Descent` wrote since the last boot. Raises ValueError and others."""
    content: dict[str, Any] = json.loads(file.read_text())
    if content["boot"] != boot_id():
        raise ValueError(file)
    return content


def _is_there(process: Process) -> bool:
    """Whether this very process exists, ended or not."""
    status = status_of(process.pid)
    return status is not None and status.process == process


def _number_is_free_or_of(leader: Process) -> bool:
    """Whether a session is still the one that a process led: its number is not used twice."""
    status = status_of(leader.pid)
    return status is None or status.process == leader


def _began_since(process: Process, child: Process) -> bool:
    try:
        return int(process.start) >= int(child.start)
    except ValueError:
        return False


def _since_boot() -> float:
    if sys.platform != "linux":
        return time.monotonic()
    return time.clock_gettime(time.CLOCK_BOOTTIME)
