"""Suspends everything that this program started, in any session."""

import os
import signal
from collections.abc import Iterable
from contextlib import suppress

from crossrun.executors.process_table import Process, is_alive, own_children, tree


def suspend_all() -> set[Process]:
    """Stops all descendants, including those that start meanwhile, until `continue_all`."""
    suspended: set[Process] = set()
    while processes := set(tree(own_children())) - suspended:
        _send(processes, signal.SIGSTOP)
        suspended |= processes
    return suspended


def continue_all(suspended: Iterable[Process]) -> None:
    """Continues those that are still there."""
    _send(filter(is_alive, suspended), signal.SIGCONT)


def _send(processes: Iterable[Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, number)
