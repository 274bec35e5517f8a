"""Resets what a process inherits from its launcher, before anything else happens.

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
"""Signals that would kill the process. crossrun shuts down in order instead."""


class Interrupted(BaseException):
    """A signal asks the command to end; `number` is the signal's.

    Not a KeyboardInterrupt, because typer would take each of these for Ctrl-C.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def put_in_order() -> None:
    """Restores signals, standard streams and HOME to a usable state."""
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
    """The exit code of a process that a signal interrupted: 128 plus the signal's number."""
    number = interrupt.number if isinstance(interrupt, Interrupted) else signal.SIGINT
    return 128 + number
