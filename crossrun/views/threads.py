"""Views in threads, so that a terminal or pipe that nobody reads never holds up a run.

A view that falls behind reads what it missed from the ledger, so nothing is lost and memory stays
bounded.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Protocol

from crossrun.events import EventRecord
from crossrun.model.runs import Run
from crossrun.model.status import Status
from crossrun.projections.run import advance
from crossrun.system import streams
from crossrun.system.background import Background
from crossrun.system.cancellation import CancelToken
from crossrun.views.live import View, shown

EventReader = Callable[[int, int], Iterable[EventRecord]]
"""Reads events of the run from the ledger: those after one number, up to another."""

_MOST_WAITING = 1000
"""How many events wait in memory. Later ones are read from the ledger."""
_TICK = 0.1
FOR_PEOPLE, FOR_DATA, URGENT = 5.0, 10.0, 0.5
"""Seconds without progress after which an unread stream is given up when the run is over."""
_STOPPED = (Status.RUNNING, Status.CANCELLED, Status.TIMED_OUT)


class BackgroundView(Protocol):
    """A view in a background thread; `progress` stands still while nobody reads."""

    progress: int

    def done(self, wait: float) -> bool:
        """Waits up to `wait` seconds; returns whether all is shown."""


class ViewThread:
    """A view of a run, in a background thread.

    Attributes:
        progress: how many items the view has shown; it stands still while nobody reads.
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
        """Ends the view; `run` is as the last event left it."""
        with self._changed:
            self._run, self._closed = run, True
            self._changed.notify()

    def done(self, wait: float) -> bool:
        """Waits up to `wait` seconds; returns whether all is shown. Raises what the view raised."""
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
        """New events, the number of the newest one, and whether it was the last."""
        with self._changed:
            if not self._waiting and not self._closed:
                self._changed.wait(_TICK)
            waiting, self._waiting = self._waiting, []
            return waiting, self._newest, self._closed

    def _missed(self, after: int, last: int) -> Iterable[EventRecord]:
        return self._read(after, last) if after < last else ()


class Viewers:
    """The views of a run: data for programs, and a view for people.

    Args:
        data: what programs read from standard output, always complete.
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
        """Waits until both views have shown everything.

        Programs get as much time as they need, unless the run was stopped; people get a few
        seconds. Another request to stop ends all waiting.
        """
        self._data.close(self.run)
        self._people.close(self.run)
        before = (stop.requested_by, stop.urgent)

        def hurry() -> bool:
            return (stop.requested_by, stop.urgent) != before

        if not finished(self._people, URGENT if stop.urgent else FOR_PEOPLE, hurry):
            streams.abandon(sys.stderr)
        if not finished(self._data, URGENT if stop.urgent else self._patience(), hurry):
            streams.abandon(sys.stdout)

    def _patience(self) -> float | None:
        ended_by_itself = self.run is not None and self.run.status not in _STOPPED
        return None if ended_by_itself else FOR_DATA


def finished(thread: BackgroundView, patience: float | None, hurry: Callable[[], bool]) -> bool:
    """Waits for a view to end; returns whether it did before it stalled for too long."""
    progress, since = thread.progress, time.monotonic()
    while not thread.done(_TICK):
        if thread.progress != progress:
            progress, since = thread.progress, time.monotonic()
        late = patience is not None and time.monotonic() >= since + patience
        if late or hurry():
            return False
    return True
