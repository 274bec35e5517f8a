"""How far a batch is: which rows may start, what each row's state is, and how the batch ends.

A row whose `status` is None has not begun. What is to run again gets None, too (`reopen`), so one
rule serves a new batch and one that is continued.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from crossrun.model.batches import Batch, BatchRow, Budget
from crossrun.model.failures import exit_code_of
from crossrun.model.status import Status

WAITING, SKIPPED, CANCELLED = "waiting", "skipped", "cancelled"
"""States of a row that has no run, besides the statuses of runs."""
_ACTIVE = (Status.QUEUED, Status.RUNNING)
_NO_FAILURE = (*_ACTIVE, Status.SUCCEEDED, Status.CANCELLED, Status.INTERRUPTED)
_EXIT_CODES = {
    Status.SUCCEEDED: 0,
    Status.CANCELLED: 10,
    Status.TIMED_OUT: 124,
    Status.LIMIT_REACHED: 7,
}


class RowState(NamedTuple):
    """The state of a row for people: `name` is a status of runs, or one of the three above."""

    name: str
    why: str = ""


class Usage(Struct, frozen=True):
    """What the runs of a batch have used so far, as far as it is known; see `Budget`."""

    tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0


class Ending(NamedTuple):
    """How a batch ends."""

    state: Status
    reason: str | None = None


def reopen(batch: Batch, *, retry_failed: bool = False) -> Batch:
    """The batch as it begins or continues: rows that are to run have no status.

    Args:
        batch: no run of it is active.
        retry_failed: rows that did not succeed or were cancelled run again, too.
    """

    def reopen_row(row: BatchRow) -> BatchRow:
        if row.status is Status.SUCCEEDED:
            return row
        cut_short = row.status is Status.INTERRUPTED or (
            row.status is Status.CANCELLED and not row.is_cancelled
        )
        if not (retry_failed or cut_short):
            return row
        return replace(row, status=None, failure=None, is_cancelled=False)

    return replace(
        batch, rows=tuple(map(reopen_row, batch.rows)), state=None, reason=None, ended_at=None
    )


def with_row(batch: Batch, row: BatchRow) -> Batch:
    """The batch with another state of one of its rows."""
    rows = tuple(row if each.number == row.number else each for each in batch.rows)
    return replace(batch, rows=rows)


def needs(row: BatchRow) -> tuple[str, ...]:
    """The names of the rows that have to succeed before a row starts."""
    return row.after if row.from_row is None else (*row.after, row.from_row)


def startable_rows(batch: Batch) -> list[BatchRow]:
    """The rows that may start now, in their order."""
    done = {row.name for row in batch.rows if row.status is Status.SUCCEEDED}
    return [row for row in batch.rows if _is_open(row) and done.issuperset(needs(row))]


def active_rows(batch: Batch) -> list[BatchRow]:
    """The rows whose runs have not ended."""
    return [row for row in batch.rows if row.status in _ACTIVE]


def has_ended(row: BatchRow) -> bool:
    """Whether a row was carried out; one that was interrupted or stopped may still run again."""
    return row.status not in (None, Status.INTERRUPTED, Status.CANCELLED, *_ACTIVE)


def first_failure(batch: Batch, *, besides: Collection[int] = ()) -> BatchRow | None:
    """A row that failed, which keeps others from starting unless the batch keeps going.

    Args:
        batch: the batch.
        besides: numbers of rows that do not count: they failed before the batch was continued.
    """
    return next((row for row in batch.rows if _has_failed(row) and row.number not in besides), None)


def states(batch: Batch) -> dict[int, RowState]:
    """The state of each row, by its number."""
    blocking_reasons = _blocking_reasons(batch)
    return {row.number: _state(batch, row, blocking_reasons.get(row.number)) for row in batch.rows}


def budget_reached(budget: Budget, usage: Usage) -> str | None:
    """Which part of a budget is spent; None while there is some left of all of them."""
    if budget.tokens is not None and usage.tokens >= budget.tokens:
        return f"the budget of {budget.tokens:,} tokens is used up"
    if budget.cost is not None and usage.cost >= budget.cost:
        return f"the budget of {budget.cost:g} is used up"
    if budget.seconds is not None and usage.seconds >= budget.seconds:
        return f"the budget of {budget.seconds:g} seconds is used up"
    return None


def ending(batch: Batch) -> Ending:
    """How a batch ends in which no more row may start, and nobody ended it early."""
    if all(row.status is Status.SUCCEEDED for row in batch.rows):
        return Ending(Status.SUCCEEDED)
    if batch.kind == "experiment" and all(row.status is not None for row in batch.rows):
        return Ending(Status.SUCCEEDED)
    if batch.kind == "attempts" and any(row.status is Status.SUCCEEDED for row in batch.rows):
        return Ending(Status.SUCCEEDED)
    row = first_failure(batch)
    return Ending(Status.FAILED, None if row is None else f"{row.name} did not succeed")


def exit_code(batch: Batch, run_codes: Mapping[str, int] = {}) -> int:
    """The exit code of a batch that has ended: that of its end, or the highest of its rows.

    Args:
        batch: the batch.
        run_codes: the exit codes of runs, by their ids, where they are known.
    """
    if batch.state in (Status.SUCCEEDED, Status.CANCELLED, Status.LIMIT_REACHED):
        return _EXIT_CODES[batch.state]
    return max((_exit_code(row, run_codes) for row in batch.rows), default=0) or 1


def _exit_code(row: BatchRow, run_codes: Mapping[str, int]) -> int:
    if row.status is None:
        return 0
    if row.failure is not None:
        return exit_code_of(row.failure)
    by_status = _EXIT_CODES.get(row.status, 1)
    return run_codes.get(row.run_id or "", by_status)


def _is_open(row: BatchRow) -> bool:
    return row.status is None and not row.is_cancelled


def _has_failed(row: BatchRow) -> bool:
    return row.status is not None and row.status not in _NO_FAILURE


def _state(batch: Batch, row: BatchRow, blocking_reason: str | None) -> RowState:
    if row.status is Status.QUEUED and row.run_id is None:
        return RowState(WAITING)  # its run is about to be recorded
    if row.status is not None:
        return RowState(str(row.status), "" if row.failure is None else row.failure.message)
    if row.is_cancelled:
        return RowState(CANCELLED)
    if blocking_reason is not None:
        return RowState(SKIPPED, blocking_reason)
    if batch.state is not None:
        return RowState(SKIPPED, batch.reason or f"the batch is {batch.state}")
    return RowState(WAITING)


def _blocking_reasons(batch: Batch) -> dict[int, str]:
    """Why rows cannot start, by their numbers: what they need is not going to succeed."""
    lost = {row.name: reason for row in batch.rows if (reason := _reason_lost(row)) is not None}
    blocking_reasons: dict[int, str] = {}
    for row in _in_order(batch.rows) if lost else ():
        reason = next((lost[name] for name in needs(row) if name in lost), None)
        if reason is not None and row.status is None:
            blocking_reasons[row.number] = reason
            lost.setdefault(row.name, f"{row.name} was skipped")
    return blocking_reasons


def _reason_lost(row: BatchRow) -> str | None:
    """Why a row is not going to succeed by itself."""
    if row.status is Status.SUCCEEDED:
        return None
    if row.is_cancelled or row.status is Status.CANCELLED:
        return f"{row.name} was cancelled"
    return f"{row.name} did not succeed" if _has_failed(row) else None


def _in_order(rows: Iterable[BatchRow]) -> list[BatchRow]:
    """Rows so that each comes after those that it needs."""
    from graphlib import TopologicalSorter

    by_name = {row.name: row for row in rows}
    graph = {row.name: needs(row) for row in by_name.values()}
    return [by_name[name] for name in TopologicalSorter(graph).static_order()]
