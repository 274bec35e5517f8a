"""Bringing a store of any age up to date.

The steps are plain SQL, so that this works without the table classes of today; a test compares
both.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from crossrun.errors import ConfigurationError
from crossrun.folders import make_private
from crossrun.store.locks import file_locked
from crossrun.store.steps import MIGRATIONS

LATEST = len(MIGRATIONS)
_APPLICATION_ID = int.from_bytes(b"xrun")
"""Tells a store from every other SQLite database."""

_BUSY_MS = 30_000
_NO_ROOM = "SQLITE_IOERR_SHMSIZE"
"""What SQLite says when there is no room for the index of its log."""


def version(database: Path) -> int:
    """How many migrations the store has seen; 0 when there is no store yet.

    Raises:
        ConfigurationError: the file is not a store, or is newer than this program.
    """
    if not database.exists() or database.stat().st_size == 0:
        return 0
    with translated(database), closing(read_only(database)) as connection:
        seen = int(connection.execute("PRAGMA user_version").fetchone()[0])
        owner = int(connection.execute("PRAGMA application_id").fetchone()[0])
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and owner != _APPLICATION_ID:
        raise _not_a_store(database, "it is a database of another program")
    if seen > LATEST:
        raise ConfigurationError(
            "STORE_NEWER",
            f"the store {database} was written by a newer crossrun",
            hint="update crossrun, or use another store with --home",
        )
    return seen


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
            if seen == LATEST:
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
    marks = f"PRAGMA application_id = {_APPLICATION_ID}; PRAGMA user_version = {number + 1};"
    connection.executescript(f"BEGIN; {sql} {marks} COMMIT;")
    return name


@contextmanager
def _backed_up(connection: sqlite3.Connection, backups: Path, seen: int) -> Iterator[None]:
    """Keeps a copy of an existing store, unless the store stays as it was."""
    if not seen:
        yield
        return
    make_private(backups)
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    target = backups / f"crossrun-{seen:04}-{now}.db"
    os.close(os.open(target, os.O_CREAT | os.O_RDWR, 0o600))
    try:
        with closing(sqlite3.connect(target)) as copy:
            connection.backup(copy)
        yield
    except sqlite3.Error:
        # on a full disk each further attempt would leave one more
        if connection.execute("PRAGMA user_version").fetchone()[0] == seen:
            target.unlink()
        raise


def read_only(database: Path) -> sqlite3.Connection:
    """A connection that cannot write, also where the folder cannot be written either."""
    address = f"{database.absolute().as_uri()}?mode=ro"
    wal = database.with_name(f"{database.name}-wal")
    if not os.access(database.parent, os.W_OK) and not wal.exists():
        address += "&immutable=1"  # nobody else writes here, and SQLite could make no lock file
    return sqlite3.connect(address, uri=True, timeout=30)


def _connect(database: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    return connection


def _not_a_store(database: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        "STORE_INVALID",
        f"{database} is not a crossrun store: {why}",
        hint="move the file away to begin with a new store, or choose another place with --home",
    )


@contextmanager
def translated(database: Path) -> Iterator[None]:
    """Turns what SQLite and the file system say about the store into what a user can do."""
    try:
        yield
    except sqlite3.Error as error:
        raise explained(error, database) from error
    except OSError as error:
        raise ConfigurationError(
            "HOME_UNWRITABLE",
            f"{error.filename or database.parent} cannot be used: {error.strerror}",
            hint="check its permissions and free space, or choose another place with --home",
        ) from error


def explained(error: Exception, database: Path) -> ConfigurationError:
    """The error of the database, told by what can be done about it."""
    said = str(error).lower()
    cause = getattr(getattr(error, "orig", error), "sqlite_errorname", "")
    if "not a database" in said:
        return _not_a_store(database, "SQLite does not recognise it")
    if "malformed" in said or "corrupt" in said:
        return ConfigurationError(
            "STORE_DAMAGED",
            f"the store {database} is damaged",
            hint="put a backup in its place, if  crossrun paths  shows one; else move it away",
        )
    if "full" in said or cause == _NO_ROOM:
        return ConfigurationError(
            "DISK_FULL",
            f"the disk of {database} is full",
            hint="make room and run the command again; what was recorded before is safe",
        )
    if "readonly" in said or "read-only" in said or "unable to open" in said:
        return ConfigurationError(
            "HOME_UNWRITABLE",
            f"the store {database} cannot be written",
            hint="check the permissions of the folder, or choose another place with --home",
        )
    return ConfigurationError(
        "STORE_FAILED",
        f"the store {database} failed: {error}",
        hint="run it again;  crossrun paths  shows where the store and its backups are",
        retryable=True,
    )
