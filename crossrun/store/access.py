"""Read-only access to the store's file: looking never locks, never writes, and starts fast."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from crossrun.store.opening import read_only, translated


class ReadAccess:
    """Reads a store. One that does not exist yet is empty."""

    def __init__(self, database: Path) -> None:
        self._database = database

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """The rows of one query."""
        with self.connection() as connection:
            return [] if connection is None else connection.execute(sql, values).fetchall()

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection | None]:
        """A connection for several queries.

        Yields:
            None where there is no store yet.
        """
        if not self._database.exists():
            yield None
            return
        with translated(self._database), closing(read_only(self._database)) as connection:
            connection.row_factory = sqlite3.Row
            # none: another process makes the store just now
            made = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            yield connection if made else None
