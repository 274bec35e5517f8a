"""Signals become requests to stop, so that a run ends in order."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from crossrun.errors import Exit
from crossrun.model.runs import Run
from crossrun.model.status import Status
from crossrun.system.cancellation import CancelToken
from crossrun.system.inherited import ENDING

_URGENT = signal.SIGQUIT
"""Ctrl-\\, pressed when Ctrl-C seems to do nothing."""


@contextmanager
def asking_to_stop(stop: CancelToken) -> Iterator[None]:
    """Until the context ends, signals set `stop`; one ignored from the start stays ignored."""

    def ask(number: int, _frame: FrameType | None) -> None:
        stop.request(signal.Signals(number).name, urgent=number == _URGENT)

    previous = {
        number: signal.signal(number, ask)
        for number in ENDING
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    # else a terminal with `stty tostop` would stop the process that supervises the agent
    previous[signal.SIGTTOU] = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def exit_code(run: Run, stop: CancelToken) -> int:
    """The run's own, or 128 plus the number of the signal that ended it."""
    code = signal_code(stop) if run.status is Status.CANCELLED else None
    return run.exit_code or Exit.OK if code is None else code


def signal_code(stop: CancelToken) -> int | None:
    """128 plus the number of the signal that asked to stop; None if none did."""
    if stop.requested_by is None or stop.requested_by not in signal.Signals.__members__:
        return None
    return Exit.SIGNAL_BASE + signal.Signals[stop.requested_by]
