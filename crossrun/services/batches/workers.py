"""The workers of a batch: threads of this process, each of which carries out one run at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from threading import Thread
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from crossrun.config.settings import Settings
from crossrun.errors import CrossrunError, UsageError
from crossrun.events import Event, RunDequeued, RunFinished, RunQueued, RunStarted
from crossrun.model.batches import BatchPlace, BatchRow
from crossrun.model.requests import RunRequest
from crossrun.model.status import Status
from crossrun.redaction import MASK
from crossrun.services.app import App
from crossrun.services.assembly import gather_dependencies
from crossrun.services.lineage import PreparedRun, around_mask, prepare_run
from crossrun.services.notices import Notice
from crossrun.services.runs import carrying_out
from crossrun.system.cancellation import CancelToken


class Active(NamedTuple):
    """The run of a row is recorded, and waits for other runs or works."""

    row: int
    run_id: str
    status: Status


class Ended(NamedTuple):
    """The run of a row has ended."""

    row: int
    run_id: str
    status: Status
    cancelled_by: str | None


class NotStarted(NamedTuple):
    """The run of a row could not begin; nothing of it is recorded."""

    row: int
    error: CrossrunError


class WorkerCrashed(NamedTuple):
    """A worker cannot go on: the store failed, or crossrun did."""

    row: int
    error: BaseException


Report = Active | Ended | NotStarted | WorkerCrashed | Notice


class _Job(NamedTuple):
    row: BatchRow
    base_run_id: str | None
    stop: CancelToken


class Workers:
    """A bounded number of threads, each with its own `App`.

    Args:
        settings: where everything is, and how runs are carried out.
        batch_id: the batch whose rows they carry out.
        count: how many runs they carry out at once.
    """

    def __init__(self, settings: Settings, batch_id: str, count: int) -> None:
        self._settings = settings
        self._batch_id = batch_id
        self._count = count
        self._stops: dict[int, CancelToken] = {}
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._reports: SimpleQueue[Report] = SimpleQueue()
        self._threads = [
            Thread(target=self._work, name=f"crossrun batch {number}") for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def free(self) -> int:
        """How many more rows can be started."""
        return self._count - len(self._stops)

    def start(self, row: BatchRow, base_run_id: str | None) -> None:
        """Has a free worker carry a row out.

        Args:
            row: the row; its next run is the one after its last attempt.
            base_run_id: the run whose workspace it begins with, if any.
        """
        stop = self._stops[row.number] = CancelToken()
        self._jobs.put(_Job(row, base_run_id, stop))

    def cancel(self, by: str, *, urgent: bool = False) -> None:
        """Cancels all runs that are carried out."""
        for stop in self._stops.values():
            if urgent or stop.requested_by is None:
                stop.request(by, urgent=urgent)

    def next_report(self, timeout: float) -> Report | None:
        """What a worker has to say; None when there is nothing for so many seconds."""
        try:
            report = self._reports.get(timeout=timeout)
        except Empty:
            return None
        if isinstance(report, Ended | NotStarted | WorkerCrashed):
            del self._stops[report.row]
        return report

    def close(self) -> None:
        """Ends the threads, and the runs that they still carry out."""
        self.cancel("the end of its batch", urgent=True)
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        app = App(self._settings, self._reports.put)
        while (job := self._jobs.get()) is not None:
            self._reports.put(self._carry_out(app, job))

    def _carry_out(self, app: App, job: _Job) -> Report:
        run_id, status, number = None, Status.INTERRUPTED, job.row.number
        try:
            with _prepare(app, job, self._batch_id) as prepared:
                dependencies = gather_dependencies(prepared.request, app)
                with carrying_out(app, prepared, dependencies, job.stop) as active:
                    for recorded in active.events:
                        if recorded is None:
                            continue
                        run_id, before = recorded.run_id, status
                        status = _status_after(recorded.event, before)
                        if status != before and not isinstance(recorded.event, RunFinished):
                            self._reports.put(Active(number, run_id, status))
        except CrossrunError as error:
            return WorkerCrashed(number, error) if run_id else NotStarted(number, error)
        except BaseException as error:  # noqa: BLE001  raised again where the batch is carried out
            return WorkerCrashed(number, error)
        return Ended(number, active.id, status, job.stop.requested_by)


def _status_after(event: Event, before: Status) -> Status:
    match event:
        case RunQueued():
            return Status.QUEUED
        case RunStarted() | RunDequeued():
            return Status.RUNNING
        case RunFinished(status=status):
            return status
        case _:
            return before


@contextmanager
def _prepare(app: App, job: _Job, batch_id: str) -> Iterator[PreparedRun]:
    row = job.row
    request = _request(row, job.base_run_id)
    _require_whole(request, row.name)
    place = BatchPlace(batch_id, row.number, row.attempt + 1)
    with prepare_run(app.store, request) as prepared:
        parent = replace(prepared.parent, retry_of=row.run_id)
        yield PreparedRun(prepared.request, parent, place)


def _request(row: BatchRow, base_run_id: str | None) -> RunRequest:
    if base_run_id is None:
        return row.request
    begin_with = replace(
        row.request.begin_with, run_id=base_run_id, path=None, url=None, in_place=None, frozen=None
    )
    return replace(row.request, begin_with=begin_with)


def _require_whole(request: RunRequest, name: str) -> None:
    text = msgspec.json.encode(request).decode()
    if MASK in text:
        raise UsageError(
            "REQUEST_REDACTED",
            f"the request of {name} contained a secret, which was not stored: {around_mask(text)}",
            hint="put the secret into an environment variable, and start a new batch",
        )
