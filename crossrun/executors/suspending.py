"""Suspends everything that this program started, in any session."""

import os
import signal
from collections.abc import Iterable
from contextlib import suppress

from crossrun.executors.process_table import Process, is_alive, own_children, tree


def suspend_all() -> set[Process]:
    """Stops all descendants until `continue_all`; also those that come up meanwhile."""
    suspended: set[Process] = set()
    while processes := set(tree(own_children())) - suspended:
        _send(processes, signal.SIGSTOP)
        suspended |= processes
    return suspended


def continue_all(suspended: Iterable[Process]) -> None:
    """Lets those that are still there go on."""
    _send(filter(is_alive, suspended), signal.SIGCONT)


def _send(processes: Iterable[Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, number)
