"""Writing runs that are made from sessions: each run in one short transaction.

A run can have hundreds of megabytes, and to read, redact and learn from it takes minutes, in which
nobody else could write. So its events are gathered in a temporary table first.

Imported runs are in the order of their sessions and before all others (by negative row ids), so
that `last` and the lists of runs begin with what crossrun itself ran.
"""

import sqlite3
from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from crossrun.events import Event, EventRecord
from crossrun.model.runs import Artifact, Run
from crossrun.redaction import Redactor
from crossrun.store.event_writer import EventWriter
from crossrun.store.search_index import forget
from crossrun.store.statements import EVENTS, IMPORTED_FILES, IMPORTED_RUNS
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


_GATHERED = EVENTS._replace(name="temp.gathered")
_COLUMNS = ", ".join(EVENTS.columns)
_WHEN_AND_FIRST_OWN = (
    "SELECT created_at,"
    " (SELECT rowid FROM runs WHERE id <> :id AND rowid > coalesce("
    "(SELECT rowid FROM runs WHERE id <> :id AND imported_from IS NOT NULL"
    " ORDER BY rowid DESC LIMIT 1), :lowest) ORDER BY rowid LIMIT 1) AS own"
    " FROM runs WHERE id = :id"
)
"""When a run was made, and the first run of crossrun's own: the one after the imported ones."""
_FREE_BELOW = (
    "SELECT rowid - 1 FROM runs AS taken WHERE rowid <= ?"
    " AND NOT EXISTS (SELECT 1 FROM runs WHERE rowid = taken.rowid - 1)"
    " ORDER BY rowid DESC LIMIT 1"
)
"""The next row id that no run has, below one that a run has."""
_READ_AS_IT_IS = (
    "SELECT 1 FROM imported_files WHERE program = :program AND path = :path AND size = :size"
    " AND modified_ns = :modified_ns"
)


class SessionImport:
    """Writes the runs of one session, one after the other.

    Args:
        database: the store.
        session_id: the program's id of the session.
        file: its file.
        redactor: removes secrets from every event.
    """

    def __init__(
        self, database: Path, session_id: str, file: SessionFile, redactor: Redactor
    ) -> None:
        self._writer = _GatheringWriter(database)
        self._session_id = session_id
        self._file = file
        self._redactor = redactor
        self._last_places: dict[int, int] = {}
        """Row ids, by the moments of runs: thousands may have begun in the same one."""

    def is_done(self) -> bool:
        """Whether another import has read the file as it is."""
        row = self._file._asdict()
        with self._writer.connected() as connection:
            return bool(connection.execute(_READ_AS_IT_IS, row).fetchone())

    def wants(self, run_id: str) -> bool:
        """Whether a run is to be written.

        Not if it is from another session, of which this one has a copy; nor if the session was
        read before as far as now, nor if the user has removed the run.
        """
        with self._writer.connected() as connection:
            return self._wants(connection, run_id)

    def _wants(self, connection: sqlite3.Connection, run_id: str) -> bool:
        earlier = connection.execute(
            "SELECT session_id, size FROM imported_runs WHERE run_id = ?", [run_id]
        ).fetchone()
        is_stored = connection.execute("SELECT 1 FROM runs WHERE id = ?", [run_id]).fetchone()
        if earlier is None or is_stored is None:
            return earlier is None and is_stored is None
        return bool(earlier["session_id"] == self._session_id and earlier["size"] < self._file.size)

    def gather(self, run_id: str, events: EventsOfRun) -> Iterator[EventRecord]:
        """Takes the events of a run, which `store` then writes.

        Yields:
            The events as they will be stored, without secrets.
        """
        self._writer.begin()
        clock = _Clock()
        writer = EventWriter(run_id, self._redactor, self._writer, clock=clock)
        for recorded in writer.record(clock.following(events)):
            if recorded is not None:
                yield recorded

    def store(self, run_id: str) -> bool:
        """Writes the run that was gathered, in the place of what was read of it before.

        Returns:
            False if it is no longer wanted, since another import has written it.
        """
        with self._writer.transaction() as connection:
            if not self._wants(connection, run_id):
                return False
            is_new = not connection.execute("SELECT 1 FROM runs WHERE id = ?", [run_id]).fetchone()
            forget(connection, [run_id])
            connection.execute("DELETE FROM events WHERE run_id = ?", [run_id])
            connection.execute(
                "DELETE FROM pattern_reviews WHERE run_id = ? AND state = 'waiting'", [run_id]
            )
            self._writer.store_gathered(connection)
            connection.execute(
                "UPDATE runs SET learned_pattern_id = (SELECT pattern_id FROM pattern_runs"
                " WHERE run_id = runs.id AND lesson = 'workflow') WHERE id = ?",
                [run_id],
            )
            if is_new:
                self._put_in_order(connection, run_id)
            row = {"run_id": run_id, "session_id": self._session_id, "size": self._file.size}
            connection.execute(IMPORTED_RUNS.upsert, row)
        return True

    def _put_in_order(self, connection: sqlite3.Connection, run_id: str) -> None:
        row = connection.execute(
            _WHEN_AND_FIRST_OWN, {"id": run_id, "lowest": -_BEFORE_ALL * 2}
        ).fetchone()
        moment = int(datetime.fromisoformat(row["created_at"]).timestamp() * 1000) - _BEFORE_ALL
        place = moment if row["own"] is None else min(moment, row["own"] - 1)
        place = min(place, self._last_places.get(moment, place + 1) - 1)
        if connection.execute("SELECT 1 FROM runs WHERE rowid = ?", [place]).fetchone():
            (place,) = connection.execute(_FREE_BELOW, [place]).fetchone()
        self._last_places[moment] = place
        connection.execute("UPDATE runs SET rowid = ? WHERE id = ?", [place, run_id])

    def finish(self) -> None:
        """Notes that the file was read as it is."""
        with self._writer.transaction() as connection:
            connection.execute(IMPORTED_FILES.upsert, self._file._asdict())

    def close(self) -> None:
        """Closes the store."""
        self._writer.close()


class _GatheringWriter(StoreWriter):
    """Takes the events of one run at a time into a temporary table, which locks nothing."""

    def __init__(self, database: Path) -> None:
        super().__init__(database)
        self._run: Run | None = None
        self._artifacts: list[Artifact] = []
        self._lessons: list[EventRecord] = []

    def begin(self) -> None:
        """Forgets what was gathered before."""
        self._run, self._artifacts, self._lessons = None, [], []
        with self.connected() as connection:
            connection.execute(f"CREATE TABLE IF NOT EXISTS {_GATHERED.name} ({_COLUMNS})")
            connection.execute(f"DELETE FROM {_GATHERED.name}")  # noqa: S608  ours

    def append(
        self,
        events: Sequence[Mapping[str, Any]],
        run: Run,
        artifacts: Sequence[Artifact] = (),
        lessons: Sequence[EventRecord] = (),
    ) -> None:
        self._run = run
        self._artifacts += artifacts
        self._lessons += lessons
        with self.connected() as connection:
            connection.executemany(_GATHERED.insert, events)

    def store_gathered(self, connection: sqlite3.Connection) -> None:
        """Stores all of it within a transaction."""
        if self._run is None:
            return
        first = connection.execute(f"SELECT * FROM {_GATHERED.name} WHERE seq = 1").fetchone()  # noqa: S608  ours
        connection.execute(
            f"INSERT INTO events ({_COLUMNS}) SELECT * FROM {_GATHERED.name} WHERE seq > 1"  # noqa: S608  ours
        )
        append(connection, [dict(first)], self._run, self._artifacts, self._lessons)


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
