"""Signals as requests to stop: a run is ended in order, crossrun never dies by one it can catch."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from crossrun.stopping import Stop

_HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def asking_to_stop(stop: Stop) -> Iterator[None]:
    """Until the context ends, signals set `stop`; one ignored from the start stays ignored."""

    def ask(number: int, _frame: FrameType | None) -> None:
        stop.request(signal.Signals(number).name)

    previous = {
        number: signal.signal(number, ask)
        for number in _HANDLED
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def exit_code(stop: Stop) -> int | None:
    """128 plus the number of the signal that asked first; None when nobody did."""
    return None if stop.requested_by is None else 128 + signal.Signals[stop.requested_by]
