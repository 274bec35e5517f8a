"""What users change themselves, patterns and projects, through SQLModel.

Importing this module takes a third of a second, so no run may do so.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import msgspec
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.pool import StaticPool
from sqlmodel import Session, col, create_engine, delete, func, select

from crossrun.errors import NotFoundError
from crossrun.model.workflows import Pattern, Stats, Version
from crossrun.store import pattern_index, pattern_vectors
from crossrun.store.opening import explained
from crossrun.store.pattern_regrouping import Regrouping, StoredLesson, lessons_of, regroup
from crossrun.store.pattern_writing import awakened, put_in_index
from crossrun.store.stopped import begin
from crossrun.store.tables import PatternRow, ProjectRow, SourceRow, VersionRow

_BUSY_MS = 30_000
Value = TypeVar("Value")


def change_patterns(database: Path, change: "Callable[[PatternSession], Value]") -> Value:
    """Carries out the user's change of patterns: all of it or nothing."""
    with _session(database) as session:
        return change(PatternSession(session))


def set_project(database: Path, project_id: str, column: str, value: str | None, at: str) -> None:
    """Sets a default for the runs of a project; `at` is when it begins if it is new."""
    with _session(database) as session:
        project = session.get(ProjectRow, project_id)
        project = project or ProjectRow(id=project_id, created_at=at)
        setattr(project, column, value)
        session.add(project)


class PatternSession:
    """The changes that a user can make to patterns, within one transaction.

    Methods that change a pattern raise NotFoundError if it no longer exists.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, pattern: Pattern, *, made_by: Literal["user", "import"]) -> None:
        """Stores a pattern with its version, unless there is one with this id."""
        if self._session.get(PatternRow, pattern.id) is not None:
            return
        values = msgspec.structs.asdict(pattern)
        row = PatternRow(
            **{name: values[name] for name in PatternRow.model_fields if name != "stats"},
            stats=_json(pattern.stats),
        )
        version = Version(
            pattern_id=pattern.id,
            version=pattern.version,
            hash=pattern.hash,
            rules_hash=pattern.hash,
            made_by=made_by,
            run_id=None,
            at=pattern.created_at,
            workflow=pattern.workflow,
        )
        self._store(row, version)

    def put_contents(self, contents: Mapping[str, bytes]) -> None:
        """Stores the contents of patterns' files by their hash, unless they are there."""
        _driver(self._session).executemany(
            "INSERT INTO pattern_contents (sha256, content) VALUES (?, ?) ON CONFLICT DO NOTHING",
            contents.items(),
        )

    def add_version(
        self, version: Version, *, task: str | None = None, task_type: str | None = None
    ) -> None:
        """Stores a new version, which becomes the current one, with its task if that changed.

        It gets the next number, since other versions may have been added in the meantime.
        """
        row = self._row(version.pattern_id)
        row.version, row.updated_at = _newest_version(self._session, row.id) + 1, version.at
        row.task, row.task_type = task or row.task, task_type or row.task_type
        for name, value in awakened(row.model_dump()).items():
            setattr(row, name, value)
        self._store(row, msgspec.structs.replace(version, version=row.version))

    def set_state(self, pattern_id: str, state: str, reason: str, *, kept: bool, at: str) -> None:
        """Puts a pattern in the state that the user chose."""
        row = self._row(pattern_id)
        row.state, row.reason, row.kept_by_user, row.updated_at = state, reason, kept, at
        self._session.add(row)

    def set_judgement(
        self, pattern_id: str, state: str, reason: str, stats: Stats, *, at: str
    ) -> None:
        """Stores what the evidence says of a pattern, after its runs changed."""
        row = self._row(pattern_id)
        row.state, row.reason, row.updated_at = state, reason, at
        row.stats = msgspec.json.encode(stats).decode()
        self._session.add(row)

    def remove(self, pattern_id: str) -> None:
        """Removes a pattern, all its versions and the contents of files that no other one has.

        The events of runs stay as they are.
        """
        hashes = _hashes(_driver(self._session), pattern_id)
        self._session.delete(self._row(pattern_id))
        for table in (VersionRow, SourceRow):
            self._session.execute(delete(table).where(col(table.pattern_id) == pattern_id))
        pattern_index.remove(_driver(self._session), [pattern_id])
        pattern_vectors.forget(_driver(self._session), [pattern_id])
        pattern_vectors.drop_unused(_driver(self._session))
        self._session.flush()
        if hashes:
            unused = hashes - _hashes(_driver(self._session))
            _driver(self._session).executemany(
                "DELETE FROM pattern_contents WHERE sha256 = ?", [(sha256,) for sha256 in unused]
            )

    def regroup(self, change: Regrouping, *, unless_changed: Sequence[StoredLesson]) -> bool:
        """Changes which runs belong to which pattern; False if runs have learned meanwhile.

        Args:
            change: what is to be.
            unless_changed: all that runs had added to patterns when the change was worked out.
        """
        connection = _driver(self._session)
        if lessons_of(connection) != list(unless_changed):
            return False
        regroup(connection, change)
        return True

    def _store(self, row: PatternRow, version: Version) -> None:
        values = msgspec.structs.asdict(version)
        self._session.add(VersionRow(**{**values, "workflow": _json(version.workflow)}))
        self._session.add(row)
        put_in_index(_driver(self._session), row.model_dump(), version.workflow)

    def _row(self, pattern_id: str) -> PatternRow:
        row = self._session.get(PatternRow, pattern_id)
        if row is None:
            raise NotFoundError(
                "PATTERN_NOT_FOUND",
                f"the pattern {pattern_id} was removed in the meantime",
                hint="list them: crossrun patterns",
            )
        return row


def _hashes(connection: sqlite3.Connection, pattern_id: str | None = None) -> set[str]:
    """The hashes of files that versions of a pattern, and what runs added to it, refer to.

    None: those of all patterns.
    """
    rows = connection.execute(
        "SELECT json_extract(value, '$.sha256') FROM pattern_versions,"
        " json_each(workflow, '$.files') WHERE ? IS NULL OR pattern_id = ?"
        " UNION SELECT json_extract(value, '$.sha256') FROM pattern_runs,"
        " json_each(trace, '$.files') WHERE trace IS NOT NULL AND (? IS NULL OR pattern_id = ?)",
        [pattern_id] * 4,
    )
    return {str(row[0]) for row in rows}


def _newest_version(session: Session, pattern_id: str) -> int:
    numbers = select(func.max(VersionRow.version)).where(VersionRow.pattern_id == pattern_id)
    return session.exec(numbers).one() or 0


def _json(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()


@contextmanager
def _session(database: Path) -> Iterator[Session]:
    """One transaction, which is committed at the end."""
    engine = _engine(database)
    try:
        with Session(engine, expire_on_commit=False) as session:
            yield session
            session.commit()
    except (SQLAlchemyError, sqlite3.Error, UnicodeDecodeError) as error:
        raise explained(error, database) from error
    finally:
        engine.dispose()


def _engine(database: Path) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(database)), poolclass=StaticPool)

    def begin_writing(connection: Connection) -> None:
        begin(lambda: connection.exec_driver_sql("BEGIN IMMEDIATE"), database, OperationalError)

    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", begin_writing)
    return engine


def _prepare(connection: Any, _record: object) -> None:  # noqa: ANN401  any driver's
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    connection.execute("PRAGMA synchronous = FULL")


def _driver(session: Session) -> sqlite3.Connection:
    return cast("sqlite3.Connection", session.connection().connection.driver_connection)
