"""Cancels batches of any process, as a whole or row by row."""

import time
from collections.abc import Sequence

from msgspec.structs import replace

from crossrun.errors import StillRunningError
from crossrun.model.batches import Batch
from crossrun.model.status import Status
from crossrun.services.app import App
from crossrun.system import clock

_LONGEST_STOP = 30.0
"""Seconds that a batch gets to end after it was cancelled."""
_TICK = 0.1


def cancel_batch(app: App, batch_id: str) -> Batch:
    """Cancels a batch with all its runs; the batch once it has ended, or 30 seconds later."""
    until = time.monotonic() + _LONGEST_STOP
    app.store.batches.ask_to_stop(batch_id)
    while app.store.batches.is_active(batch_id) and time.monotonic() < until:
        time.sleep(_TICK)
    batch = app.store.batches.batch(batch_id)
    return _end_as_cancelled(app, batch) if batch.state is None else batch


def cancel_rows(app: App, batch_id: str, numbers: Sequence[int]) -> None:
    """Cancels rows of a batch: their runs are asked to stop, and others do not start."""
    app.store.batches.cancel_rows(batch_id, numbers)
    # a run that began before is in the store by now; a later one is refused
    for row in app.store.batches.batch(batch_id).rows:
        if row.number in numbers and row.run_id is not None:
            app.store.ask_to_stop(row.run_id)


def _end_as_cancelled(app: App, batch: Batch) -> Batch:
    """Ends a batch whose process is gone; as it is if it has not stopped by now."""
    try:
        with app.store.batches.carrying_out(batch.id):
            reason = "the batch was cancelled"
            ended = replace(batch, state=Status.CANCELLED, reason=reason, ended_at=clock.now())
            app.store.batches.update(ended, app.redactor)
            return ended
    except StillRunningError:
        return batch
