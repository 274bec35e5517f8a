"""Programs and stores of different versions: who can use which store, and how an older one is read.

The version of a store is the number of migrations that it has seen. It also says which version is
the oldest whose programs can use it, so that an older crossrun can use a store that a newer
one has brought up to date in the meantime.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from crossrun.errors import ConfigurationError
from crossrun.store.opening import damaged
from crossrun.store.steps import LATEST, MIGRATIONS, OLDEST


def usable_version(connection: sqlite3.Connection, database: Path) -> int:
    """The version of a store; 0 while another process makes it.

    Raises:
        ConfigurationError: it is too new for this program.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version < 0:
        raise damaged(database, f"it cannot be of version {version}")
    if version > LATEST and _oldest_user(connection) > LATEST:
        raise ConfigurationError(
            "STORE_NEWER",
            f"the store {database} was written by a newer crossrun",
            hint="update crossrun, or use another store with --home",
        )
    return version


@contextmanager
def up_to_date(
    stored: sqlite3.Connection, address: str, version: int
) -> Iterator[sqlite3.Connection]:
    """An older store as it would be if it were up to date; its file stays as it is."""
    with closing(sqlite3.connect(":memory:", uri=True)) as current:
        if version < OLDEST:
            stored.backup(current)
            _apply(current, MIGRATIONS[version:])
        else:
            _apply(current, MIGRATIONS)
            current.execute("ATTACH ? AS stored", [address])
            tables = "SELECT name FROM stored.sqlite_master WHERE type = 'table' ORDER BY name"
            for (table,) in current.execute(tables).fetchall():
                _show(current, table)
        yield current


def _show(current: sqlite3.Connection, table: str) -> None:
    """Has a table's name stand for the stored one, with the columns that it lacks added."""
    names = {row[1] for row in current.execute(f'PRAGMA stored.table_info("{table}")')}
    added = [
        f"{default or 'NULL'} AS {name}"
        for _, name, _, _, default, _ in current.execute(f'PRAGMA main.table_info("{table}")')
        if name not in names
    ]
    if added:
        columns = ", ".join(["rowid AS rowid", "*", *added])
        current.execute(f'CREATE TEMP VIEW "{table}" AS SELECT {columns} FROM stored."{table}"')  # noqa: S608  names of ours
    else:
        current.execute(f'DROP TABLE IF EXISTS main."{table}"')


def _oldest_user(connection: sqlite3.Connection) -> int:
    """The oldest version whose programs can use a newer store."""
    (oldest,) = connection.execute("SELECT max(oldest) FROM compatibility").fetchone()
    return int(oldest)


def _apply(connection: sqlite3.Connection, migrations: tuple[tuple[str, str], ...]) -> None:
    for _, sql in migrations:
        connection.executescript(sql)
