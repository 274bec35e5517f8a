"""Views in threads: a terminal or a pipe that nobody reads never holds up what supervises a run.

A view that falls behind gets what it missed from the ledger, so nothing is lost and memory stays
bounded however long it waits.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from crossrun.events import EventRecord
from crossrun.model.runs import Run
from crossrun.model.status import Status
from crossrun.projections.run import advance
from crossrun.system import streams
from crossrun.system.background import Background
from crossrun.system.cancellation import CancelToken
from crossrun.views.live import View, shown

EventReader = Callable[[int, int], Iterable[EventRecord]]
"""Reads events of the run from the ledger: those after a number, up to another one."""

_MOST_WAITING = 1000
"""So many events wait in memory; what comes then is read from the ledger later."""
_TICK = 0.1
_FOR_PEOPLE, _FOR_DATA, _URGENT = 5.0, 10.0, 0.5
"""Seconds without progress until a stream that nobody reads is given up, once the run is over."""
_STOPPED = (Status.RUNNING, Status.CANCELLED, Status.TIMED_OUT)


class ViewThread:
    """A view of one run, in a thread.

    Attributes:
        progress: how many times the view has taken something; it stands still when nobody reads.
    """

    def __init__(self, view: View, read: EventReader) -> None:
        self._view = view
        self._read = read
        self._changed = threading.Condition()
        self._waiting: list[EventRecord] = []
        self._newest = 0
        self._closed = False
        self._run: Run | None = None
        self.progress = 0
        self._thread = Background(self._show_all)

    def show(self, recorded: EventRecord) -> None:
        """Hands over the next event; never waits for the view."""
        with self._changed:
            self._newest = recorded.seq
            if len(self._waiting) < _MOST_WAITING:
                self._waiting.append(recorded)
            self._changed.notify()

    def close(self, run: Run | None) -> None:
        """Nothing more comes; `run` is as the last event left it."""
        with self._changed:
            self._run, self._closed = run, True
            self._changed.notify()

    def done(self, wait: float) -> bool:
        """Waits up to so many seconds; whether everything is shown. Raises what the view raised."""
        if not self._thread.done(wait):
            return False
        self._thread.value()
        return True

    def _show_all(self) -> None:
        view = self._view
        for item in self._items():
            view = shown(view, item)
            self.progress += 1
        with suppress(OSError):
            view.close(self._run)

    def _items(self) -> Iterator[EventRecord | None]:
        seq, closed = 0, False
        while not closed:
            waiting, newest, closed = self._taken()
            for recorded in waiting:
                yield from self._missed(seq, recorded.seq - 1)
                yield recorded
                seq = recorded.seq
            yield from self._missed(seq, newest)
            seq = newest
            yield None

    def _taken(self) -> tuple[list[EventRecord], int, bool]:
        """What has come meanwhile, the number of the newest event, and whether it was the last."""
        with self._changed:
            if not self._waiting and not self._closed:
                self._changed.wait(_TICK)
            waiting, self._waiting = self._waiting, []
            return waiting, self._newest, self._closed

    def _missed(self, after: int, last: int) -> Iterable[EventRecord]:
        return self._read(after, last) if after < last else ()


class Viewers:
    """Everybody who looks at a run.

    Args:
        data: what programs read from standard output: nothing is kept from them.
        people: what people read from standard error.
        read: reads events that a view missed.

    Attributes:
        run: the run as the last event left it.
    """

    def __init__(self, data: View, people: View, read: EventReader) -> None:
        self._data = ViewThread(data, read)
        self._people = ViewThread(people, read)
        self.run: Run | None = None

    def show(self, recorded: EventRecord | None) -> None:
        """Hands over the next event; never waits."""
        if recorded is not None:
            self.run = advance(self.run, recorded)
            self._data.show(recorded)
            self._people.show(recorded)

    def finish(self, stop: CancelToken) -> None:
        """Lets everybody see the rest.

        Programs get the time that they need, unless somebody stopped the run; people some seconds.
        One more request to stop ends all waiting.
        """
        self._data.close(self.run)
        self._people.close(self.run)
        before = (stop.requested_by, stop.urgent)

        def hurry() -> bool:
            return (stop.requested_by, stop.urgent) != before

        if not _finished(self._people, _URGENT if stop.urgent else _FOR_PEOPLE, hurry):
            streams.abandon(sys.stderr)
        if not _finished(self._data, _URGENT if stop.urgent else self._patience(), hurry):
            streams.abandon(sys.stdout)

    def _patience(self) -> float | None:
        ended_by_itself = self.run is not None and self.run.status not in _STOPPED
        return None if ended_by_itself else _FOR_DATA


def _finished(thread: ViewThread, patience: float | None, hurry: Callable[[], bool]) -> bool:
    """Whether a view came to its end before it stood still for too long."""
    progress, since = thread.progress, time.monotonic()
    while not thread.done(_TICK):
        if thread.progress != progress:
            progress, since = thread.progress, time.monotonic()
        late = patience is not None and time.monotonic() >= since + patience
        if late or hurry():
            return False
    return True
