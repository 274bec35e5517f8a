"""Whether the store is sound, and of which version."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

from crossrun.config.settings import Paths
from crossrun.errors import CrossrunError
from crossrun.model.diagnoses import Diagnosis
from crossrun.store import Store
from crossrun.store.backups import backups
from crossrun.store.opening import read_only, translated
from crossrun.store.steps import LATEST

_SUBJECT = "Store"
_LONGEST_CHECK = 10.0
"""Seconds."""


def examine(paths: Paths, *, fix: bool) -> Iterator[Diagnosis]:
    """Integrity, version, journal, index and backups of the store, which is never created."""
    if not paths.database.exists():
        message = f"{paths.database} does not exist yet; the first run makes it"
        yield Diagnosis("store.integrity", "note", _SUBJECT, message)
        return
    store = Store(paths)
    try:
        yield _integrity(paths)
        yield _version(store)
        yield _journal(paths)
        yield from _index(store, fix=fix)
    except CrossrunError as error:
        yield Diagnosis("store.integrity", "error", _SUBJECT, error.message, error.hint)
    yield _backups(paths)


def _integrity(paths: Paths) -> Diagnosis:
    """`PRAGMA quick_check`, for some seconds."""
    end = time.monotonic() + _LONGEST_CHECK
    size = paths.database.stat().st_size
    with translated(paths.database), closing(read_only(paths.database)) as connection:
        connection.set_progress_handler(lambda: time.monotonic() > end, 10_000)
        try:
            problems = [row[0] for row in connection.execute("PRAGMA quick_check(3)")]
        except sqlite3.OperationalError as error:
            if "interrupted" not in str(error):
                raise
            message = f"too large to check in {_LONGEST_CHECK:g} s; nothing wrong was found"
            return Diagnosis("store.integrity", "note", _SUBJECT, message)
    if problems == ["ok"]:
        return Diagnosis("store.integrity", "ok", _SUBJECT, f"sound, {size / 1e6:.1f} MB")
    return Diagnosis(
        "store.integrity",
        "error",
        _SUBJECT,
        f"damaged: {problems[0]}",
        "crossrun migrate --restore",
    )


def _version(store: Store) -> Diagnosis:
    version = store.version
    if version < LATEST:
        message = f"version {version} of {LATEST}; the next run brings it up to date"
        return Diagnosis("store.version", "note", _SUBJECT, message, "crossrun migrate")
    return Diagnosis("store.version", "ok", _SUBJECT, f"version {version}")


def _journal(paths: Paths) -> Diagnosis:
    with translated(paths.database), closing(read_only(paths.database)) as connection:
        mode = str(connection.execute("PRAGMA journal_mode").fetchone()[0])
    if mode == "wal":
        return Diagnosis("store.journal", "ok", _SUBJECT, "uses a write-ahead log")
    return Diagnosis(
        "store.journal",
        "note",
        _SUBJECT,
        f"journal mode {mode}; runs that work at the same time wait for each other",
        "the next run sets it, if the file system allows it",
    )


def _index(store: Store, *, fix: bool) -> Iterator[Diagnosis]:
    """The index of words that `crossrun search` reads."""
    pending = sum(store.search.pending().values())
    if not pending:
        yield Diagnosis("store.index", "ok", _SUBJECT, "the index for search is complete")
    elif fix:
        for _ in store.index():
            pass
        message = f"added {pending:,} events to the index for search"
        yield Diagnosis("store.index", "ok", _SUBJECT, message, fixed=True)
    else:
        message = f"{pending:,} events are not in the index for search yet"
        yield Diagnosis("store.index", "note", _SUBJECT, message, "crossrun doctor --fix")


def _backups(paths: Paths) -> Diagnosis:
    copies = backups(paths.backups)
    if copies:
        backup_count = "1 backup" if len(copies) == 1 else f"{len(copies)} backups"
        message = f"{backup_count} in {paths.backups}"
        return Diagnosis("store.backups", "ok", _SUBJECT, message)
    return Diagnosis("store.backups", "note", _SUBJECT, "no backup yet; one is made each week")
