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
    - `unattended`: scheduled runs that did not succeed.
    """

    active: list[RunLine]
    newest: list[RunLine]
    to_apply: list[RunLine]
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

    return Overview(
        active=lines("status IN ('queued', 'running')"),
        newest=lines("1", limit=newest),
        to_apply=_to_apply(access),
        unattended=lines(
            "status NOT IN ('queued', 'running', 'succeeded') AND ended_at > ?"
            " AND EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?)",
            since or "",
            SCHEDULED,
        ),
    )


def _to_apply(access: ReadAccess) -> list[RunLine]:
    """Runs whose workspace is still there, and which no later run has taken over."""
    sql = (
        f"SELECT {LINE_COLUMNS}, workspace FROM {_NEWEST} AS run"  # noqa: S608  all ours
        " WHERE status = 'succeeded' AND changes IS NOT NULL AND changes != '[]'"
        " AND json_extract(source, '$.kind') IN ('repository', 'folder')"
        " AND NOT EXISTS (SELECT 1 FROM applications WHERE run_id = run.id)"
        " AND NOT EXISTS (SELECT 1 FROM runs WHERE resumed_from = run.id)"
        " ORDER BY rowid DESC"
    )
    rows = access.made(lambda row: (line_of(row[:-1]), row[-1]), sql)
    return [line for line, workspace in rows if os.path.lexists(workspace)]
