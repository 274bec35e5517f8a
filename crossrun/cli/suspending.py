"""Ctrl-Z: crossrun stops at a safe moment, and everything that it started stops with it."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType

from crossrun.executors.suspending import continue_all, suspend_all
from crossrun.system import clock

LeaveTerminal = Callable[[], AbstractContextManager[None]]
"""Gives the terminal back to the shell until the context ends."""


class Suspension:
    """Whether Ctrl-Z was pressed; the signal itself stops nothing."""

    def __init__(self) -> None:
        self._requested = False

    def suspend_if_requested(self, leave_terminal: LeaveTerminal) -> None:
        """Stops until this process is continued. Must be called outside of transactions."""
        if not self._requested:
            return
        self._requested = False
        with leave_terminal():
            suspended = suspend_all()
            began = time.monotonic()
            _stop_this_process()
            clock.leave_out(time.monotonic() - began)
            continue_all(suspended)

    def request(self, _number: int, _frame: FrameType | None) -> None:
        """Handles SIGTSTP."""
        self._requested = True


@contextmanager
def suspendable() -> Iterator[Suspension]:
    """Until the context ends, Ctrl-Z waits for a safe moment; ignored, it stays ignored."""
    suspension = Suspension()
    if signal.getsignal(signal.SIGTSTP) is signal.SIG_IGN:
        yield suspension
        return
    before = signal.signal(signal.SIGTSTP, suspension.request)
    try:
        yield suspension
    finally:
        signal.signal(signal.SIGTSTP, before)


def _stop_this_process() -> None:
    """Does what the signal does by default: nothing, if no shell could continue the process."""
    handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTSTP)
    signal.signal(signal.SIGTSTP, handler)
