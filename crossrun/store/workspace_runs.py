"""What the end of a workspace depends on: the runs in it, and whether their work was brought back.

Reads columns only and no events but the first of a run, so that thousands of runs take a moment.
"""

import sqlite3

from crossrun.model.retention import Occupant
from crossrun.model.status import Status
from crossrun.store.access import ReadAccess, require_moment
from crossrun.system.clock import now

_FLAGS = (
    "has_source", "in_place", "has_work", "applied", "cut_short", "has_commits", "commits_brought",
)  # fmt: skip
_OCCUPANTS = """
    SELECT r.id, r.project_id, r.workspace, r.status,
        max(coalesce(r.ended_at, r.created_at), r.recorded_after) AS at,
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
                AND a.left_out IS NULL AND a.refs IS NULL
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
        r.from_run_id AS cloned_from
    FROM (
        SELECT *, rowid AS number,
            max(iif(created_at <= :now, created_at, '')) OVER (ORDER BY rowid) AS recorded_after
        FROM runs
    ) r LEFT JOIN events e ON e.run_id = r.id AND e.seq = 1
"""
"""A run is no older than one that was recorded before it, whatever the clock said meanwhile."""


def read_occupants(access: ReadAccess, run_id: str | None = None) -> list[Occupant]:
    """All runs, the oldest first; or those in the workspace of one run."""
    one = "WHERE r.workspace = (SELECT workspace FROM runs WHERE id = :run_id)" if run_id else ""
    sql = f"{_OCCUPANTS} {one} ORDER BY r.number"
    return access.made(_occupant, sql, {"now": now(), "run_id": run_id})


def _occupant(row: sqlite3.Row) -> Occupant:
    values = dict(row)
    flags = {name: bool(values[name]) for name in _FLAGS}
    run = Occupant(**{**values, **flags, "status": Status(values["status"])})
    require_moment(run.at)
    if "\0" in run.workspace or not run.id.isalnum():
        raise ValueError(f"{run.workspace!r} is no path, or {run.id!r} no id")
    return run
