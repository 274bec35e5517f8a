"""The index of words: events are added to it in pieces, after they were recorded.

Each piece is a transaction that also stores how far the run is in the index, so any process may
add the next one, and one that is killed leaves a piece either whole or undone. The index refers to
an event by the number of its run and its own, and has no copy of its text. To take an event out,
SQLite needs the text that was put in, so `texts_of` may only learn new kinds of events: a change of
what it returns for a known kind takes a new index.
"""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from crossrun.store.search_texts import EventTexts, texts_of

_NUMBER_BITS = 32
_MOST_EVENTS, _MOST_TEXT = 1_000, 1_000_000
"""What a piece has at most: events, and characters of them. Others wait meanwhile to write."""
_COLUMNS = ", ".join(EventTexts._fields)
_VALUES = ", ".join("?" * len(EventTexts._fields))
_ADD = f"INSERT INTO search_words (rowid, {_COLUMNS}) VALUES (?, {_VALUES})"  # noqa: S608  ours
_DELETE = (
    f"INSERT INTO search_words (search_words, rowid, {_COLUMNS})"  # noqa: S608  ours
    f" VALUES ('delete', ?, {_VALUES})"
)
_EVENTS = (
    "SELECT seq, type, body FROM events WHERE run_id = ? AND seq > ? AND seq <= ? ORDER BY seq"
)
PENDING = (
    "SELECT id, coalesce(search_runs.seq, 0) AS indexed,"
    " (SELECT max(seq) FROM events WHERE run_id = id) AS newest"
    " FROM runs LEFT JOIN search_runs ON run_id = id WHERE coalesce(complete, 0) = 0"
    " ORDER BY runs.rowid DESC"
)
"""Runs that have not ended or are not completely in the index, the newest first."""


class IndexedPiece(NamedTuple):
    """What became of a piece: how many events it had, and whether more of the run are left."""

    events: int
    more: bool


def document_number(number: int, seq: int) -> int:
    """The number of an event in the index: ascending by run, then by event."""
    return (number << _NUMBER_BITS) | seq


def run_and_event(document: int) -> tuple[int, int]:
    """The number of a run, and that of its event."""
    return document >> _NUMBER_BITS, document & ((1 << _NUMBER_BITS) - 1)


def number_runs(connection: sqlite3.Connection) -> None:
    """Gives numbers to runs that have none, in the order in which they were recorded."""
    connection.execute(
        "INSERT INTO search_runs (run_id, seq, complete) SELECT id, 0, 0 FROM runs"
        " WHERE id NOT IN (SELECT run_id FROM search_runs) ORDER BY rowid"
    )


def add_piece(connection: sqlite3.Connection, run_id: str) -> IndexedPiece:
    """Adds the next events of a run, and notes how far it is then."""
    row = connection.execute(
        "SELECT number, seq, ended_at IS NOT NULL FROM search_runs JOIN runs ON id = run_id"
        " WHERE run_id = ? AND NOT complete",
        [run_id],
    ).fetchone()
    if row is None:  # forgotten or completed in the meantime
        return IndexedPiece(0, more=False)
    number, before, ended = row
    seq, text, more = before, 0, False
    for seq, kind, body in connection.execute(_EVENTS, [run_id, before, before + _MOST_EVENTS]):
        _write(connection, _ADD, document_number(number, seq), texts_of(kind, body))
        text += len(body)
        if text >= _MOST_TEXT:
            more = True
            break
    more = more or seq == before + _MOST_EVENTS
    connection.execute(
        "UPDATE search_runs SET seq = ?, complete = ? WHERE number = ?",
        [seq, ended and not more, number],
    )
    return IndexedPiece(seq - before, more)


def forget(connection: sqlite3.Connection, run_ids: Sequence[str]) -> None:
    """Takes runs out of the index; their events are still stored."""
    for run_id in run_ids:
        for number, last in connection.execute(
            "SELECT number, seq FROM search_runs WHERE run_id = ?", [run_id]
        ).fetchall():
            for seq, kind, body in connection.execute(_EVENTS, [run_id, 0, last]):
                _write(connection, _DELETE, document_number(number, seq), texts_of(kind, body))
        connection.execute("DELETE FROM search_runs WHERE run_id = ?", [run_id])


def _write(
    connection: sqlite3.Connection, sql: str, document: int, texts: EventTexts | None
) -> None:
    if texts is not None:
        connection.execute(sql, [document, *texts.prepared()])
