"""Views of batches in threads, so that a terminal or pipe that nobody reads holds up no run."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NamedTuple, Protocol

from crossrun.model.batches import Batch
from crossrun.model.status import Status
from crossrun.system import streams
from crossrun.system.background import Background
from crossrun.system.cancellation import CancelToken
from crossrun.views.threads import FOR_DATA, FOR_PEOPLE, URGENT, finished

if TYPE_CHECKING:
    from crossrun.services.batches.engine import RowChange

_TICK = 0.1


class BatchView(Protocol):
    """Shows a batch while it is carried out."""

    def open(self, batch: Batch) -> None:
        """Shows which batch begins or continues."""

    def show(self, change: "RowChange | None") -> None:
        """Takes the next change of a row, or None if there is none at the moment."""

    def close(self, batch: Batch | None) -> None:
        """Ends the view; None: the batch could not be carried out to its end."""

    def suspended(self) -> AbstractContextManager[None]:
        """Gives the terminal to other programs until the context ends."""


class BatchViewThread:
    """A view of a batch, in a background thread.

    Attributes:
        progress: how many items the view has shown; it stands still while nobody reads.
    """

    def __init__(self, view: BatchView) -> None:
        self._view = view
        self._waiting: SimpleQueue[_Opening | RowChange | _Closing] = SimpleQueue()
        self.progress = 0
        self._thread = Background(self._show_all)

    def open(self, batch: Batch) -> None:
        """Begins the view."""
        self._waiting.put(_Opening(batch))

    def show(self, change: "RowChange") -> None:
        """Hands over the next change; never waits for the view."""
        self._waiting.put(change)

    def close(self, batch: Batch | None) -> None:
        """Ends the view."""
        self._waiting.put(_Closing(batch))

    def done(self, wait: float) -> bool:
        """Waits up to `wait` seconds; returns whether all is shown. Raises what the view raised."""
        if not self._thread.done(wait):
            return False
        self._thread.value()
        return True

    def _show_all(self) -> None:
        for item in self._items():
            with suppress(OSError):
                if isinstance(item, _Closing):
                    self._view.close(item.batch)
                elif isinstance(item, _Opening):
                    self._view.open(item.batch)
                else:
                    self._view.show(item)
            self.progress += 1

    def _items(self) -> "Iterator[_Opening | RowChange | _Closing | None]":
        item: _Opening | RowChange | _Closing | None = None
        while not isinstance(item, _Closing):
            try:
                item = self._waiting.get(timeout=_TICK)
            except Empty:
                item = None
            yield item


class BatchViewers:
    """The views of a batch: data for programs on standard output, and a view for people.

    Args:
        data: what programs read, always complete.
        people: what people read from standard error.
    """

    def __init__(self, data: BatchView, people: BatchView) -> None:
        self._data = BatchViewThread(data)
        self._people = BatchViewThread(people)

    def open(self, batch: Batch) -> None:
        """Shows which batch begins or continues."""
        self._data.open(batch)
        self._people.open(batch)

    def show(self, change: "RowChange | None") -> None:
        """Hands over the next change; never waits."""
        if change is not None:
            self._data.show(change)
            self._people.show(change)

    def finish(self, batch: Batch | None, stop: CancelToken) -> None:
        """Waits until both views have shown everything; see `threads.Viewers.finish`."""
        self._people.close(batch)
        self._data.close(batch)
        before = (stop.requested_by, stop.urgent)

        def hurry() -> bool:
            return (stop.requested_by, stop.urgent) != before

        if not finished(self._people, URGENT if stop.urgent else FOR_PEOPLE, hurry):
            streams.abandon(sys.stderr)
        if not finished(self._data, URGENT if stop.urgent else _patience(batch), hurry):
            streams.abandon(sys.stdout)


class _Opening(NamedTuple):
    batch: Batch


class _Closing(NamedTuple):
    batch: Batch | None


def _patience(batch: Batch | None) -> float | None:
    ended_by_itself = batch is not None and batch.state is not Status.CANCELLED
    return None if ended_by_itself else FOR_DATA
