"""Writing a run's first events by plain SQL, so that they are stored before the agent starts.

Importing SQLModel takes a third of a second. The agent would have to wait for it, so `writing`
takes over only once the agent's own start leaves the time.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crossrun.model.runs import Run
from crossrun.store.opening import translated
from crossrun.store.rows import run_row
from crossrun.store.stopped import begin


class EarlyWriter:
    """Appends events that bring no artifacts and no lessons.

    Args:
        database: a store that is up to date.
        busy_ms: milliseconds to wait for others that write.
    """

    def __init__(self, database: Path, *, busy_ms: int) -> None:
        self._database = database
        self._busy_ms = busy_ms
        self._open: sqlite3.Connection | None = None

    def append(self, events: Sequence[Mapping[str, Any]], run: Run) -> None:
        """Stores events and the run after the last of them in one transaction.

        Args:
            events: columns of `events`, in order.
            run: the run after the last of them.

        Raises:
            ConfigurationError: the store cannot take them; then none of them is stored.
        """
        with translated(self._database):
            connection = self._open = self._open or self._connected()
            begin(
                lambda: connection.execute("BEGIN IMMEDIATE"),
                self._database,
                sqlite3.OperationalError,
            )
            with connection:  # commits, or takes back
                connection.executemany(_insert("events", events[0]), events)
                row = run_row(run)
                values = ", ".join(f"{name} = excluded.{name}" for name in row)
                connection.execute(
                    f"{_insert('runs', row)} ON CONFLICT (id) DO UPDATE SET {values}", row
                )
                if events[0]["seq"] == 1:
                    project = {"id": run.project_id, "created_at": events[0]["at"]}
                    connection.execute(
                        f"{_insert('projects', project)} ON CONFLICT (id) DO NOTHING", project
                    )

    def close(self) -> None:
        """Closes the connection."""
        if self._open is not None:
            self._open.close()

    def _connected(self) -> sqlite3.Connection:
        address = f"{self._database.absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(
            address, uri=True, isolation_level=None, timeout=self._busy_ms / 1000
        )
        connection.execute("PRAGMA synchronous = FULL")
        return connection


def _insert(table: str, row: Mapping[str, Any]) -> str:
    placeholders = ", ".join(f":{name}" for name in row)
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({placeholders})"  # noqa: S608  our own names
