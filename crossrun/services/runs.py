"""Runs of this process and of others: carried out, followed, waited for, cancelled.

Nothing here touches signals or standard streams, so all of it works in any thread of any program.
"""

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING, NamedTuple

from crossrun.services.app import App

if TYPE_CHECKING:
    from crossrun.engine.context import RunDependencies
    from crossrun.events import EventRecord
    from crossrun.model.runs import Run
    from crossrun.services.lineage import PreparedRun
    from crossrun.system.cancellation import CancelToken

    Preparation = AbstractContextManager[PreparedRun]

_BY_PROGRAM = "the program that started it"
"""Who cancels by `RunHandle.cancel`."""
_POLL = 0.1
_CHECK_ALIVE = 20
"""After so many polls without an event, `follow` checks whether the run's process is alive."""
_LONGEST_STOP = 30.0
"""Seconds that a run gets to end after it was cancelled."""


class ActiveRun(NamedTuple):
    """A run that this process owns.

    Iterating over `events` carries the run out: each event is recorded before it is yielded, and
    None is yielded when the run has nothing new just now.
    """

    id: str
    events: "Generator[EventRecord | None]"


@contextmanager
def carrying_out(
    app: App, prepared: "PreparedRun", dependencies: "RunDependencies", stop: "CancelToken"
) -> Iterator[ActiveRun]:
    """Begins a run, which this process owns until the context ends."""
    from crossrun.engine import run_events

    with app.store.owning() as run_id:
        stop.cancelled = app.store.is_asked_to_stop(run_id)
        facts = run_events(
            run_id, prepared.request, dependencies, stop, prepared.parent, prepared.place
        )
        recording = app.store.recording(run_id, facts, app.redactor, hurry=lambda: stop.urgent)
        with closing(recording) as events:
            yield ActiveRun(run_id, events)
        stop.cancelled = None


class RunHandle:
    """A run that a thread of this process carries out.

    The thread keeps the process from ending before the run has ended.

    Args:
        app: used by this run alone.
        preparation: makes the request; what it holds is released when the run has ended.
    """

    def __init__(self, app: App, preparation: "Preparation") -> None:
        from crossrun.system.cancellation import CancelToken

        self._app = app
        self._preparation = preparation
        self._stop = CancelToken()
        self._id: str | None = None
        self._error: BaseException | None = None
        self._recorded = Event()
        self._thread = Thread(target=self._carry_out, name="crossrun run")

    @property
    def id(self) -> str:
        """The run's id."""
        if self._id is None:
            raise ValueError("the run was never recorded")
        return self._id

    def start(self) -> None:
        """Starts the run, and waits until it is recorded.

        Raises:
            CrossrunError: something is missing; nothing has been recorded.
        """
        self._thread.start()
        self._recorded.wait()
        if self._id is None and self._error is not None:
            self._thread.join()
            raise self._error

    def events(self, *, after: int = 0) -> "Generator[EventRecord]":
        """The run's events as they are recorded, until it has ended."""
        for recorded in follow(App(self._app.settings), self.id, after=after):
            if recorded is not None:
                yield recorded

    def cancel(self) -> None:
        """Cancels the run; called again, it ends the agent at once."""
        self._stop.request(_BY_PROGRAM)

    def wait(self, timeout: float | None = None) -> "Run":
        """The run once it has ended, or as it is when the time is up.

        Raises:
            CrossrunError: the run could not be recorded to its end.
        """
        self.join(timeout)
        if self._error is not None:
            raise self._error
        return self._app.run(self.id)

    def join(self, timeout: float | None = None) -> None:
        """Waits until the run has ended, however it ended."""
        self._thread.join(timeout)

    def _carry_out(self) -> None:
        from crossrun.services.assembly import gather_dependencies
        from crossrun.services.notifying import announce_run

        app = self._app
        try:
            with self._preparation as prepared:
                dependencies = gather_dependencies(prepared.request, app)
                with carrying_out(app, prepared, dependencies, self._stop) as active:
                    for recorded in active.events:
                        if recorded is not None and self._id is None:
                            self._id = recorded.run_id
                            self._recorded.set()
                clean_up_after(app, active.id)
                announce_run(app, app.run(active.id))
        except BaseException as error:  # noqa: BLE001  raised again by `start` or `wait`
            self._error = error
        finally:
            self._recorded.set()


def clean_up_after(app: App, run_id: str) -> None:
    """What is due once a run has ended: the index, the weekly copy, and old workspaces."""
    from contextlib import suppress

    from crossrun.errors import CrossrunError
    from crossrun.model.retention import RetentionRules
    from crossrun.services.cleanup.after_runs import remove_old_workspaces, rules_of
    from crossrun.services.recovery import keep_weekly_copy
    from crossrun.services.references import remove_unused_references
    from crossrun.services.search import index_after_run

    index_after_run(app.store)
    for notice in (
        keep_weekly_copy(app.store),
        remove_old_workspaces(app.settings, app.store, run_id),
    ):
        if notice is not None:
            app.notify(notice)
    if rules_of(app.settings) != RetentionRules():
        with suppress(CrossrunError, OSError):  # the next cleanup tries again
            remove_unused_references(app.store, app.settings.paths)


def follow(
    app: App, run_id: str, *, after: int = 0, leave: Event | None = None
) -> "Generator[EventRecord | None]":
    """A run's events from the store as they are recorded, until the run has ended.

    Meanwhile runs whose process is gone are settled, so following a dead run ends, too.

    Args:
        app: whose run it is.
        run_id: the run, of this process or of another one.
        after: only events with a higher number.
        leave: once set, following ends.

    Yields:
        Each event, and None when nothing is new just now.
    """
    leave = leave or Event()
    quiet = 0
    while not leave.is_set():
        # checked before the events are read, so none that were recorded in between is missed
        ended = quiet % _CHECK_ALIVE == 0 and app.run(run_id).ended
        for recorded in events_between(app, run_id, after):
            after, quiet = recorded.seq, 0
            yield recorded
            if leave.is_set():
                return
        if ended:
            return
        yield None
        quiet += 1
        if quiet % _CHECK_ALIVE == 0:
            app.settle_dead_runs()
        leave.wait(_POLL)


def events_between(
    app: App, run_id: str, after: int, last: int | None = None
) -> "Iterator[EventRecord]":
    """The stored events of a run with a higher number than `after`, up to `last` if it is given."""
    for stored in app.store.read.events(run_id, after=after):
        if last is not None and stored.seq > last:
            return
        from crossrun.events import EventRecord, decode  # `wait` needs none for a run that is over

        yield EventRecord(run_id, stored.seq, stored.at, decode(stored.body))


def wait_for(
    app: App, run_ids: Sequence[str], timeout: float | None = None, leave: Event | None = None
) -> "list[Run]":
    """The runs once all of them have ended, when the time is up, or when `leave` is set."""
    until = None if timeout is None else time.monotonic() + timeout
    for run_id in run_ids:
        following = follow(app, run_id, after=app.store.read.last_seq(run_id), leave=leave)
        for _ in following:
            if until is not None and time.monotonic() >= until:
                break
    return [app.run(run_id) for run_id in run_ids]


def cancel(app: App, run_ids: Sequence[str]) -> "list[Run]":
    """Cancels runs of any process; the runs once they have ended, or 30 seconds later."""
    for run_id in run_ids:
        app.store.ask_to_stop(run_id)
    return wait_for(app, run_ids, _LONGEST_STOP)
