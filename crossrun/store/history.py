"""What earlier runs did and took, for insights and forecasts."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from crossrun.model.executors import EXECUTORS
from crossrun.model.queries import FinishedRun, FinishedTask, PastCommand, PastRun
from crossrun.model.runs import ELSEWHERE, NO_VERDICT, NOT_THE_AGENTS
from crossrun.model.status import Status
from crossrun.store.access import ReadAccess
from crossrun.system.clock import seconds_between

_CHECKED = ("checked", "proven")
_BATCH_SIZE = 262_144
"""Characters of commands read at once."""
_LOOKED_AT = 3_000
"""So many runs, the newest, are looked at for a forecast, which takes a bounded time."""
_MOST = 500
_LONGEST_TASK = 300
"""Characters of a task by which it is compared."""
_RUNS = (
    "SELECT id, project_id, substr(task, 1, 300) AS task, task_type, status, duration_s,"
    " started_at, ended_at,"
    " json_extract(tokens, '$.input') + json_extract(tokens, '$.output') AS tokens,"
    " commands, coalesce(json_array_length(changes), 0) AS changes,"
    " json_extract(source, '$.kind') IN ('repository', 'folder') AS can_apply,"
    " EXISTS (SELECT 1 FROM applications WHERE run_id = runs.id) AS is_applied, executor,"
    " retry_of IS NOT NULL OR resumed_from IS NOT NULL OR batch_id IS NOT NULL AS is_repeat,"
    " id IN (SELECT resumed_from FROM runs WHERE resumed_from IS NOT NULL) AS is_continued,"
    " verify IS NOT NULL AS has_verify, json_extract(proof, '$.grade') AS grade,"
    " json_extract(pattern, '$.decision') AS decision, pattern_id, learned_pattern_id"
    " FROM runs WHERE ended_at IS NOT NULL"
)


class HistoryReader:
    """Reads what runs did and took; projects can be chosen, and one left out."""

    def __init__(self, access: ReadAccess) -> None:
        self._access = access

    def runs(
        self, *, project_id: str | None, since: str | None, without: str | None
    ) -> list[PastRun]:
        """The runs that ended, the oldest first.

        Args:
            project_id: only those of this project. None: of all.
            since: only those that began at this time or later (UTC).
            without: a project that is left out.
        """
        where, values = _chosen(project_id, since, without)
        return self._access.made(_run, f"{_RUNS}{where} ORDER BY rowid", values)

    def commands(
        self, *, project_id: str | None, since: str | None, without: str | None
    ) -> Iterator[PastCommand]:
        """The commands of these runs, run by run; in constant memory. Arguments as above."""
        where, values = _chosen(project_id, since, without)
        sql = (
            "SELECT run_id, seq, json_extract(body, '$.command') AS command,"  # noqa: S608  ours
            " json_extract(body, '$.exit_code'), json_extract(body, '$.duration_s') FROM events"
            " WHERE type = 'command_ran' AND (run_id, seq) > (?, ?)"
            f" AND run_id IN (SELECT id FROM runs WHERE ended_at IS NOT NULL{where})"
            " ORDER BY run_id, seq"
        )
        after: list[Any] = ["", 0]
        complete = False
        while not complete:
            rows, complete = self._access.first_rows(sql, [*after, *values], size=_BATCH_SIZE)
            for run_id, _, command, exit_code, seconds in rows:
                yield PastCommand(run_id, command or "", exit_code, seconds)
            after = [rows[-1]["run_id"], rows[-1]["seq"]] if rows else after

    def finished_tasks(
        self, *, task_type: str, executor: str, project_id: str | None
    ) -> list[FinishedTask]:
        """The tasks of runs of a task type by an executor, the newest first.

        They came to an end that says something about the task.

        Args:
            task_type: that of the runs.
            executor: what carried them out.
            project_id: only those of this project. None: of all.
        """
        rows = self._access.rows(
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

    def finished_runs(self, run_ids: Sequence[str]) -> list[FinishedRun]:
        """What runs took, in the order of their ids."""
        rows = self._access.rows(
            "SELECT id, status, duration_s, started_at, ended_at,"
            " json_extract(tokens, '$.input') + json_extract(tokens, '$.output'), cost FROM runs"
            " WHERE id IN (SELECT value FROM json_each(?))",
            [json.dumps(list(run_ids))],
        )
        with self._access.making_sense("runs"):
            runs = {run.id: run for run in map(_finished, rows)}
        return [runs[run_id] for run_id in run_ids if run_id in runs]


def _finished(row: sqlite3.Row) -> FinishedRun:
    run_id, status, measured, started, ended, tokens, cost = row
    seconds = seconds_between(started, ended) if measured is None else measured
    return FinishedRun(run_id, status == Status.SUCCEEDED, seconds, tokens, cost)


def _chosen(
    project_id: str | None, since: str | None, without: str | None
) -> tuple[str, list[str]]:
    conditions = {
        "project_id = ?": project_id,
        "created_at >= ?": since,
        "project_id != ?": without,
    }
    chosen = {text: value for text, value in conditions.items() if value is not None}
    return "".join(f" AND {text}" for text in chosen), list(chosen.values())


def _run(row: sqlite3.Row) -> PastRun:
    spec = EXECUTORS.get(row["executor"])
    measured = row["duration_s"]
    return PastRun(
        id=row["id"],
        project_id=row["project_id"],
        task=row["task"],
        task_type=row["task_type"],
        status=Status(row["status"]),
        seconds=seconds_between(row["started_at"], row["ended_at"])
        if measured is None
        else measured,
        tokens=row["tokens"],
        commands=row["commands"],
        changes=row["changes"],
        can_apply=bool(row["can_apply"]),
        is_applied=bool(row["is_applied"]),
        is_agent=spec is None or spec.is_agent,
        is_repeat=bool(row["is_repeat"]),
        is_continued=bool(row["is_continued"]),
        has_check=bool(row["has_verify"]) or row["grade"] in _CHECKED,
        decision=row["decision"],
        pattern_id=row["pattern_id"],
        learned_pattern_id=row["learned_pattern_id"],
    )
