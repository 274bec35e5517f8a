"""Copies of the store in case it gets damaged, made each week and before migrations."""

import os
import re
import shutil
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from crossrun.errors import ConfigurationError
from crossrun.store.opening import damaged, read_only
from crossrun.store.steps import APPLICATION_ID
from crossrun.store.versions import usable_version
from crossrun.system.folders import make_private

_WEEK = timedelta(days=7)
_WEEKLY = "weekly"
_MOST_WEEKLY, _MOST_OLDER = 2, 3
_MOST_BYTES = 1024**3
"""Of all copies together. The newest one is kept even if it is larger."""
_NAME = re.compile(r"crossrun-(weekly|\d{4})-(\d{8}T\d{6}Z)\.db")
_TIME = "%Y%m%dT%H%M%SZ"
_UNFINISHED = "unfinished.db"
_ROOM = 2
"""A copy is made only if there is room for this many, so that it does not fill the disk."""


class Backup(NamedTuple):
    """A copy of the store as it was at a moment (UTC); `kind` is `weekly` or the version it had."""

    made_at: datetime
    file: Path
    kind: str


class Restored(NamedTuple):
    """The result of putting a backup in the store's place.

    `aside` is where the files are now that were the store; `applied` are migrations.
    """

    backup: Backup
    aside: list[Path]
    applied: list[str]


def backups(folder: Path) -> list[Backup]:
    """All copies in a folder, the newest first, sound or not.

    Those from the future are the oldest: they were made before the clock was set back.
    """
    try:
        names = [entry.name for entry in os.scandir(folder)]
    except OSError:
        return []
    copies = []
    for match in filter(None, map(_NAME.fullmatch, names)):
        with suppress(ValueError):
            made_at = datetime.fromisoformat(match[2])
            copies.append(Backup(made_at, folder / match[0], match[1]))
    now = datetime.now(UTC)
    return sorted(copies, key=lambda backup: (backup.made_at <= now, backup), reverse=True)


def newest_sound(folder: Path) -> Backup | None:
    """The newest copy that SQLite finds nothing wrong with."""
    return next((backup for backup in backups(folder) if _is_sound(backup.file)), None)


def weekly_is_due(folder: Path) -> bool:
    """Whether no weekly copy is younger than a week. One from the future does not count."""
    now = datetime.now(UTC)
    weekly = [backup for backup in backups(folder) if backup.kind == _WEEKLY]
    return not any(abs(now - backup.made_at) < _WEEK for backup in weekly)


def make_weekly(database: Path, folder: Path) -> None:
    """Copies the store, also while others write to it, and removes the copies that are surplus.

    Only one process at a time may do so.

    Raises:
        sqlite3.Error, OSError: it failed; earlier copies are kept.
        ConfigurationError: the store is damaged.
    """
    make_private(folder)
    unfinished = folder / _UNFINISHED
    unfinished.unlink(missing_ok=True)
    try:
        with closing(read_only(database)) as source:
            _copy(source, unfinished)
        if not _is_sound(unfinished):
            raise damaged(database, "a copy of it is not sound")
        unfinished.rename(_named(folder, _WEEKLY))
    finally:
        unfinished.unlink(missing_ok=True)
    remove_surplus(folder)


def copy_before_migration(connection: sqlite3.Connection, folder: Path, seen: int) -> Path:
    """Copies the store of a connection; it may be of any version."""
    make_private(folder)
    target = _named(folder, f"{seen:04}")
    try:
        _copy(connection, target)
    except sqlite3.Error:
        target.unlink()
        raise
    return target


def remove_surplus(folder: Path) -> None:
    """Keeps the newest copies of each kind, and fewer if they are large."""
    newest_first = backups(folder)
    weekly = [backup for backup in newest_first if backup.kind == _WEEKLY]
    older = [backup for backup in newest_first if backup.kind != _WEEKLY]
    surplus = [*weekly[_MOST_WEEKLY:], *older[_MOST_OLDER:]]
    others = [backup for backup in newest_first if backup not in surplus]
    totals = accumulate(_size(backup.file) for backup in others)
    large = [backup for backup, total in zip(others, totals, strict=True) if total > _MOST_BYTES]
    for backup in (*surplus, *(backup for backup in large if backup is not others[0])):
        backup.file.unlink(missing_ok=True)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def put_in_place(backup: Backup, database: Path) -> list[Path]:
    """Puts a copy of a backup in the store's place.

    Returns:
        Where the files are now that were the store before.
    """
    make_private(database.parent)
    new = _beside(database, ".restored")
    new.unlink(missing_ok=True)
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        shutil.copyfile(backup.file, new)
        with new.open("rb") as written:
            os.fsync(written.fileno())
    except OSError:
        new.unlink()
        raise
    aside = _move_aside(database)
    new.rename(database)
    return aside


def _move_aside(database: Path) -> list[Path]:
    """The files keep their endings, so that SQLite can still open them together.

    The log goes first: with another database in its place it would damage that one.
    """
    mark = f".damaged-{datetime.now(UTC).strftime(_TIME)}"
    moved = []
    for ending in ("-shm", "-wal", ""):
        file, target = _beside(database, ending), _beside(database, mark + ending)
        if file.exists():
            file.rename(target)
            moved.append(target)
    return moved[::-1]


def _beside(database: Path, ending: str) -> Path:
    return database.with_name(database.name + ending)


def _named(folder: Path, kind: str) -> Path:
    return folder / f"crossrun-{kind}-{datetime.now(UTC).strftime(_TIME)}.db"


def _copy(source: sqlite3.Connection, target: Path) -> None:
    os.close(os.open(target, os.O_CREAT | os.O_RDWR, 0o600))
    with closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # so that it is one file, with no log beside


def _is_sound(file: Path) -> bool:
    address = f"{file.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            (owner,) = connection.execute("PRAGMA application_id").fetchone()
            version = usable_version(connection, file)
            (result,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            connection.execute("SELECT count(*) FROM runs")
    except (sqlite3.Error, OSError, UnicodeDecodeError, ConfigurationError):
        return False  # UnicodeDecodeError: SQLite may quote a damaged text
    return bool(owner == APPLICATION_ID and version and result == "ok")


def require_room_for(database: Path, folder: Path) -> None:
    """Raises ConfigurationError if a copy of the store would nearly fill the disk."""
    with closing(read_only(database)) as source:
        (pages,) = source.execute("PRAGMA page_count").fetchone()
        (page_size,) = source.execute("PRAGMA page_size").fetchone()
    disk = os.statvfs(folder)
    if disk.f_bavail * disk.f_frsize < _ROOM * pages * page_size:
        raise ConfigurationError(
            "DISK_FULL", f"there is too little room in {folder}", hint="make room"
        )
