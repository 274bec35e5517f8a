"""Writing what runs record: short transactions in plain SQL, each begun as a write at once.

Many processes write to one store. SQLite lets one of them write at a time while the others wait.
Beginning with BEGIN IMMEDIATE makes that waiting safe, since no reader has to become a writer.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from msgspec.structs import asdict

from crossrun.events import EventRecord
from crossrun.model.runs import Application, Artifact, Run
from crossrun.store.opening import translated
from crossrun.store.rows import application_row, run_row
from crossrun.store.statements import APPLICATIONS, ARTIFACTS, EVENTS, PROJECTS, RUNS
from crossrun.store.stopped import begin

if TYPE_CHECKING:
    from crossrun.store.search_index import IndexedPiece

_BUSY_MS = 30_000
_SENSELESS = (ValueError, TypeError, LookupError, AttributeError)
"""What is raised when a stored row is not as crossrun writes it."""


class StoreWriter:
    """Writes to a store that is up to date. It connects when there is something to write.

    Args:
        database: the store.
        busy_ms: milliseconds to wait for others that write.
    """

    def __init__(self, database: Path, *, busy_ms: int = _BUSY_MS) -> None:
        self._database = database
        self._busy_ms = busy_ms
        self._open: sqlite3.Connection | None = None

    def append(
        self,
        events: Sequence[Mapping[str, Any]],
        run: Run,
        artifacts: Sequence[Artifact] = (),
        lessons: Sequence[EventRecord] = (),
    ) -> None:
        """Stores events and, in the same transaction, what follows from them.

        Args:
            events: rows of `events`, in order.
            run: the run after the last of them.
            artifacts: the artifacts among the events.
            lessons: those of the events that say something about patterns.

        Raises:
            ConfigurationError: the store cannot take them; then none of them is stored.
            StillRunningError: they begin a run of a batch whose row must not start.
        """
        with self.transaction() as connection:
            append(connection, events, run, artifacts, lessons)

    def add_end(self, event: Mapping[str, Any], changed: Mapping[str, Any]) -> None:
        """Stores the last event of a run and, in the same transaction, what it changes.

        Args:
            event: a row of `events`.
            changed: the columns of the run that are different now.
        """
        values = ", ".join(f"{name} = :{name}" for name in changed)
        with self.transaction() as connection:
            connection.execute(EVENTS.insert, event)
            connection.execute(
                f"UPDATE runs SET {values} WHERE id = :run_id",  # noqa: S608  names of columns
                {**changed, "run_id": event["run_id"]},
            )

    def change_run(self, run_id: str, column: Literal["name", "note"], value: str | None) -> None:
        """Stores what the user calls a run, or notes about it."""
        with self.transaction() as connection:
            connection.execute(f"UPDATE runs SET {column} = ? WHERE id = ?", [value, run_id])  # noqa: S608  ours

    def change_tags(self, run_id: str, add: Sequence[str], remove: Sequence[str]) -> None:
        """Adds tags to a run and removes others."""
        with self.transaction() as connection:
            for row in connection.execute("SELECT tags FROM runs WHERE id = ?", [run_id]):
                tags = [tag for tag in (*json.loads(row["tags"]), *add) if tag not in remove]
                text = json.dumps(list(dict.fromkeys(tags)), ensure_ascii=False)
                connection.execute("UPDATE runs SET tags = ? WHERE id = ?", [text, run_id])

    def forget(self, run_ids: Sequence[str]) -> None:
        """Removes all rows of runs; those of projects and patterns stay."""
        from crossrun.store import search_index
        from crossrun.store.batch_writing import keep_results

        with self.transaction() as connection:
            keep_results(connection, run_ids)
            search_index.forget(connection, run_ids)
            for run_id in run_ids:
                connection.execute("DELETE FROM events WHERE run_id = ?", [run_id])
                connection.execute("DELETE FROM artifacts WHERE run_id = ?", [run_id])
                connection.execute("DELETE FROM applications WHERE run_id = ?", [run_id])
                connection.execute("DELETE FROM runs WHERE id = ?", [run_id])
                connection.execute(
                    "DELETE FROM pattern_reviews WHERE run_id = ? AND state = 'waiting'", [run_id]
                )

    def add_application(self, application: Application) -> None:
        """Stores that a change is being applied somewhere."""
        with self.transaction() as connection:
            connection.execute(APPLICATIONS.insert, application_row(application))

    def change_applications(self, applications: Sequence[Application]) -> None:
        """Stores what became of applications: of all of them or of none."""
        with self.transaction() as connection:
            connection.executemany(APPLICATIONS.upsert, map(application_row, applications))

    def add_vectors(self, encoder: str, vectors: Mapping[str, bytes], *, limit: int) -> None:
        """Stores vectors of patterns' texts, by text; see `pattern_encoding`."""
        from crossrun.store.pattern_encoding import add_vectors

        with self.transaction() as connection:
            add_vectors(connection, encoder, vectors, limit=limit)

    def write_batch(self, write: Callable[[sqlite3.Connection], None]) -> None:
        """Carries out one of the writes in `batch_writing` in a transaction."""
        with self.transaction() as connection:
            write(connection)

    def number_runs(self) -> None:
        """Prepares runs for the index of words; see `search_index`."""
        from crossrun.store.search_index import number_runs

        with self.transaction() as connection:
            number_runs(connection)

    def index_piece(self, run_id: str) -> "IndexedPiece":
        """Adds the next events of a run to the index of words; see `search_index`."""
        from crossrun.store.search_index import add_piece

        with self.transaction() as connection:
            return add_piece(connection, run_id)

    def close(self) -> None:
        """Closes the connection; the next write opens a new one."""
        if self._open is not None:
            self._open.close()
            self._open = None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A transaction that begins as a write; it is rolled back if the context raises."""
        with self.connected() as connection:
            begin(
                lambda: connection.execute("BEGIN IMMEDIATE"),
                self._database,
                sqlite3.OperationalError,
            )
            with connection:  # commits, or rolls back
                yield connection

    @contextmanager
    def connected(self) -> Iterator[sqlite3.Connection]:
        """The connection, outside of transactions; errors say what a user can do."""
        with translated(self._database):
            self._open = self._open or self._connected()
            yield self._open

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self._database.absolute().as_uri()}?mode=rw",
            uri=True,
            isolation_level=None,
            timeout=self._busy_ms / 1000,
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA synchronous = FULL")
        return connection


def append(
    connection: sqlite3.Connection,
    events: Sequence[Mapping[str, Any]],
    run: Run,
    artifacts: Sequence[Artifact],
    lessons: Sequence[EventRecord],
) -> None:
    """Stores events within a transaction; see `StoreWriter.append`."""
    if events[0]["seq"] == 1 and run.batch_id is not None:
        _require_free_row(connection, run)
    connection.executemany(EVENTS.insert, events)
    connection.execute(RUNS.upsert, run_row(run))
    connection.executemany(ARTIFACTS.insert, map(asdict, artifacts))
    for lesson in lessons:
        _project(connection, lesson)
    if events[0]["seq"] == 1:
        project = dict.fromkeys(PROJECTS.columns)
        project |= {"id": run.project_id, "created_at": events[0]["at"]}
        connection.execute(PROJECTS.insert_missing, project)


def _require_free_row(connection: sqlite3.Connection, run: Run) -> None:
    from crossrun.store.batch_writing import require_free_row

    require_free_row(connection, run)


def _project(connection: sqlite3.Connection, lesson: EventRecord) -> None:
    """Stores what follows for patterns. The event stays even if this fails."""
    from crossrun.store.pattern_writing import project

    connection.execute("SAVEPOINT lesson")
    try:
        project(connection, lesson)
    except (sqlite3.Error, *_SENSELESS):
        if not connection.in_transaction:  # a full disk ends it altogether
            raise
        connection.execute("ROLLBACK TO lesson")
    connection.execute("RELEASE lesson")
