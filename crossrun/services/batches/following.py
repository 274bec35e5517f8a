"""Follows a batch of any process, from what is stored."""

from collections.abc import Generator
from threading import Event

from crossrun.batches.progress import RowState, states
from crossrun.model.batches import Batch
from crossrun.services.app import App
from crossrun.services.batches.engine import RowChange

_TICK = 0.1
_TICKS_BETWEEN_READS = 5


def follow_batch(app: App, batch_id: str, leave: Event) -> Generator[RowChange | None, None, Batch]:
    """The changes of a batch until nobody carries it out any longer.

    Args:
        app: whose batch it is.
        batch_id: the batch.
        leave: once set, following ends.

    Yields:
        First each row that is not waiting, then each change; None when nothing is new just now.

    Returns:
        The batch as it is then.
    """
    shown: dict[int, RowState] = {}
    while True:
        # looked at before the batch is read, so that its last change is not missed
        is_active = app.store.batches.is_active(batch_id)
        batch = app.store.batches.batch(batch_id)
        row_states = states(batch)
        for row in batch.rows:
            state = row_states[row.number]
            if state.name != "waiting" and state != shown.get(row.number):
                yield RowChange(batch, row, state)
        shown = row_states
        if not is_active:
            return batch
        for _ in range(_TICKS_BETWEEN_READS):
            yield None
            if leave.wait(_TICK):
                return batch
