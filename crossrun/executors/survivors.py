"""Finding and ending what a child left running.

Commands of agents run in sessions of their own, so killing the child's group is not enough. They
are found by a variable in their environment that every process of a run inherits, and by descent:
asked for while the child lives, and as orphans that come to this process when it has ended.
"""

import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import psutil

Kin: TypeAlias = "Sequence[psutil.Process]"
"""Processes that descend from a child."""

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


def descendants(pid: int) -> Kin:
    """All processes below `pid`, as far as the system still knows their parents."""
    import psutil

    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def end_survivors(run_id: str, kin: Kin = ()) -> int:
    """Kills what is left of a run: its marked processes and those of `kin` that still live.

    Returns:
        How many were killed. Never touches a process that is neither, nor one that has got the
        number of an ended one.
    """
    ended = 0
    until = time.monotonic() + _PATIENCE
    pending = [*kin, *_orphans(), *marked(run_id)]
    while pending and time.monotonic() < until:
        ended += sum(map(_kill, pending))
        time.sleep(_LOOK_AGAIN)
        pending = [*_orphans(), *marked(run_id)]
    return ended


def marked(run_id: str) -> "list[psutil.Process]":
    """Processes of other programs that carry this run's marker in their environment."""
    import psutil

    return [process for process in psutil.process_iter() if _carries(process, run_id)]


def _orphans() -> "list[psutil.Process]":
    """What came to this process when its parent ended, and carries no run's marker.

    Children that this process started itself are in its session or carry a marker.
    """
    return [process for process in descendants(os.getpid()) if _is_stray(process)]


def _is_stray(process: "psutil.Process") -> bool:
    import psutil

    try:
        adopted = process.ppid() == os.getpid() and os.getsid(process.pid) != os.getsid(0)
        return adopted and MARKER not in process.environ()
    except (psutil.Error, OSError):
        return False


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
