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
    by_signal = stop.requested_by in signal.Signals.__members__
    if run.status is Status.CANCELLED and stop.requested_by is not None and by_signal:
        return Exit.SIGNAL_BASE + signal.Signals[stop.requested_by]
    return run.exit_code or Exit.OK
