"""Returns disk space that the store no longer needs, while others may use it.

Nobody else can write while the store is rewritten. So that is done only if it is worthwhile and no
run is active, and it never waits for others.
"""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

_WORTH_IT = 1024 * 1024
_SHARE = 4
"""A rewrite is worth it when this many bytes, and one in so many of all, are free."""
_ROOM = 2
_BUSY_MS = 200
_DROP_CONTENTS = (
    "DELETE FROM pattern_contents WHERE sha256 NOT IN ("
    "SELECT json_extract(value, '$.sha256') FROM pattern_versions, json_each(workflow, '$.files')"
    " UNION SELECT json_extract(value, '$.sha256') FROM pattern_runs, json_each(trace, '$.files')"
    " WHERE trace IS NOT NULL)"
)
"""Contents of files that no pattern has."""


def compact(database: Path, *, busy: bool) -> str | None:
    """Drops what nothing refers to, truncates the log, rewrites the store if much of it is free.

    Args:
        database: the store; it exists.
        busy: runs are active.

    Returns:
        Why it was not rewritten though it should have been, or None.

    Raises:
        sqlite3.Error, OSError: it failed; the store is as it was.
    """
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        with suppress(sqlite3.OperationalError):  # locked, or an older store
            connection.execute(_DROP_CONTENTS)
        note = _rewrite(connection, database, busy=busy)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return note


def _rewrite(connection: sqlite3.Connection, database: Path, *, busy: bool) -> str | None:
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (page_size,) = connection.execute("PRAGMA page_size").fetchone()
    if free * page_size < _WORTH_IT or free * _SHARE < pages:
        return None
    if busy:
        return "runs go on"
    disk = os.statvfs(database.parent)
    if disk.f_bavail * disk.f_frsize < _ROOM * (pages - free) * page_size:
        return "there is too little room on the disk"
    try:
        connection.execute("VACUUM")
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in (
            sqlite3.SQLITE_BUSY,
            sqlite3.SQLITE_LOCKED,
        ):
            raise
        return "another process writes to it"
    return None
