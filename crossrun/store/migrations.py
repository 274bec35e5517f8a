"""Bringing a store of any age up to date.

The steps are plain SQL, so that this works without the table classes of today; a test compares
both.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from crossrun.store.opening import not_a_store, read_only, translated
from crossrun.store.steps import APPLICATION_ID, LATEST, MIGRATIONS, OLDEST, SAYS_OLDEST
from crossrun.store.versions import usable_version
from crossrun.system.filelocks import file_locked
from crossrun.system.folders import make_private

_BUSY_MS = 30_000


def version(database: Path, *, options: str = "") -> int:
    """How many migrations the store has seen; 0 when there is no store yet.

    Args:
        database: the store.
        options: of SQLite, for its address.

    Raises:
        ConfigurationError: the file is not a store, or is too new for this program.
    """
    if not database.exists() or database.stat().st_size == 0:
        return 0
    with translated(database), closing(read_only(database, options=options)) as connection:
        connection.execute("BEGIN")  # another process may be making the store just now
        owner = int(connection.execute("PRAGMA application_id").fetchone()[0])
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and owner != APPLICATION_ID:
            raise not_a_store(database, "it is a database of another program")
        return usable_version(connection, database)


def migrate(database: Path, *, backups: Path, lock: Path) -> list[str]:
    """Brings the store up to date, or makes it. Only one process does so at a time.

    Args:
        database: the store.
        backups: where a copy of an existing store goes first.
        lock: the file that is locked meanwhile.

    Returns:
        The names of the migrations that were applied.

    Raises:
        ConfigurationError: the store cannot be used; see its message.
    """
    with translated(database):
        make_private(lock.parent)
        make_private(database.parent)
        with file_locked(lock):
            seen = version(database)
            if seen >= LATEST:
                return []
            os.close(os.open(database, os.O_CREAT | os.O_RDWR, 0o600))
            with (
                closing(_connect(database)) as connection,
                _backed_up(connection, backups, seen),
            ):
                connection.execute("PRAGMA journal_mode = WAL")
                return [_apply(connection, number) for number in range(seen, LATEST)]


def _apply(connection: sqlite3.Connection, number: int) -> str:
    name, sql = MIGRATIONS[number]
    marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number + 1};"
    if number + 1 >= SAYS_OLDEST:
        marks += f"DELETE FROM compatibility; INSERT INTO compatibility VALUES ({OLDEST});"  # noqa: S608  ours
    connection.executescript(f"BEGIN; {sql} {marks} COMMIT;")
    return name


@contextmanager
def _backed_up(connection: sqlite3.Connection, backups: Path, seen: int) -> Iterator[None]:
    """Keeps a copy of an existing store, unless the store stays as it was."""
    if not seen:
        yield
        return
    from crossrun.store.backups import copy_before_migration, remove_surplus

    made = copy_before_migration(connection, backups, seen)
    try:
        yield
    except sqlite3.Error:
        # on a full disk each further attempt would leave one more
        if connection.execute("PRAGMA user_version").fetchone()[0] == seen:
            made.unlink()
        raise
    remove_surplus(backups)


def _connect(database: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    return connection
