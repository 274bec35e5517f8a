"""Writing runs that are made from sessions: all of a session in one transaction.

Imported runs are in the order of their sessions and before all others (by negative row ids), so
that `last` and the lists of runs begin with what crossrun itself ran.
"""

import sqlite3
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from crossrun.events import Event, EventRecord
from crossrun.model.runs import Artifact, Run
from crossrun.redaction import Redactor
from crossrun.store.event_writer import EventWriter
from crossrun.store.search_index import forget
from crossrun.store.statements import IMPORTED_FILES, IMPORTED_RUNS
from crossrun.store.writing import StoreWriter, append

_BEFORE_ALL = 10**13
"""Taken from a time in milliseconds, it makes a negative row id until the year 2286."""
Timed = tuple[str, Event]
"""An event with the time at which it happened."""
EventsOfRun = Generator[Timed | None]
"""Those of one run; None: what came so far is to be stored now."""


class SessionFile(NamedTuple):
    """A session's file as it is now. `modified_ns` is its time in nanoseconds."""

    program: str
    path: str
    size: int
    modified_ns: int


class SessionImport:
    """Writes the runs of one session, within one transaction.

    Args:
        connection: in a transaction, with rows that have names.
        session_id: the program's id of the session.
        file: its file.
        redactor: removes secrets from every event.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        session_id: str,
        file: SessionFile,
        redactor: Redactor,
    ) -> None:
        self._connection = connection
        self._session_id = session_id
        self._file = file
        self._redactor = redactor

    def wants(self, run_id: str) -> bool:
        """Whether a run is to be written.

        Not if it is from another session, of which this one has a copy; nor if a longer file of the
        session was read before, nor if the user has removed the run.
        """
        earlier = self._connection.execute(
            "SELECT session_id, size FROM imported_runs WHERE run_id = ?", [run_id]
        ).fetchone()
        is_stored = self._connection.execute("SELECT 1 FROM runs WHERE id = ?", [run_id]).fetchone()
        if earlier is None or is_stored is None:
            return earlier is None and is_stored is None
        return bool(
            earlier["session_id"] == self._session_id and earlier["size"] <= self._file.size
        )

    def write(self, run_id: str, events: EventsOfRun) -> Iterator[EventRecord]:
        """Writes a run, in the place of what was read of it before.

        Yields:
            The events as they are stored, without secrets.
        """
        connection = self._connection
        is_new = not connection.execute("SELECT 1 FROM runs WHERE id = ?", [run_id]).fetchone()
        forget(connection, [run_id])
        connection.execute("DELETE FROM events WHERE run_id = ?", [run_id])
        connection.execute(
            "DELETE FROM pattern_reviews WHERE run_id = ? AND state = 'waiting'", [run_id]
        )
        clock = _Clock()
        writer = EventWriter(run_id, self._redactor, _Within(connection), clock=clock)
        for recorded in writer.record(clock.following(events)):
            if recorded is not None:
                yield recorded
        connection.execute(
            "UPDATE runs SET learned_pattern_id = (SELECT pattern_id FROM pattern_runs"
            " WHERE run_id = runs.id AND lesson = 'workflow') WHERE id = ?",
            [run_id],
        )
        if is_new:
            self._put_in_order(run_id)
        row = {"run_id": run_id, "session_id": self._session_id, "size": self._file.size}
        connection.execute(IMPORTED_RUNS.upsert, row)

    def finish(self) -> None:
        """Notes that the file was read as it is."""
        self._connection.execute(IMPORTED_FILES.upsert, self._file._asdict())

    def _put_in_order(self, run_id: str) -> None:
        row = self._connection.execute(
            "SELECT created_at, (SELECT min(rowid) FROM runs WHERE imported_from IS NULL) AS own"
            " FROM runs WHERE id = ?",
            [run_id],
        ).fetchone()
        moment = datetime.fromisoformat(row["created_at"]).timestamp()
        place = int(moment * 1000) - _BEFORE_ALL
        place = place if row["own"] is None else min(place, row["own"] - 1)
        while self._connection.execute("SELECT 1 FROM runs WHERE rowid = ?", [place]).fetchone():
            place -= 1
        self._connection.execute("UPDATE runs SET rowid = ? WHERE id = ?", [place, run_id])


@contextmanager
def importing(
    database: Path, session_id: str, file: SessionFile, redactor: Redactor
) -> Iterator[SessionImport]:
    """A transaction for one session: all of it is stored, or nothing."""
    writer = StoreWriter(database)
    try:
        with writer.transaction() as connection:
            yield SessionImport(connection, session_id, file, redactor)
    finally:
        writer.close()


class _Within(StoreWriter):
    """Writes events within a transaction that others began."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(Path())
        self._connection = connection

    def append(
        self,
        events: Sequence[Mapping[str, Any]],
        run: Run,
        artifacts: Sequence[Artifact] = (),
        lessons: Sequence[EventRecord] = (),
    ) -> None:
        append(self._connection, events, run, artifacts, lessons)


class _Clock:
    """Shows the time of the event that is being written."""

    def __init__(self) -> None:
        self._at = ""

    def __call__(self) -> str:
        return self._at

    def following(self, events: EventsOfRun) -> Generator[Event | None]:
        for timed in events:
            if timed is None:
                yield None
            else:
                self._at, event = timed
                yield event
