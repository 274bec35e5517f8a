"""The newest finished runs that a run may be compared with, in a bounded time."""

import json
import sqlite3
from collections.abc import Sequence

from crossrun.model.queries import FinishedRun, FinishedTask
from crossrun.model.runs import ELSEWHERE, NO_VERDICT, NOT_THE_AGENTS
from crossrun.model.status import Status
from crossrun.store.access import ReadAccess
from crossrun.system.clock import seconds_between

_LOOKED_AT = 3_000
"""So many runs, the newest, are looked at."""
_MOST = 500
_LONGEST_TASK = 300
"""Characters of a task by which it is compared."""


def finished_tasks(
    access: ReadAccess, *, task_type: str, executor: str, project_id: str | None
) -> list[FinishedTask]:
    """The tasks of the runs of a task type by an executor that came to an end, the newest first.

    Args:
        access: to the store.
        task_type: that of the runs.
        executor: what carried them out.
        project_id: only those of this project. None: of all.
    """
    rows = access.rows(
        "SELECT id, substr(task, 1, ?), model, pattern_id, learned_pattern_id FROM runs"
        " WHERE rowid > (SELECT coalesce(max(rowid), 0) FROM runs) - ?"
        " AND task_type = ? AND executor = ? AND (? IS NULL OR project_id = ?)"
        " AND ended_at IS NOT NULL AND status NOT IN (SELECT value FROM json_each(?))"
        " AND (failure IS NULL OR (exit_code NOT IN (SELECT value FROM json_each(?))"
        "  AND json_extract(failure, '$.code') NOT IN (SELECT value FROM json_each(?))))"
        " ORDER BY rowid DESC LIMIT ?",
        [
            _LONGEST_TASK,
            _LOOKED_AT,
            task_type,
            executor,
            project_id,
            project_id,
            *map(json.dumps, (NO_VERDICT, ELSEWHERE, NOT_THE_AGENTS)),
            _MOST,
        ],
    )
    return [FinishedTask(*row) for row in rows]


def finished_runs(access: ReadAccess, run_ids: Sequence[str]) -> list[FinishedRun]:
    """What runs took, in the order of their ids."""
    rows = access.rows(
        "SELECT id, status, duration_s, started_at, ended_at,"
        " json_extract(tokens, '$.input') + json_extract(tokens, '$.output'), cost FROM runs"
        " WHERE id IN (SELECT value FROM json_each(?))",
        [json.dumps(list(run_ids))],
    )
    with access.making_sense("runs"):
        runs = {run.id: run for run in map(_finished, rows)}
    return [runs[run_id] for run_id in run_ids if run_id in runs]


def _finished(row: sqlite3.Row) -> FinishedRun:
    run_id, status, measured, started, ended, tokens, cost = row
    seconds = seconds_between(started, ended) if measured is None else measured
    return FinishedRun(run_id, status == Status.SUCCEEDED, seconds, tokens, cost)
