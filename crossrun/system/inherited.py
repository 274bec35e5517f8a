"""What a process inherits from whoever starts it, put in order before anything else happens.

A launcher may ignore SIGCHLD, block signals, close the standard streams or make them non-blocking.
Each of these would make crossrun lose exit codes, requests to stop, or data.
"""

import os
import signal
from pathlib import Path
from types import FrameType

from crossrun.system import streams

ENDING = tuple(
    getattr(signal, name)
    for name in (
        "SIGHUP",
        "SIGINT",
        "SIGQUIT",
        "SIGTERM",
        "SIGUSR1",
        "SIGUSR2",
        "SIGALRM",
        "SIGVTALRM",
        "SIGPROF",
        "SIGXCPU",
        "SIGIO",
        "SIGPWR",
        "SIGSTKFLT",
    )
    if hasattr(signal, name)
)
"""Signals that would end the process: crossrun ends in order instead."""


class Interrupted(BaseException):
    """A signal asks the command to end, whatever it is doing; `number` is that of the signal.

    No KeyboardInterrupt, since typer would take every one of these for Ctrl-C.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def put_in_order() -> None:
    """Makes the process what it would be if nobody had meddled with it."""
    streams.install()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, it makes every exit code 0
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
    if not Path(os.environ.get("HOME", "/")).is_absolute():
        del os.environ["HOME"]  # empty or relative, it would put the store anywhere


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise Interrupted(number)


def exit_code(interrupt: BaseException) -> int:
    """What a process ends with that a signal interrupted: 128 plus the signal's number."""
    number = interrupt.number if isinstance(interrupt, Interrupted) else signal.SIGINT
    return 128 + number
