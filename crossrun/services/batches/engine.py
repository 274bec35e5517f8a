"""Carries batches out: starts rows as workers get free, until nothing is left to start.

One thread coordinates, the one that iterates over `carry_out`; each worker carries out ordinary
runs. What a row has become is known from the run that the store has for it, so a batch whose
process was killed is continued from there.
"""

import time
from collections.abc import Callable, Generator
from contextlib import closing
from typing import NamedTuple, assert_never

from msgspec.structs import replace

from crossrun.batches.progress import (
    Ending,
    RowState,
    Usage,
    active_rows,
    budget_reached,
    ending,
    first_failure,
    reopen,
    startable_rows,
    states,
    with_row,
)
from crossrun.errors import CrossrunError
from crossrun.events import CancelRequested
from crossrun.model.batches import Batch, BatchRow
from crossrun.model.failures import Failure
from crossrun.model.status import Status
from crossrun.services.app import App
from crossrun.services.batches.workers import (
    Active,
    Ended,
    NotStarted,
    Report,
    WorkerCrashed,
    Workers,
)
from crossrun.services.notices import Notice
from crossrun.services.runs import clean_up_after
from crossrun.system import clock
from crossrun.system.cancellation import CANCEL, CancelToken

_TICK = 0.1
"""Seconds between two looks at requests to stop."""
_SAVE_INTERVAL = 10.0
"""After so many seconds, it is stored again how long the batch has been carried out."""
_BATCH_CANCEL = "crossrun batch cancel"
"""Who cancels a run when another command cancels its batch."""
_STOPPED_EARLY = "the end of its batch, which is decided"
"""Who cancels a run when the others of its batch have decided it."""

_CANCELLED = Ending(Status.CANCELLED, "the batch was cancelled")


class RowChange(NamedTuple):
    """A row whose state is another one now, and the batch with it."""

    batch: Batch
    row: BatchRow
    state: RowState


Changes = Generator[RowChange | None]
StoppingRule = Callable[[Batch], str | None]
"""The reason why a batch ends before all of its rows have run; None if it continues."""


def never_stop(_batch: Batch) -> str | None:
    """Ends no batch early."""
    return None


def carry_out(
    app: App,
    batch_id: str,
    *,
    jobs: int,
    stop: CancelToken,
    retry_failed: bool = False,
    stopping_rule: StoppingRule = never_stop,
) -> Generator[RowChange | None, None, Batch]:
    """Begins a batch, or continues it where it was stopped or killed.

    Rows that succeeded do not run again, rows that were interrupted do. Closing the generator
    cancels the runs.

    Args:
        app: opened for writing.
        batch_id: the batch.
        jobs: how many runs are carried out at once.
        stop: set to cancel the batch with all its runs.
        retry_failed: rows that failed or were cancelled run again, too.
        stopping_rule: asked after each row that has ended; a reason ends the batch early, as
            succeeded, and cancels the runs that are still active.

    Yields:
        Each change of a row, and None when nothing has changed for a moment.

    Returns:
        The batch as it has ended.

    Raises:
        StillRunningError: another process carries the batch out.
    """
    with app.store.batches.carrying_out(batch_id) as is_asked_to_stop:
        stop.cancelled = is_asked_to_stop
        try:
            stored = yield from _wait_until_idle(app, batch_id, stop)
            batch = _reopen(app, stored, retry_failed=retry_failed)
            with closing(Workers(app.settings, batch_id, min(jobs, len(batch.rows)))) as workers:
                batch_run = _BatchRun(app, batch, workers, stop, stopping_rule)
                yield from batch_run.run()
                return batch_run.batch
        finally:
            stop.cancelled = None


def _wait_until_idle(app: App, batch_id: str, stop: CancelToken) -> Generator[None, None, Batch]:
    """The batch once none of its runs is active: those of a killed process are settled."""
    while True:
        app.settle_dead_runs()
        batch = app.store.batches.batch(batch_id)
        rows = active_rows(batch)
        if not rows:
            return batch
        for row in rows if stop else ():
            app.store.ask_to_stop(row.run_id or "")
        yield None
        time.sleep(_TICK)


def _reopen(app: App, stored: Batch, *, retry_failed: bool) -> Batch:
    """Records that the batch is carried out again, and which of its rows may run."""
    for row in stored.rows:
        if (
            row.status is Status.CANCELLED
            and not row.is_cancelled
            and _is_cancelled_by_user(app, row)
        ):
            app.store.batches.cancel_rows(stored.id, [row.number])
            stored = with_row(stored, replace(row, is_cancelled=True))
    batch = reopen(stored, retry_failed=retry_failed)
    pairs = zip(stored.rows, batch.rows, strict=True)
    revived = [
        row.number
        for before, row in pairs
        if row != before and (before.is_cancelled or before.failure)
    ]
    if revived:
        app.store.batches.revive_rows(batch.id, revived)
    app.store.batches.update(batch, app.redactor)
    return batch


def _is_cancelled_by_user(app: App, row: BatchRow) -> bool:
    """Whether the run of a row was cancelled by itself, and not with its batch."""
    event = None if row.run_id is None else app.store.read.first_event(row.run_id, CancelRequested)
    return event is not None and event.by == CANCEL


class _BatchRun:
    """A batch while it is carried out.

    Attributes:
        batch: as it is now.
    """

    def __init__(
        self,
        app: App,
        batch: Batch,
        workers: Workers,
        stop: CancelToken,
        stopping_rule: StoppingRule,
    ) -> None:
        self._app = app
        self.batch = batch
        self._workers = workers
        self._stop = stop
        self._stopping_rule = stopping_rule
        self._began = self._saved_at = clock.monotonic()
        self._seconds_before = batch.seconds
        self._ended_before = {row.number for row in batch.rows if row.status is not None}
        self._shown = states(batch)
        self._early_ending: Ending | None = None
        self._last_run_id: str | None = None

    def run(self) -> Changes:
        """Carries out what can be carried out."""
        yield None  # from now on this process carries the batch out
        while True:
            self._check_stop()
            self._start_rows()
            if not active_rows(self.batch):
                break
            report = self._workers.next_report(_TICK)
            if report is None:
                yield None
            else:
                self._handle_report(report)
                yield from self._changes()
            self._save_seconds()
        self._end()
        yield from self._changes()

    def _end(self) -> None:
        rows = self.batch.rows
        if self._early_ending == _CANCELLED and all(row.status is Status.SUCCEEDED for row in rows):
            self._early_ending = None  # it was asked to stop when nothing remained to do
        state, reason = self._early_ending or ending(self.batch)
        self.batch = replace(
            self.batch, state=state, reason=reason, ended_at=clock.now(), seconds=self._seconds()
        )
        self._app.store.batches.update(self.batch, self._app.redactor)
        if self._last_run_id is not None:
            clean_up_after(self._app, self._last_run_id)

    def _check_stop(self) -> None:
        if not self._stop:
            return
        by = self._stop.requested_by or ""
        self._early_ending = _CANCELLED
        self._workers.cancel(_BATCH_CANCEL if by == CANCEL else by, urgent=self._stop.urgent)

    def _start_rows(self) -> None:
        while self._workers.free and not self._is_ending():
            row = next(iter(startable_rows(self.batch)), None)
            if row is None:
                return
            reason = budget_reached(self.batch.options.budget, self._usage())
            if reason is not None:
                self._early_ending = Ending(Status.LIMIT_REACHED, reason)
                return
            self._workers.start(row, self._run_of(row.from_row))
            self._update_row(replace(row, status=Status.QUEUED, run_id=None))

    def _is_ending(self) -> bool:
        if self._early_ending is not None:
            return True
        options = self.batch.options
        return (
            not options.keep_going
            and first_failure(self.batch, besides=self._ended_before) is not None
        )

    def _usage(self) -> Usage:
        tokens, cost = self._app.store.batches.used(self.batch.id)
        return Usage(tokens, cost, self._seconds())

    def _run_of(self, name: str | None) -> str | None:
        return next((row.run_id for row in self.batch.rows if row.name == name), None)

    def _handle_report(self, report: Report) -> None:
        match report:
            case Notice():
                self._app.notify(report)
            case Active(number, run_id, status):
                row = self._row(number)
                attempt = row.attempt + (row.run_id != run_id)
                self._update_row(replace(row, run_id=run_id, status=status, attempt=attempt))
            case Ended(number, run_id, status, by):
                self._last_run_id = run_id
                self._record_end(replace(self._row(number), status=status), by)
            case NotStarted(number, error):
                self._record_error(self._row(number), error)
            case WorkerCrashed(_, error):
                raise error
            case _:
                assert_never(report)

    def _record_end(self, row: BatchRow, by: str | None) -> None:
        if row.status is Status.CANCELLED and by == CANCEL:
            self._app.store.batches.cancel_rows(self.batch.id, [row.number])
            row = replace(row, is_cancelled=True)
        self._update_row(row)
        reason = self._stopping_rule(self.batch)
        if reason is not None and self._early_ending is None:
            self._early_ending = Ending(Status.SUCCEEDED, reason)
            self._workers.cancel(_STOPPED_EARLY)

    def _record_error(self, row: BatchRow, error: CrossrunError) -> None:
        """Records that a row could not begin; the batch continues."""
        if error.code == "ROW_TAKEN":
            raise error
        if error.code == "ROW_CANCELLED":
            self._update_row(replace(row, status=None, is_cancelled=True))
            return
        failure = Failure(error.code, error.message, error.hint, error.retryable)
        failed_row = replace(row, run_id=None, status=Status.FAILED, failure=failure)
        self._app.store.batches.record_failure(self.batch.id, failed_row, self._app.redactor)
        self._update_row(failed_row)

    def _changes(self) -> Changes:
        shown, self._shown = self._shown, states(self.batch)
        for row in self.batch.rows:
            state = self._shown[row.number]
            if state != shown[row.number]:
                yield RowChange(self.batch, row, state)

    def _seconds(self) -> float:
        return round(self._seconds_before + clock.monotonic() - self._began, 3)

    def _save_seconds(self) -> None:
        if clock.monotonic() >= self._saved_at + _SAVE_INTERVAL:
            self._saved_at = clock.monotonic()
            self.batch = replace(self.batch, seconds=self._seconds())
            self._app.store.batches.update_if_free(self.batch, self._app.redactor)

    def _row(self, number: int) -> BatchRow:
        return next(row for row in self.batch.rows if row.number == number)

    def _update_row(self, row: BatchRow) -> None:
        self.batch = with_row(self.batch, row)
