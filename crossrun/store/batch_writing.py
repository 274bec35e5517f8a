"""Writing batches: their plan, what becomes of their rows, and their end."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from crossrun.model.batches import Batch
from crossrun.model.status import Status
from crossrun.redaction import Redactor
from crossrun.store.batch_rows import batch_columns, row_columns
from crossrun.store.statements import BATCH_ROWS, BATCHES


class RowResult(NamedTuple):
    """What the newest run of a row became."""

    number: int
    run_id: str
    status: Status
    attempt: int


def add_batch(connection: sqlite3.Connection, batch: Batch, redactor: Redactor) -> None:
    """Stores a batch with all its rows."""
    connection.execute(BATCHES.insert, batch_columns(batch, redactor))
    connection.executemany(
        BATCH_ROWS.insert, [row_columns(batch.id, row, redactor) for row in batch.rows]
    )


def record_row(connection: sqlite3.Connection, batch_id: str, result: RowResult) -> None:
    """Stores what became of a row, which stays when its run is forgotten."""
    connection.execute(
        "UPDATE batch_rows SET run_id = ?, status = ?, attempt = ?"
        " WHERE batch_id = ? AND number = ?",
        [result.run_id, result.status, result.attempt, batch_id, result.number],
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
