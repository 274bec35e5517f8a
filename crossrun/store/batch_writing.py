"""Writing batches: their plan, what becomes of their rows, and their end."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from crossrun.errors import StillRunningError, UsageError
from crossrun.model.batches import Batch, BatchRow
from crossrun.model.runs import Run
from crossrun.model.status import Status
from crossrun.redaction import Redactor
from crossrun.store.batch_rows import batch_columns, row_columns
from crossrun.store.statements import BATCH_ROWS, BATCHES


class BatchColumns(NamedTuple):
    """A batch as it is stored, and its rows. Removing their secrets takes time."""

    batch: dict[str, Any]
    rows: list[dict[str, Any]]

    @classmethod
    def of(cls, batch: Batch, redactor: Redactor) -> "BatchColumns":
        """The columns of a batch with all its rows."""
        rows = [row_columns(batch.id, row, redactor) for row in batch.rows]
        return cls(batch_columns(batch, redactor), rows)


def add_batch(connection: sqlite3.Connection, columns: BatchColumns, *, alone: bool) -> None:
    """Stores a batch with all its rows.

    Raises:
        UsageError: it has to be `alone`, and the newest batch of the same rows has not ended.
    """
    if alone:
        _require_no_twin(connection, columns.batch["design"])
    connection.execute(BATCHES.insert, columns.batch)
    connection.executemany(BATCH_ROWS.insert, columns.rows)


def _require_no_twin(connection: sqlite3.Connection, design: str) -> None:
    newest = connection.execute(
        "SELECT id, ended_at FROM batches"
        " WHERE json_extract(design, '$.origin') = json_extract(?, '$.origin')"
        " AND json_extract(design, '$.task') IS json_extract(?, '$.task')"
        " ORDER BY rowid DESC LIMIT 1",
        [design, design],
    ).fetchone()
    if newest is not None and newest["ended_at"] is None:
        raise UsageError(
            "BATCH_UNFINISHED",
            f"another crossrun has just started the batch {newest['id']} of these rows",
            hint=f"crossrun batch show {newest['id']}; or start over with all rows: --new",
        )


def add_rows(
    connection: sqlite3.Connection,
    batch_id: str,
    rows: Sequence[BatchRow],
    design: Mapping[str, Any],
    redactor: Redactor,
) -> None:
    """Adds rows to a batch, and replaces its design."""
    text, _ = redactor(msgspec.json.encode(design).decode())
    connection.execute("UPDATE batches SET design = ? WHERE id = ?", [text, batch_id])
    connection.executemany(
        BATCH_ROWS.insert, [row_columns(batch_id, row, redactor) for row in rows]
    )


def require_free_row(connection: sqlite3.Connection, run: Run) -> None:
    """Makes sure that a run may carry its row out, in the transaction that stores its first event.

    Raises:
        StillRunningError: the row was cancelled, has succeeded, or another run is carrying it out.
    """
    row = (run.batch_id, run.batch_row)
    other = connection.execute(
        "SELECT id FROM runs WHERE batch_id = ? AND batch_row = ?"
        " AND (batch_attempt >= ? OR status IN (?, ?, ?))",
        [*row, run.batch_attempt, Status.QUEUED, Status.RUNNING, Status.SUCCEEDED],
    ).fetchone()
    if other is not None:
        raise StillRunningError(
            "ROW_TAKEN",
            f"row {run.batch_row} of the batch {run.batch_id} is carried out by the run {other[0]}",
            hint="another crossrun carries this batch out: wait for it",
        )
    cancelled = connection.execute(
        "SELECT 1 FROM batch_rows WHERE batch_id = ? AND number = ? AND is_cancelled", row
    ).fetchone()
    if cancelled is not None:
        raise StillRunningError(
            "ROW_CANCELLED",
            f"row {run.batch_row} of the batch {run.batch_id} was cancelled",
            hint="let it run after all: continue the batch with --retry-failed",
        )


def keep_results(connection: sqlite3.Connection, run_ids: Sequence[str]) -> None:
    """Keeps in the rows of batches what became of runs that are about to be forgotten."""
    for run_id in run_ids:
        connection.execute(
            "UPDATE batch_rows SET (run_id, status, attempt, failure) ="
            " (SELECT id, status, batch_attempt, NULL FROM runs WHERE id = ?)"
            " WHERE EXISTS (SELECT 1 FROM runs r WHERE r.id = ?"
            " AND r.batch_id = batch_rows.batch_id AND r.batch_row = number"
            " AND r.batch_attempt > attempt)",
            [run_id, run_id],
        )


def record_failure(
    connection: sqlite3.Connection, batch_id: str, row: BatchRow, redactor: Redactor
) -> None:
    """Stores why the next run of a row could not begin."""
    columns = row_columns(batch_id, row, redactor)
    connection.execute(
        "UPDATE batch_rows SET run_id = NULL, status = ?, attempt = ?, failure = ?"
        " WHERE batch_id = ? AND number = ?",
        [Status.FAILED, row.attempt, columns["failure"], batch_id, row.number],
    )


def revive_rows(connection: sqlite3.Connection, batch_id: str, numbers: Sequence[int]) -> None:
    """Lets rows start again that were cancelled or could not begin."""
    connection.executemany(
        "UPDATE batch_rows SET is_cancelled = 0, failure = NULL,"
        " status = CASE WHEN failure IS NULL THEN status END"
        " WHERE batch_id = ? AND number = ?",
        [(batch_id, number) for number in numbers],
    )


def cancel_rows(connection: sqlite3.Connection, batch_id: str, numbers: Sequence[int]) -> None:
    """Keeps rows from being started."""
    connection.executemany(
        "UPDATE batch_rows SET is_cancelled = 1 WHERE batch_id = ? AND number = ?",
        [(batch_id, number) for number in numbers],
    )


def update_batch(connection: sqlite3.Connection, batch: Batch, redactor: Redactor) -> None:
    """Stores a batch as it is now; its rows stay as they are."""
    connection.execute(BATCHES.upsert, batch_columns(batch, redactor))
