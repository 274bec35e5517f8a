"""The processes that descend from a child, written down while they live.

A tool server of an agent, or a program behind `env -i` or sudo, does not carry the run's marker,
and once its parents are gone nothing leads to it. So each is written to a file with its start time,
which tells it from a later process of the same number. Whoever ends a run that was killed reads it.
"""

import json
import os
import sys
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, ClassVar

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
from crossrun.system.folders import make_private

_INTERVAL = 0.1
_SHARE = 10
"""A look that cost much time of the processor is followed by a pause so many times as long."""
_SIGN_OF_LIFE = 1.0
"""Seconds between two touches of the file."""
_UNCLAIMED = 0.5
"""Seconds after which nobody else is going to wait for an ended process."""


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
        self._touched = 0.0
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
            self._living.update(tree({self._child, *(one.process.pid for one in orphans)}))
            if self._living != before:
                self._write()
            elif _since_boot() >= self._touched + _SIGN_OF_LIFE:
                self._touch()
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

    def _orphans(self) -> list[ProcessStatus]:
        """Processes that `survivors.adopt_orphans` brought here when their parent ended."""
        ours = os.getsid(0)
        pids = own_children() - self._strangers - self._claimed
        statuses = [status for pid in pids if (status := status_of(pid)) is not None]
        return [status for status in statuses if status.session != ours]

    def _wait_for(self, orphans: list[ProcessStatus], now: float) -> None:
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
        child = status_of(self._child)
        content = {
            "boot": boot_id(),
            "child": child and child.process,
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


def _since_boot() -> float:
    if sys.platform != "linux":
        return time.monotonic()
    return time.clock_gettime(time.CLOCK_BOOTTIME)
