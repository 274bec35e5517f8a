"""Which patterns lack vectors, and giving them theirs; see `store.pattern_vectors`."""

import sqlite3
from collections.abc import Mapping

import msgspec

from crossrun.model.workflows import Workflow
from crossrun.store import pattern_vectors
from crossrun.store.pattern_writing import entry_of

_CURRENT = (
    "SELECT p.*, v.workflow FROM patterns p"
    " JOIN pattern_versions v ON v.pattern_id = p.id AND v.version = p.version WHERE p.id = ?"
)


def lacking(connection: sqlite3.Connection, encoder: str, *, limit: int) -> dict[str, list[str]]:
    """The texts of patterns that lack vectors of an encoder, by pattern.

    Args:
        connection: its rows are `sqlite3.Row`; reading is enough.
        encoder: its name.
        limit: so many patterns at most, those that changed last first.
    """
    texts: dict[str, list[str]] = {}
    for pattern_id in pattern_vectors.missing(connection, encoder, limit):
        row = connection.execute(_CURRENT, [pattern_id]).fetchone()
        if row is not None:
            workflow = msgspec.json.decode(row["workflow"], type=Workflow)
            texts[pattern_id] = pattern_vectors.texts_of(
                entry_of(connection, dict(row), workflow).task
            )
    return texts


def add_vectors(
    connection: sqlite3.Connection, encoder: str, vectors: Mapping[str, bytes], *, limit: int
) -> None:
    """Stores vectors by text, and which patterns have these texts by now.

    A pattern that has changed since the vectors were made gets none before the next time.

    Args:
        connection: within a transaction.
        encoder: the name of the one that made them.
        vectors: by text.
        limit: so many patterns at most, as before.
    """
    texts = lacking(connection, encoder, limit=limit)
    every = [text for lines in texts.values() for text in lines if text not in vectors]
    unknown = set(pattern_vectors.unknown_texts(connection, encoder, every))
    ready = {pattern_id: lines for pattern_id, lines in texts.items() if unknown.isdisjoint(lines)}
    used = {text for lines in ready.values() for text in lines}
    pattern_vectors.put(
        connection, encoder, ready, {text: vectors[text] for text in used if text in vectors}
    )
    pattern_vectors.drop_unused(connection)
