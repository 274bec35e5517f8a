"""Finding and ending what a child left running.

Commands of agents run in sessions of their own, so killing the child's group is not enough. They
are found by a variable in their environment that most processes of a run inherit, by descent from
the child (see `descent`), and by the sessions that they lead.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from crossrun.executors.process_table import (
    Process,
    everyone,
    has_variable,
    is_alive,
    status_of,
    tree,
)

MARKER = "CROSSRUN_RUN_ID"
_PR_SET_CHILD_SUBREAPER = 36
_PATIENCE = 1.5
"""Seconds to go on looking while new ones turn up."""

_LOOK_AGAIN = 0.005


_adopting = False


@contextmanager
def adopting_orphans() -> Iterator[None]:
    """Has the system hand orphans to this process instead of to process 1.

    So one is found, too, that detached itself from its parents and dropped its environment. Linux
    only; elsewhere the marker has to do. Only for a process that is crossrun's own: to a program
    that runs crossrun as a library, orphans may come that no run started.
    """
    global _adopting  # noqa: PLW0603  it is a property of the process
    if sys.platform != "linux":
        yield
        return
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    _adopting = prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    try:
        yield
    finally:
        prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        _adopting = False


def adopts_orphans() -> bool:
    """Whether this process is crossrun's own and gets its orphans."""
    return _adopting


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


def marked(run_id: str) -> list[Process]:
    """Processes of other programs that carry this run's marker in their environment."""
    return [
        status.process
        for pid in everyone()
        if pid != os.getpid() and has_variable(pid, MARKER, run_id)
        if (status := status_of(pid)) is not None
    ]


def _left_of(run_id: str, descended: Iterable[Process]) -> set[Process]:
    members = {*marked(run_id), *filter(is_alive, descended)}
    if not members:
        return set()
    pids = {process.pid for process in members}
    processes = {*members, *tree(pids), *_led_by(pids)}
    return {process for process in processes if process.pid != os.getpid()}


def _led_by(leaders: set[int]) -> Iterator[Process]:
    """Processes in the sessions of living leaders, whose pids nobody else can have meanwhile."""
    for status in map(status_of, everyone()):
        if status is not None and status.session in leaders and not status.ended:
            yield status.process


def _kill(process: Process) -> bool:
    if not is_alive(process):
        return False
    try:
        os.kill(process.pid, signal.SIGKILL)
    except OSError:
        return False
    return True
