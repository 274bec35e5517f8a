"""What the removal of a workspace depends on: the runs in it, and whether their work was applied.

Reads columns, and no events but the first of a run, so that thousands of runs take a moment.
"""

import json
import sqlite3
from collections.abc import Collection

from crossrun.model.retention import RunLocation, WorkspaceRun
from crossrun.model.status import Status
from crossrun.store.access import ReadAccess, require_moment
from crossrun.system.clock import now

_FLAGS = (
    "has_source", "in_place", "has_work", "applied", "cut_short", "has_commits", "commits_brought",
    "ended",
)  # fmt: skip
_WORKSPACE_RUNS = """
    SELECT r.id, r.project_id, r.workspace, r.status,
        max(coalesce(r.ended_at, r.created_at), o.recorded_after) AS at,
        coalesce(r.name, substr(r.task, 1, 200)) AS task,
        coalesce(json_extract(r.source, '$.kind') IN ('repository', 'folder', 'url'), 0)
            AS has_source,
        coalesce(json_extract(r.source, '$.kind') = 'in_place', 0)
            OR json_extract(e.body, '$.request.begin_with.in_place') IS NOT NULL
            AS in_place,
        coalesce(json_array_length(r.changes), 1) > 0 OR coalesce(r.ignored_files, 0) > 0
            AS has_work,
        EXISTS (
            SELECT 1 FROM applications a
            WHERE a.run_id = r.id AND a.finished_at IS NOT NULL AND a.undone_at IS NULL
                AND coalesce(a.ignored_left, 0) = 0
                AND a.left_out IS NULL AND a.refs IS NULL AND a.part IS NULL
        ) AS applied,
        EXISTS (
            SELECT 1 FROM applications a
            WHERE a.run_id = r.id AND a.branch IS NULL AND a.refs IS NULL AND a.undone_at IS NULL
                AND (a.finished_at IS NULL OR a.undo_after IS NOT NULL)
        ) AS cut_short,
        coalesce(json_array_length(r.commits), 0) > 0 AS has_commits,
        EXISTS (
            SELECT 1 FROM applications a
            WHERE a.run_id = r.id AND a.finished_at IS NOT NULL AND a.undone_at IS NULL
                AND a.refs IS NOT NULL
        ) AS commits_brought,
        r.from_run_id AS cloned_from, r.ended_at IS NOT NULL AS ended
    FROM (
        SELECT rowid AS number,
            max(iif(created_at <= :now, created_at, '')) OVER (ORDER BY rowid) AS recorded_after
        FROM runs WHERE imported_from IS NULL
    ) o CROSS JOIN runs r ON r.rowid = o.number
    LEFT JOIN events e ON e.run_id = r.id AND e.seq = 1
    WHERE r.workspace IN (SELECT value FROM json_each(:workspaces))
    ORDER BY o.number
"""
"""A run is not older than one that was recorded before it, even if the clock was set back.

Imported runs have no workspace: their folder is the user's own.
"""

_NEEDED_BY_BATCHES = """
    SELECT r.id AS run_id, b.id AS batch_id
    FROM batches b JOIN batch_rows later ON later.batch_id = b.id AND later.from_row IS NOT NULL
    JOIN batch_rows p ON p.batch_id = b.id AND p.name = later.from_row
    JOIN runs r ON r.batch_id = b.id AND r.batch_row = p.number
    WHERE b.ended_at IS NULL AND NOT later.is_cancelled AND NOT EXISTS (
        SELECT 1 FROM runs done
        WHERE done.batch_id = b.id AND done.batch_row = later.number AND done.status = 'succeeded'
    )
"""


class WorkspaceReader:
    """Reads the runs of workspaces."""

    def __init__(self, access: ReadAccess) -> None:
        self._access = access

    def locations(self) -> list[RunLocation]:
        """Where all runs worked, the oldest first."""
        sql = (
            "SELECT id, project_id, workspace FROM runs WHERE imported_from IS NULL ORDER BY rowid"
        )
        return self._access.made(_location, sql)

    def runs(self, workspaces: Collection[str]) -> list[WorkspaceRun]:
        """The runs in workspaces, the oldest first."""
        if not workspaces:
            return []
        values = {"now": now(), "workspaces": json.dumps(list(workspaces))}
        return self._access.made(_workspace_run, _WORKSPACE_RUNS, values)

    def batch_ends(self) -> dict[str, str | None]:
        """When batches ended, by their ids; None: they have not been ended."""
        rows = self._access.rows("SELECT id, ended_at FROM batches")
        return {row["id"]: row["ended_at"] for row in rows}

    def needed_by_batches(self) -> dict[str, str]:
        """The runs whose workspaces rows begin with that are still to run, with their batches."""
        return {row["run_id"]: row["batch_id"] for row in self._access.rows(_NEEDED_BY_BATCHES)}

    def ids_beside(self, run_id: str) -> list[str]:
        """All runs in the workspace of a run, the oldest first; none if there is no such run."""
        sql = (
            "SELECT id FROM runs WHERE workspace = (SELECT workspace FROM runs WHERE id = ?)"
            " AND imported_from IS NULL ORDER BY rowid"
        )
        return [row["id"] for row in self._access.rows(sql, [run_id])]


def _location(row: sqlite3.Row) -> RunLocation:
    location = RunLocation(*row)
    if not all(isinstance(value, str) for value in location):
        raise ValueError(f"{location} is not text")
    return location


def _workspace_run(row: sqlite3.Row) -> WorkspaceRun:
    values = dict(row)
    flags = {name: bool(values[name]) for name in _FLAGS}
    run = WorkspaceRun(**{**values, **flags, "status": Status(values["status"])})
    require_moment(run.at)
    if "\0" in run.workspace or not run.id.isalnum():
        raise ValueError(f"{run.workspace!r} is not a path, or {run.id!r} is not an id")
    return run
