"""Between a `Run` and its row: plain columns, and JSON texts for what is nested."""

import json
import sqlite3
from typing import Any

import msgspec

from crossrun.runs import Run

_NESTED = ("tags", "tokens", "failure", "changes", "verify", "pattern")


def run_row(run: Run) -> dict[str, Any]:
    """The columns of a run."""
    row: dict[str, Any] = msgspec.to_builtins(run)
    for name in _NESTED:
        row[name] = None if row[name] is None else json.dumps(row[name], ensure_ascii=False)
    row["pattern_id"] = run.pattern and run.pattern.pattern_id
    return row


def run_of(row: sqlite3.Row) -> Run:
    """The run that a row holds."""
    values = dict(row)
    del values["pattern_id"]
    for name in _NESTED:
        values[name] = None if values[name] is None else json.loads(values[name])
    return msgspec.convert(values, Run)
