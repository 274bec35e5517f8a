"""What the SQLite of this Python can do."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

from crossrun.model.diagnoses import Diagnosis

_SUBJECT = "SQLite"
_PROBES = {
    "full-text search (FTS5)": "CREATE VIRTUAL TABLE words USING fts5(text)",
    "JSON": "SELECT json_extract('{}', '$.a')",
    "RETURNING": "INSERT INTO numbers VALUES (1) RETURNING n",
    "window functions": "SELECT row_number() OVER () FROM numbers",
}


def examine() -> Iterator[Diagnosis]:
    """Version and features."""
    missing = []
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE numbers (n)")
        for feature, statement in _PROBES.items():
            try:
                connection.execute(statement).fetchall()
            except sqlite3.Error:
                missing.append(feature)
    version = sqlite3.sqlite_version
    if missing:
        yield Diagnosis(
            "sqlite.features",
            "error",
            _SUBJECT,
            f"version {version} lacks {', '.join(missing)}",
            "use a Python with a newer SQLite, such as that of uv: uv python install",
        )
    else:
        yield Diagnosis(
            "sqlite.features", "ok", _SUBJECT, f"version {version}, with {', '.join(_PROBES)}"
        )
