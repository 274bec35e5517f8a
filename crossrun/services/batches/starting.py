"""New batches, and those that are continued instead."""

from msgspec.structs import replace

from crossrun.batches.continuing import has_rows_left, resume_command
from crossrun.errors import StillRunningError, UsageError
from crossrun.model.batches import Batch, BatchOptions
from crossrun.model.status import Status
from crossrun.services.app import App
from crossrun.services.batches.planning import BatchPlan


def require_nothing_unfinished(plan: BatchPlan, app: App) -> None:
    """Refuses rows whose newest batch has not succeeded, so that nothing is done twice unasked.

    Raises:
        UsageError: there is such a batch; the hint says how to continue it.
    """
    batch = None
    if plan.origin is not None:
        batch = app.store.batches.of_origin(plan.origin, plan.options.task)
    if batch is None or batch.state is Status.SUCCEEDED:
        return
    done = sum(row.status is Status.SUCCEEDED for row in batch.rows)
    if batch.state is None and app.store.batches.is_active(batch.id):
        state, command = "is running", f"crossrun batch show {batch.id}"
    else:
        state = "was interrupted" if batch.state is None else f"ended as {batch.state}"
        command = resume_command(batch) or f"crossrun batch show {batch.id}"
    raise UsageError(
        "BATCH_UNFINISHED",
        f"the batch {batch.id} of these rows {state}: {done} of {len(batch.rows)} rows are done",
        hint=f"{command}; or start over with all rows: --new",
    )


def require_resumable(batch: Batch, app: App, *, retry_failed: bool) -> None:
    """Makes sure that there is something left to do, and that nobody does it already.

    Raises:
        UsageError: no row would run.
        StillRunningError: another process carries the batch out.
    """
    if app.store.batches.is_active(batch.id):
        raise StillRunningError(
            "BATCH_RUNNING",
            f"another crossrun process is running the batch {batch.id}",
            hint=f"look at it: crossrun batch show {batch.id}; or stop it: crossrun batch cancel"
            f" {batch.id}",
        )
    was_killed = batch.state is None  # perhaps after its last row, so its end is not recorded
    if was_killed or has_rows_left(batch, retry_failed=retry_failed):
        return
    if all(row.status is Status.SUCCEEDED for row in batch.rows):
        raise UsageError(
            "BATCH_FINISHED",
            f"all rows of the batch {batch.id} succeeded; there is nothing left to do",
            hint=f"see its results: crossrun batch results {batch.id}",
        )
    raise UsageError(
        "BATCH_FINISHED",
        f"all rows of the batch {batch.id} have ended, some of them without success",
        hint=f"run them again: crossrun batch resume {batch.id} --retry-failed",
    )


def with_options(batch: Batch, options: BatchOptions, app: App) -> Batch:
    """The batch with other options for what is left of it, stored."""
    changed = replace(batch, options=options)
    if changed != batch:
        app.store.batches.update(changed, app.redactor)
    return changed
