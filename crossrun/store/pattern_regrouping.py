"""Which runs belong to which pattern, changed: for split, merge and rebuild.

Functions work on a connection that the caller owns, within its transaction.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from crossrun.model.workflows import Version, Workflow
from crossrun.store import pattern_index, pattern_vectors
from crossrun.store.pattern_writing import put_in_index
from crossrun.store.statements import (
    PATTERN_CONTENTS,
    PATTERN_HEIRS,
    PATTERN_PLACEMENTS,
    PATTERN_RUNS,
    PATTERN_VERSIONS,
    PATTERNS,
)


class StoredLesson(msgspec.Struct, frozen=True):
    """What one run adds to a pattern, as it is stored: a row of `pattern_runs`."""

    pattern_id: str
    run_id: str
    at: str
    lesson: str
    trace: str | None
    caution: str | None


class PatternGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A pattern with all that runs add to it, as it is from now on.

    `pattern` are the columns of `patterns`. `version` is the workflow that they make; one that says
    what the current version says replaces it, any other one is the next. None: the current version
    stays.
    """

    pattern: dict[str, Any]
    lessons: tuple[StoredLesson, ...]
    version: Version | None = None


class Regrouping(msgspec.Struct, frozen=True, kw_only=True):
    """A change of which runs belong to which pattern.

    `heirs`: patterns that are gone, and what became of them. `placements`: where the user put runs.
    `contents`: of files, by hash, that may not be stored yet.
    """

    groups: tuple[PatternGroup, ...]
    heirs: Mapping[str, str] = {}
    placements: Mapping[str, str] = {}
    contents: Mapping[str, bytes] = {}


def lessons_of(connection: sqlite3.Connection) -> list[StoredLesson]:
    """All that runs added to patterns, in the order of the runs."""
    columns = ", ".join(PATTERN_RUNS.columns)
    rows = connection.execute(f"SELECT {columns} FROM pattern_runs ORDER BY at, run_id, pattern_id")  # noqa: S608  names of columns
    return [StoredLesson(*row) for row in rows]


def regroup(connection: sqlite3.Connection, change: Regrouping) -> None:
    """Carries a change out."""
    for pattern_id, heir_id in change.heirs.items():
        connection.execute("DELETE FROM patterns WHERE id = ?", [pattern_id])
        connection.execute("DELETE FROM pattern_runs WHERE pattern_id = ?", [pattern_id])
        connection.execute(
            "UPDATE pattern_heirs SET heir_id = ? WHERE heir_id = ?", [heir_id, pattern_id]
        )
        connection.execute(PATTERN_HEIRS.upsert, {"pattern_id": pattern_id, "heir_id": heir_id})
    pattern_index.remove(connection, change.heirs)
    pattern_vectors.forget(connection, change.heirs)
    pattern_vectors.drop_unused(connection)
    connection.executemany(
        PATTERN_CONTENTS.insert_missing,
        [{"sha256": sha256, "content": content} for sha256, content in change.contents.items()],
    )
    for group in change.groups:
        connection.execute("DELETE FROM pattern_runs WHERE pattern_id = ?", [group.pattern["id"]])
    for group in change.groups:
        _store(connection, group)
    connection.executemany(
        PATTERN_PLACEMENTS.upsert,
        [{"run_id": run, "pattern_id": pattern} for run, pattern in change.placements.items()],
    )


def _store(connection: sqlite3.Connection, group: PatternGroup) -> None:
    pattern = dict(group.pattern)
    connection.execute("DELETE FROM pattern_heirs WHERE pattern_id = ?", [pattern["id"]])
    if group.version is not None:
        version = _numbered(connection, group.version, current=pattern["version"])
        pattern["version"] = version.version
        row = {**msgspec.structs.asdict(version), "workflow": _json(version.workflow)}
        connection.execute(PATTERN_VERSIONS.upsert, row)
    connection.execute(PATTERNS.upsert, pattern)
    connection.executemany(PATTERN_RUNS.upsert, map(msgspec.structs.asdict, group.lessons))
    taught = [lesson.run_id for lesson in group.lessons if lesson.lesson == "workflow"]
    _note_in_runs(connection, pattern["id"], taught)
    workflow = connection.execute(
        "SELECT workflow FROM pattern_versions WHERE pattern_id = ? AND version = ?",
        [pattern["id"], pattern["version"]],
    ).fetchone()
    put_in_index(connection, pattern, msgspec.json.decode(workflow[0], type=Workflow))


def _numbered(connection: sqlite3.Connection, version: Version, *, current: int) -> Version:
    """The version with its number: that of the current one if both say the same."""
    row = connection.execute(
        "SELECT hash, rules_hash, made_by, run_id, at FROM pattern_versions"
        " WHERE pattern_id = ? AND version = ?",
        [version.pattern_id, current],
    ).fetchone()
    if row is not None and row[0] == version.hash:
        return msgspec.structs.replace(
            version, version=current, rules_hash=row[1], made_by=row[2], run_id=row[3], at=row[4]
        )
    newest = connection.execute(
        "SELECT coalesce(max(version), 0) FROM pattern_versions WHERE pattern_id = ?",
        [version.pattern_id],
    ).fetchone()[0]
    return msgspec.structs.replace(version, version=newest + 1)


def _note_in_runs(connection: sqlite3.Connection, pattern_id: str, run_ids: Iterable[str]) -> None:
    connection.executemany(
        "UPDATE runs SET learned_pattern_id = ? WHERE id = ? AND learned_pattern_id IS NOT ?",
        [(pattern_id, run_id, pattern_id) for run_id in run_ids],
    )


def _json(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()
