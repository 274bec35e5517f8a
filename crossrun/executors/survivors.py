"""Finding and ending what a child left running.

Commands of agents run in sessions of their own, so killing the child's group is not enough. They
are found by a variable in their environment that most processes of a run inherit, by descent from
the child (see `descent`), and by the sessions that they lead.
"""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from crossrun.executors.process_table import Process

if TYPE_CHECKING:
    import psutil

MARKER = "CROSSRUN_RUN_ID"
_PR_SET_CHILD_SUBREAPER = 36
_PATIENCE = 1.5
"""Seconds to go on looking while new ones turn up."""

_LOOK_AGAIN = 0.005


def import_psutil() -> None:
    """Imports what the other functions need, at a moment of the caller's choice."""
    import psutil  # noqa: F401


def adopt_orphans() -> None:
    """Has the system hand orphans to this process instead of to process 1.

    So one is found, too, that detached itself from its parents and dropped its environment. Linux
    only; elsewhere the marker has to do.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_survivors(run_id: str, descended: Callable[[], Iterable[Process]] = tuple) -> int:
    """Kills what is left of a run.

    Args:
        run_id: its marked processes are ended.
        descended: the processes that are known to descend from the run's children and still live.

    Returns:
        How many were killed. Never touches a process that is neither, below one of them, nor in a
        session that one of them leads.
    """
    ended = 0
    until = time.monotonic() + _PATIENCE
    pending = _left_of(run_id, descended())
    while pending and time.monotonic() < until:
        ended += sum(map(_kill, pending))
        time.sleep(_LOOK_AGAIN)
        pending = _left_of(run_id, descended())
    return ended


def marked(run_id: str) -> "list[psutil.Process]":
    """Processes of other programs that carry this run's marker in their environment."""
    import psutil

    return [process for process in psutil.process_iter() if _carries(process, run_id)]


def _left_of(run_id: str, descended: Iterable[Process]) -> "list[psutil.Process]":
    members = {process.pid: process for process in (*marked(run_id), *_existing(descended))}
    below = {child.pid: child for member in members.values() for child in _below(member)}
    led = {process.pid: process for process in _led_by(set(members))} if members else {}
    everyone = {**led, **below, **members}
    everyone.pop(os.getpid(), None)
    return list(everyone.values())


def _existing(processes: Iterable[Process]) -> "Iterator[psutil.Process]":
    import psutil

    for process in processes:
        with suppress(psutil.Error):
            yield psutil.Process(process.pid)


def _below(process: "psutil.Process") -> "list[psutil.Process]":
    import psutil

    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _led_by(leaders: set[int]) -> "Iterator[psutil.Process]":
    """Processes in the sessions of living leaders, whose number nobody else can have meanwhile."""
    import psutil

    for process in psutil.process_iter():
        with suppress(OSError):
            if os.getsid(process.pid) in leaders:
                yield process


def _carries(process: "psutil.Process", run_id: str) -> bool:
    import psutil

    try:
        return process.pid != os.getpid() and process.environ().get(MARKER) == run_id
    except (psutil.Error, OSError):
        return False


def _kill(process: "psutil.Process") -> bool:
    import psutil

    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        process.kill()
    except psutil.Error:
        return False
    return True
