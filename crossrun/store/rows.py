"""Between a `Run` and its row: plain columns, and JSON texts for what is nested."""

import json
import sqlite3
from dataclasses import asdict, fields
from typing import Any

from crossrun.errors import Failure
from crossrun.runs import Change, Run, Status, Tokens, Verification

RUN_COLUMNS = tuple(field.name for field in fields(Run))
_NESTED = ("tags", "tokens", "failure", "changes", "verify")


def run_row(run: Run) -> dict[str, Any]:
    """The columns of a run."""
    row = asdict(run)
    for name in _NESTED:
        row[name] = None if row[name] is None else json.dumps(row[name], ensure_ascii=False)
    row["status"] = str(run.status)
    return row


def run_of(row: sqlite3.Row) -> Run:
    """The run that a row holds."""
    values = {name: row[name] for name in RUN_COLUMNS}
    nested: dict[str, Any] = {name: json.loads(values[name] or "null") for name in _NESTED}
    changes = nested["changes"]
    values |= {
        "status": Status(values["status"]),
        "tags": tuple(nested["tags"]),
        "tokens": nested["tokens"] and Tokens(**nested["tokens"]),
        "failure": nested["failure"] and Failure(**nested["failure"]),
        "verify": nested["verify"] and Verification(**nested["verify"]),
        "changes": None if changes is None else tuple(Change(**change) for change in changes),
    }
    return Run(**values)
