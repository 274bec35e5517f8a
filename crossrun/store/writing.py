"""The writing side, through SQLModel: short transactions, each begun as a write at once.

Many processes write to one store. SQLite lets one of them do so at a time and the others wait;
beginning with BEGIN IMMEDIATE makes that waiting safe, since no reader has to become a writer.

Importing this module takes a third of a second; `store` does so when there is something to write.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import asdict
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import StaticPool
from sqlmodel import Session, col, create_engine, delete, insert

from crossrun.events import EventRecord
from crossrun.model.runs import Application, Artifact, Run
from crossrun.store import pattern_writing
from crossrun.store.opening import explained
from crossrun.store.pattern_writing import PatternSession
from crossrun.store.rows import application_row, run_row
from crossrun.store.stopped import begin
from crossrun.store.tables import ApplicationRow, ArtifactRow, EventRow, ProjectRow, RunRow

_BUSY_MS = 30_000
Value = TypeVar("Value")


class Writer:
    """Writes to a store that is up to date.

    Args:
        database: the store.
        busy_ms: milliseconds to wait for others that write.
    """

    def __init__(self, database: Path, *, busy_ms: int = _BUSY_MS) -> None:
        self._database = database
        self._busy_ms = busy_ms
        address = URL.create("sqlite", database=str(database))
        self._engine = create_engine(address, poolclass=StaticPool)
        event.listen(self._engine, "connect", self._prepare)
        event.listen(self._engine, "begin", self._begin)

    def append(
        self,
        events: Sequence[dict[str, Any]],
        run: Run,
        artifacts: Sequence[Artifact],
        lessons: Sequence[EventRecord],
    ) -> None:
        """Stores events and, in the same transaction, what follows from them.

        Args:
            events: columns of `events`, in order.
            run: the run after the last of them.
            artifacts: those that the events tell of.
            lessons: those of the events that say something about patterns.

        Raises:
            ConfigurationError: the store cannot take them; then none of them is stored.
        """
        with self._session() as session:
            session.connection().execute(insert(EventRow), list(events))
            session.merge(RunRow(**run_row(run)))
            session.add_all(ArtifactRow(**asdict(artifact)) for artifact in artifacts)
            for lesson in lessons:
                _project(session, lesson)
            if events[0]["seq"] == 1 and session.get(ProjectRow, run.project_id) is None:
                session.add(ProjectRow(id=run.project_id, created_at=events[0]["at"]))

    def change_patterns(self, change: Callable[[PatternSession], Value]) -> Value:
        """Carries out what the user says about patterns; all of it or nothing."""
        with self._session() as session:
            return change(PatternSession(session))

    def set_project(self, project_id: str, column: str, value: str | None, *, now: str) -> None:
        """Sets what a project's runs have by default; begins the project if need be."""
        with self._session() as session:
            project = session.get(ProjectRow, project_id)
            project = project or ProjectRow(id=project_id, created_at=now)
            setattr(project, column, value)
            session.add(project)

    def forget(self, run_ids: Sequence[str]) -> None:
        """Removes all rows of runs; those of projects and patterns stay."""
        with self._session() as session:
            for run_id in run_ids:
                for table in (EventRow, ArtifactRow, ApplicationRow):
                    session.connection().execute(delete(table).where(col(table.run_id) == run_id))
                session.connection().execute(delete(RunRow).where(col(RunRow.id) == run_id))

    def add_application(self, application: Application) -> None:
        """Stores that a change is brought somewhere."""
        with self._session() as session:
            session.add(ApplicationRow(**application_row(application)))

    def change_applications(self, applications: Sequence[Application]) -> None:
        """Stores what became of applications: of all of them or of none."""
        with self._session() as session:
            for application in applications:
                session.merge(ApplicationRow(**application_row(application)))

    def close(self) -> None:
        """Closes the connection."""
        self._engine.dispose()

    @contextmanager
    def _session(self) -> Iterator[Session]:
        try:
            with Session(self._engine, expire_on_commit=False) as session:
                yield session
                session.commit()
        except (SQLAlchemyError, UnicodeDecodeError) as error:
            raise explained(error, self._database) from error

    def _begin(self, connection: Connection) -> None:
        begin(
            lambda: connection.exec_driver_sql("BEGIN IMMEDIATE"), self._database, OperationalError
        )

    def _prepare(self, connection: Any, _record: object) -> None:  # noqa: ANN401  any driver's
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {self._busy_ms}")
        connection.execute("PRAGMA synchronous = FULL")


def _project(session: Session, lesson: EventRecord) -> None:
    """Stores what follows for patterns. The event stays, whatever state their tables are in."""
    senseless = (ValueError, TypeError, LookupError, AttributeError)
    with suppress(DBAPIError, sqlite3.Error, *senseless), session.begin_nested():
        pattern_writing.project(session, lesson)
