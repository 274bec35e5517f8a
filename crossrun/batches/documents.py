"""Batches as JSON for scripts: fields keep their name and meaning, and more may come."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from crossrun.batches.progress import RowState, Usage, states
from crossrun.model.batches import Batch, BatchRow
from crossrun.model.failures import Failure

ROW_STATES = (
    "succeeded",
    "failed",
    "timed_out",
    "limit_reached",
    "interrupted",
    "cancelled",
    "skipped",
    "running",
    "queued",
    "waiting",
)
"""The states of rows, in the order in which they are counted."""


class BatchTotals(Struct, frozen=True):
    """Sums over a batch: how many rows have each state, and what their runs used.

    `tokens` and `cost` are those of all runs, also of rows that ran again; `seconds` is how long
    the batch was carried out.
    """

    rows: int
    states: Mapping[str, int]
    tokens: int
    cost: float | None
    seconds: float

    @property
    def ended(self) -> int:
        """How many rows have a run that has ended."""
        return self.rows - sum(
            self.states.get(name, 0) for name in ("waiting", "queued", "running", "skipped")
        )


def state_of(batch: Batch, *, is_active: bool) -> str:
    """The state of a batch; one that has not ended is carried out, or was interrupted."""
    if batch.state is not None:
        return str(batch.state)
    return "running" if is_active else "interrupted"


def totals_of(row_states: Mapping[int, RowState], usage: Usage) -> BatchTotals:
    """The sums over the rows of a batch."""
    counts = Counter(state.name for state in row_states.values())
    return BatchTotals(
        rows=len(row_states),
        states={name: counts[name] for name in ROW_STATES if counts[name]},
        tokens=usage.tokens,
        cost=usage.cost or None,
        seconds=usage.seconds,
    )


def batch_object(batch: Batch, usage: Usage, *, is_active: bool) -> dict[str, Any]:
    """A batch with its rows and totals."""
    row_states = states(batch)
    totals = totals_of(row_states, usage)
    return {
        "id": batch.id,
        "kind": batch.kind,
        "name": batch.name,
        "project_id": batch.project_id,
        "state": state_of(batch, is_active=is_active),
        "reason": batch.reason,
        "created_at": batch.created_at,
        "ended_at": batch.ended_at,
        "origin": batch.design.get("origin"),
        "options": msgspec.to_builtins(batch.options),
        "rows": [row_object(row, row_states[row.number]) for row in batch.rows],
        "totals": {**msgspec.to_builtins(totals), "ended": totals.ended},
    }


def row_object(row: BatchRow, state: RowState) -> dict[str, Any]:
    """A row of a batch."""
    return {
        "number": row.number,
        "name": row.name,
        "status": state.name,
        "why": state.why or None,
        "run_id": row.run_id,
        "attempt": row.attempt,
        "after": list(row.after),
        "from": row.from_row,
        "labels": row.labels,
        "task": row.request.task,
        "failure": None if row.failure is None else failure_object(row.failure),
    }


def failure_object(failure: Failure) -> dict[str, Any]:
    """Why the run of a row could not begin."""
    plain: dict[str, Any] = msgspec.to_builtins(failure)
    return plain
