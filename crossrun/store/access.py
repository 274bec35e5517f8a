"""Read-only access to the store's file: looking never locks, never writes, and starts fast."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeVar

from crossrun.store.opening import address, damaged, read_only, translated
from crossrun.store.steps import LATEST
from crossrun.store.versions import up_to_date, usable_version

Value = TypeVar("Value")
Line = TypeVar("Line", bound=NamedTuple)
Values: TypeAlias = Sequence[Any] | Mapping[str, Any]


class ReadAccess:
    """Reads a store. One that does not exist yet is empty.

    Args:
        database: the store.
        options: of SQLite, for its address.
    """

    def __init__(self, database: Path, *, options: str = "") -> None:
        self._database = database
        self._options = options

    def rows(self, sql: str, values: Values = ()) -> list[sqlite3.Row]:
        """The rows of a query."""
        with self.connection() as connection:
            return [] if connection is None else connection.execute(sql, values).fetchall()

    def first_rows(self, sql: str, values: Values, *, size: int) -> tuple[list[sqlite3.Row], bool]:
        """The first rows of a query, until their texts have `size` characters together.

        Returns:
            The rows, at least one if there is any, and whether they are all.
        """
        rows: list[sqlite3.Row] = []
        with self.connection() as connection:
            for row in () if connection is None else connection.execute(sql, values):
                rows.append(row)
                size -= sum(len(value) for value in row if isinstance(value, str))
                if size <= 0:
                    return rows, False
        return rows, True

    def made(
        self, make: Callable[[sqlite3.Row], Value], sql: str, values: Values = ()
    ) -> list[Value]:
        """The values that the rows of a query become.

        Raises:
            ConfigurationError: the store is damaged: a row is not as crossrun writes it.
        """
        rows = self.rows(sql, values)
        made: list[Value] = []
        with self.making_sense(lambda: repr(rows[len(made)][0])):
            for row in rows:
                made.append(make(row))  # noqa: PERF401  their number tells the bad row
        return made

    @contextmanager
    def making_sense(self, of: str | Callable[[], str]) -> Iterator[None]:
        """Reports what cannot be converted to typed values as damage of the store."""
        try:
            yield
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            subject = of if isinstance(of, str) else of()
            why = f"what it says of {subject} makes no sense: {error}"
            raise damaged(self._database, why) from error

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection | None]:
        """A connection for several queries.

        Yields:
            None if there is no store yet, or another process is creating it.
        """
        if not self._database.exists():
            yield None
            return
        with translated(self._database), closing(self._opened()) as stored:
            version = usable_version(stored, self._database)
            if 0 < version < LATEST:
                with up_to_date(stored, self._address(), version) as connection:
                    connection.row_factory = sqlite3.Row
                    yield connection
            else:
                stored.row_factory = sqlite3.Row
                yield stored if version else None

    def _opened(self) -> sqlite3.Connection:
        return read_only(self._database, options=self._options)

    def _address(self) -> str:
        return address(self._database, options=self._options)


def fitting(line: Line) -> Line:
    """Checks that each value of a line has the type of its field, and that times are times.

    Raises:
        ValueError: a value does not.
    """
    for (name, kind), value in zip(line.__annotations__.items(), line, strict=True):
        number = isinstance(value, int) and isinstance(float(value), kind)
        if not (number or isinstance(value, kind)):
            raise ValueError(f"{name} is {value!r}")
        if name.endswith("_at") and value is not None:
            require_moment(str(value))
    return line


def require_moment(text: str) -> None:
    """Raises ValueError if a text is not a time with a zone."""
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError(f"{text!r} is not a time in UTC")
