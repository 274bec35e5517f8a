"""What became of a batch: its rows and totals, and the results of its runs."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from crossrun.batches.documents import batch_object
from crossrun.batches.progress import RowState, Usage, states
from crossrun.model.batches import Batch, BatchRow
from crossrun.model.queries import RunFilter
from crossrun.model.runs import Run
from crossrun.services.app import App

_ALL = -1
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
RESULT_FIELDS = (
    "name",
    "status",
    "run_id",
    "exit_code",
    "answer",
    "files",
    "insertions",
    "deletions",
    "verify_exit_code",
    "proof",
    "seconds",
    "tokens",
    "cost",
    "failure",
    "message",
    "attempt",
    "project_id",
    "workspace",
    "task",
)
"""The fields of a result, in the order of the columns of a table."""


def usage_of(app: App, batch: Batch) -> Usage:
    """What the runs of a batch have used so far."""
    return Usage(*app.store.batches.used(batch.id), batch.seconds)


def document_of(app: App, batch: Batch) -> dict[str, Any]:
    """A batch as JSON for scripts."""
    is_active = app.store.batches.is_active(batch.id)
    return batch_object(batch, usage_of(app, batch), is_active=is_active)


def results(app: App, batch: Batch) -> Iterator[dict[str, Any]]:
    """The result of each row: that of its newest run."""
    wanted = RunFilter(batch_id=batch.id, limit=_ALL)
    runs = {run.id: run for run in app.store.read.runs(wanted)}
    row_states = states(batch)
    for row in batch.rows:
        run = None if row.run_id is None else runs.get(row.run_id)
        yield _result(row, row_states[row.number], run)


def _result(row: BatchRow, state: RowState, run: Run | None) -> dict[str, Any]:
    """The fields of one result; what is not known is None."""
    failure = row.failure if run is None else run.failure
    return dict.fromkeys(RESULT_FIELDS) | {
        "name": row.name,
        "status": state.name,
        "run_id": row.run_id,
        "failure": None if failure is None else failure.code,
        "message": (state.why or None) if failure is None else failure.message,
        "attempt": row.attempt,
        "project_id": row.request.project_id,
        "task": row.request.task,
        **({} if run is None else _of_run(run)),
    }


def _of_run(run: Run) -> dict[str, Any]:
    changes = run.changes
    return {
        "exit_code": run.exit_code,
        "answer": run.answer,
        "files": None if changes is None else [change.path for change in changes],
        "insertions": None if changes is None else sum(each.insertions or 0 for each in changes),
        "deletions": None if changes is None else sum(each.deletions or 0 for each in changes),
        "verify_exit_code": None if run.verify is None else run.verify.exit_code,
        "proof": None if run.proof is None else run.proof.grade,
        "seconds": run.seconds,
        "tokens": None if run.tokens is None else run.tokens.total,
        "cost": run.cost,
        "workspace": run.workspace,
    }


def render_results(rows: Sequence[Mapping[str, Any]], form: Literal["csv", "jsonl"]) -> str:
    """Results as JSON lines, or as a table for spreadsheets and programs.

    In a table, several files stand on lines of one cell, and a text that a spreadsheet would take
    for a formula begins with an apostrophe, since agents wrote it.
    """
    if form == "jsonl":
        return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(RESULT_FIELDS)
    writer.writerows([_cell(row[name]) for name in RESULT_FIELDS] for row in rows)
    return table.getvalue()


def _cell(value: object) -> object:
    text = "\n".join(value) if isinstance(value, list) else value
    if isinstance(text, str) and text.startswith(_FORMULAS):
        return f"'{text}"
    return text
