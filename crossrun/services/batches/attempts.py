"""Several attempts at one task, from one frozen state: planned, decided, ranked."""

from collections.abc import Generator
from contextlib import suppress

from msgspec.structs import replace

from crossrun.batches.ranking import TaskAttempt, ranking
from crossrun.batches.rows import RowPlan
from crossrun.errors import NotFoundError
from crossrun.model.batches import Batch, BatchOptions
from crossrun.model.runs import Run
from crossrun.model.status import Status
from crossrun.services.app import App
from crossrun.services.batches.bases import freeze
from crossrun.services.batches.engine import StoppingRule, never_stop
from crossrun.services.batches.planning import BatchPlan, given_options, plan_batch
from crossrun.services.options import RunOptions
from crossrun.system.cancellation import CancelToken
from crossrun.workspace.copying.trees import Progress

KIND = "attempts"


def plan_attempts(
    options: RunOptions, batch_options: BatchOptions, app: App, *, count: int, carry_out_all: bool
) -> Batch:
    """So many attempts at one task; nothing is recorded or copied.

    Args:
        options: of each of the runs.
        batch_options: how many are carried out at once, and their budget.
        app: has the settings and the store.
        count: how many attempts.
        carry_out_all: whether all are carried out, even if one has passed the check.

    Raises:
        ConsentNeeded: the user has to agree first.
        CrossrunError: something is missing or contradicts.
    """
    given = {name: value for name, value in given_options(options).items() if name != "consent"}
    rows = [
        RowPlan(number=number, name=f"attempt {number}", place=f"attempt {number}", options=given)
        for number in range(1, count + 1)
    ]
    plan = BatchPlan(rows=rows, options=options, batch_options=batch_options)
    batch = plan_batch(plan, app)
    task = batch.rows[0].request.task
    return replace(batch, kind=KIND, design={"task": task, "all": carry_out_all})


def freeze_attempts(batch: Batch, app: App, stop: CancelToken) -> Generator[Progress, None, Batch]:
    """The attempts with an id, which all begin with one frozen copy of their source.

    Raises:
        CrossrunError: the source cannot be copied.
    """
    batch_id = app.store.batches.new_id()
    frozen = yield from freeze(app, batch.rows[0].request, batch_id, 1, stop)
    rows = (
        replace(row, request=replace(row.request, begin_with=frozen.begin_with))
        for row in batch.rows
    )
    return replace(batch, id=batch_id, rows=tuple(rows))


def has_check(batch: Batch) -> bool:
    """Whether something tells which attempts succeeded, besides the agents themselves."""
    request = batch.rows[0].request
    return request.verify is not None or request.require_proof is not None


def stopping_rule(batch: Batch) -> StoppingRule:
    """What ends attempts early: one that has passed the check, unless all were asked for."""
    if batch.design.get("all") or not has_check(batch):
        return never_stop
    return _first_success


def attempts_of(app: App, batch: Batch) -> list[TaskAttempt]:
    """The attempts of a batch, the best first."""
    return ranking(batch, {run.id: run for run in _runs(app, batch)})


def _runs(app: App, batch: Batch) -> Generator[Run]:
    for row in batch.rows:
        with suppress(NotFoundError):  # it was removed from the ledger
            if row.run_id is not None:
                yield app.run(row.run_id)


def _first_success(batch: Batch) -> str | None:
    row = next((row for row in batch.rows if row.status is Status.SUCCEEDED), None)
    return None if row is None else f"{row.name} passed the check"
