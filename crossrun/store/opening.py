"""Opens the store's file, and turns errors of SQLite and the file system into errors for users."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crossrun.errors import ConfigurationError

_NO_ROOM = "SQLITE_IOERR_SHMSIZE"
"""What SQLite says when there is no room for the index of its log."""
BACKUP_FAILURE = "backup-failed.txt"
"""In the state folder: why the last copy in the background failed."""
_SIGNS_OF_DAMAGE = (
    "malformed",
    "corrupt",
    "could not decode to utf-8",
    "codec can't decode",
    "no such table",
    "no such column",
    "already exists",
    "duplicate column",
    "constraint failed",
    "were matched",
    "vtable constructor failed",
)
"""What SQLite and we say when the store is not as crossrun writes it.

`were matched`: an index lacks a row. `vtable constructor failed`: that of words cannot be opened.
"""


def read_only(database: Path, *, options: str = "") -> sqlite3.Connection:
    """A connection that cannot write; works also in a folder that cannot be written."""
    return sqlite3.connect(address(database, options=options), uri=True, timeout=30)


def address(database: Path, *, options: str = "") -> str:
    """The URI by which SQLite opens the store read-only, with more options of SQLite's."""
    if not options and not os.access(database.parent, os.W_OK) and not log_of(database).exists():
        options = "immutable=1"  # nobody else writes here, and SQLite could not make a lock file
    return f"{database.absolute().as_uri()}?mode=ro{options and '&'}{options}"


def log_of(database: Path) -> Path:
    """The write-ahead log of a store."""
    return database.with_name(f"{database.name}-wal")


def shared_memory_of(database: Path) -> Path:
    """The index of its log."""
    return database.with_name(f"{database.name}-shm")


@contextmanager
def translated(database: Path) -> Iterator[None]:
    """Turns errors of SQLite and the file system into errors that say what a user can do."""
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise explained(error, database) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _disk_full(database) from error
        raise ConfigurationError(
            "HOME_UNWRITABLE",
            f"{error.filename or database.parent} cannot be used: {error.strerror}",
            hint="check its permissions and free space, or choose another place with --home",
        ) from error


def require_writable(database: Path) -> None:
    """Makes sure that the user may write to the store, without opening its file.

    Closing a file drops all locks that the process has on it, also those of SQLite's connections
    in other threads. Another process would then take itself for the last one, and remove the log.

    Raises:
        PermissionError: the file is read-only.
    """
    if not os.access(database, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(database))


def explained(error: Exception, database: Path) -> ConfigurationError:
    """The error for users, by what they can do about it."""
    message = str(error).lower()
    cause = getattr(getattr(error, "orig", error), "sqlite_errorname", "")
    if "not a database" in message:
        return not_a_store(database, "SQLite does not recognise it")
    if any(sign in message for sign in _SIGNS_OF_DAMAGE):
        return damaged(database, str(getattr(error, "orig", error)))
    if "full" in message or cause == _NO_ROOM:
        return _disk_full(database)
    if "readonly" in message or "read-only" in message or "unable to open" in message:
        return ConfigurationError(
            "HOME_UNWRITABLE",
            f"the store {database} cannot be written",
            hint="check the permissions of the folder, or choose another place with --home",
        )
    if "locked" in message or "busy" in message:
        return ConfigurationError(
            "STORE_LOCKED",
            f"another program keeps the store {database} locked",
            hint="end what has the file open, such as an SQLite browser, and run it again",
            retryable=True,
        )
    return ConfigurationError(
        "STORE_FAILED",
        f"the store {database} failed: {error}",
        hint="run it again; to see where the store and its backups are: crossrun paths",
        retryable=True,
    )


def not_a_store(database: Path, why: str) -> ConfigurationError:
    """The file must not be changed: it may belong to another program."""
    return ConfigurationError(
        "STORE_INVALID",
        f"{database} is not a crossrun store: {why}",
        hint="move the file away to begin with a new store, or choose another place with --home",
    )


def damaged(database: Path, why: str) -> ConfigurationError:
    """The content of the store cannot be what crossrun wrote."""
    return ConfigurationError(
        "STORE_DAMAGED",
        f"the store {database} is damaged: {why}",
        hint="to put its newest intact backup in its place: crossrun migrate --restore",
    )


def _disk_full(database: Path) -> ConfigurationError:
    return ConfigurationError(
        "DISK_FULL",
        f"the disk of {database} is full",
        hint="make room and run the command again; what was recorded before is safe",
    )
