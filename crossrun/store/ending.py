"""The end of a run whose process is gone, recorded by whichever command finds it.

In plain SQL, which starts fast and writes only what changes, so that the store may be of an older
or a newer version.
"""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import msgspec
from msgspec.structs import replace

from crossrun.events import EventRecord, RunFinished, encode
from crossrun.model.queries import StoredEvent
from crossrun.model.runs import Run
from crossrun.projections.run import advance
from crossrun.redaction import MASK, Redactor
from crossrun.store.rows import run_row
from crossrun.system.clock import now

_BUSY_S = 2.0
"""Nobody waits long for another program: the next command finds the run again."""


def add_end(
    database: Path,
    run: Run,
    events: Iterable[StoredEvent],
    ending: RunFinished,
    redactor: Redactor,
) -> None:
    """Adds the last event to a run, with what follows from it.

    Args:
        database: the store.
        run: the run as it is stored.
        events: its events, in order.
        ending: its end, without the count of secrets that were removed from its events.
        redactor: takes secrets out of the end, too.

    Raises:
        sqlite3.Error: the store cannot take it; nothing was changed.
    """
    seq, at, removed = 0, "", 0
    for event in events:
        seq, at = event.seq, event.at
        removed += event.body.count(MASK)
    body, found = redactor(encode(ending))
    ending = replace(msgspec.json.decode(body, type=RunFinished), redactions=removed + found)
    recorded = EventRecord(run.id, seq + 1, max(at, now()), ending)
    before, after = run_row(run), run_row(advance(run, recorded))
    changed = {name: value for name, value in after.items() if value != before[name]}
    columns = ", ".join(f"{name} = ?" for name in changed)
    row = (run.id, recorded.seq, recorded.at, "run_finished", encode(ending))
    with closing(_connect(database)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "INSERT INTO events (run_id, seq, at, type, body) VALUES (?, ?, ?, ?, ?)", row
        )
        connection.execute(
            f"UPDATE runs SET {columns} WHERE id = ?",  # noqa: S608  names of columns
            [*changed.values(), run.id],
        )
        connection.execute("COMMIT")


def _connect(database: Path) -> sqlite3.Connection:
    address = f"{database.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(address, uri=True, timeout=_BUSY_S, isolation_level=None)
