"""What matters about the newest runs, for the first screen."""

import os
from typing import NamedTuple

from crossrun.model.queries import RunLine
from crossrun.store.access import ReadAccess
from crossrun.store.reading import LINE_COLUMNS, line_of

SCHEDULED = "scheduled"
"""The tag of runs that nobody watched when they were started."""
_LOOKED_AT = 200
"""So many runs, the newest, can wait for the user: the first screen must stay quick."""
_NEWEST = f"(SELECT rowid, * FROM runs ORDER BY rowid DESC LIMIT {_LOOKED_AT})"  # noqa: S608


class Overview(NamedTuple):
    """The newest first, everywhere.

    - `active`: runs that have not ended.
    - `newest`: those begun last, active ones included.
    - `to_apply`: succeeded, changed a copy of the user's files, and never applied.
    - `applied_in_part`: the same, but some files or hunks have been applied.
    - `unattended`: scheduled runs that did not succeed.
    """

    active: list[RunLine]
    newest: list[RunLine]
    to_apply: list[RunLine]
    applied_in_part: list[RunLine]
    unattended: list[RunLine]


def read_overview(access: ReadAccess, *, newest: int, since: str | None) -> Overview:
    """Reads the overview.

    Args:
        access: the store.
        newest: the number of runs begun last.
        since: scheduled runs that ended before are left out (ISO-8601 in UTC).
    """

    def lines(where: str, *values: str, limit: int = _LOOKED_AT) -> list[RunLine]:
        sql = (
            f"SELECT {LINE_COLUMNS} FROM {_NEWEST} AS run WHERE {where}"  # noqa: S608  all ours
            " ORDER BY rowid DESC LIMIT ?"
        )
        return access.made(line_of, sql, [*values, limit])

    to_apply, applied_in_part = _to_apply(access)
    return Overview(
        active=lines("status IN ('queued', 'running')"),
        newest=lines("1", limit=newest),
        to_apply=to_apply,
        applied_in_part=applied_in_part,
        unattended=lines(
            "status NOT IN ('queued', 'running', 'succeeded') AND ended_at > ?"
            " AND EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?)",
            since or "",
            SCHEDULED,
        ),
    )


def _to_apply(access: ReadAccess) -> tuple[list[RunLine], list[RunLine]]:
    """Runs whose workspace is still there, and which no later run has taken over.

    Returns:
        Those that were never applied, and those of which only a part was.
    """
    sql = (
        f"SELECT {LINE_COLUMNS}, workspace,"  # noqa: S608  all ours
        " EXISTS (SELECT 1 FROM applications WHERE run_id = run.id)"
        f" FROM {_NEWEST} AS run"
        " WHERE status = 'succeeded' AND changes IS NOT NULL AND changes != '[]'"
        " AND json_extract(source, '$.kind') IN ('repository', 'folder')"
        " AND NOT EXISTS (SELECT 1 FROM applications WHERE run_id = run.id AND part IS NULL)"
        " AND NOT EXISTS (SELECT 1 FROM runs WHERE resumed_from = run.id)"
        " ORDER BY rowid DESC"
    )
    rows = access.made(lambda row: (line_of(row[:-2]), *row[-2:]), sql)
    there = [(line, in_part) for line, workspace, in_part in rows if os.path.lexists(workspace)]
    return (
        [line for line, in_part in there if not in_part],
        [line for line, in_part in there if in_part],
    )
