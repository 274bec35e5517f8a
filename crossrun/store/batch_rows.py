"""Conversion of batches to rows and back: plain columns, and JSON text for nested values."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from crossrun.model.batches import Batch, BatchRow
from crossrun.redaction import Redactor
from crossrun.store.access import require_moment

_NESTED = ("options", "design")
_NESTED_IN_ROWS = ("request", "after", "labels", "failure")


def batch_columns(batch: Batch, redactor: Redactor) -> dict[str, Any]:
    """The columns of a batch, without secrets."""
    return _columns(msgspec.structs.replace(batch, rows=()), _NESTED, redactor)


def row_columns(batch_id: str, row: BatchRow, redactor: Redactor) -> dict[str, Any]:
    """The columns of one planned run, without secrets."""
    return {"batch_id": batch_id, **_columns(row, _NESTED_IN_ROWS, redactor)}


def batch_of(row: sqlite3.Row, rows: Sequence[sqlite3.Row]) -> Batch:
    """The batch in a row of `batches`, with its planned runs.

    Raises:
        ValueError: a row is not as crossrun writes it.
    """
    batch = msgspec.convert({**_values(row, _NESTED), "rows": list(map(_planned, rows))}, Batch)
    for moment in (batch.created_at, batch.ended_at):
        if moment is not None:
            require_moment(moment)
    return batch


def _planned(row: sqlite3.Row) -> dict[str, Any]:
    values = _values(row, _NESTED_IN_ROWS)
    return {**values, "is_cancelled": bool(values["is_cancelled"])}


def _values(row: sqlite3.Row, nested: Sequence[str]) -> dict[str, Any]:
    values = dict(row)
    return {**values, **{name: json.loads(values[name] or "null") for name in nested}}


def _columns(value: Batch | BatchRow, nested: Sequence[str], redactor: Redactor) -> dict[str, Any]:
    """The redactor replaces secrets within JSON strings, so what is left is JSON, too."""
    body, _ = redactor(msgspec.json.encode(value).decode())
    columns: dict[str, Any] = json.loads(body)
    for name in nested:
        if columns[name] is not None:
            columns[name] = json.dumps(columns[name], ensure_ascii=False)
    return columns
