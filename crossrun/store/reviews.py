"""What runs taught that nobody has looked at yet: it touches no pattern until it is accepted."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, NamedTuple

from crossrun.errors import NotFoundError
from crossrun.store.access import ReadAccess
from crossrun.system.clock import now

if TYPE_CHECKING:
    from crossrun.events import PatternLearned
    from crossrun.model.workflows import Workflow
    from crossrun.store.writing import StoreWriter


class WaitingLesson(NamedTuple):
    """What a run taught, as it waits: `learned` is what it would be by itself."""

    run_id: str
    at: str
    learned: "PatternLearned"


class ReviewLedger:
    """Lessons that wait, and what the user decides about them.

    Args:
        access: reads the store.
        writing: opens it for writing.
    """

    def __init__(
        self,
        access: ReadAccess,
        writing: "Callable[[], AbstractContextManager[StoreWriter]]",
    ) -> None:
        self._access = access
        self._writing = writing

    def count(self) -> int:
        """How many lessons wait."""
        rows = self._access.rows(
            "SELECT count(*) AS waiting FROM pattern_reviews WHERE state = 'waiting'"
        )
        return int(rows[0]["waiting"]) if rows else 0

    def waiting(self, run_ids: Sequence[str] = (), *, limit: int = -1) -> list[WaitingLesson]:
        """The lessons that wait, the oldest first: those of some runs, or all of them."""
        chosen = f"AND run_id IN ({', '.join('?' * len(run_ids))})" if run_ids else ""
        sql = (
            "SELECT run_id, at, learned FROM pattern_reviews"  # noqa: S608  placeholders only
            f" WHERE state = 'waiting' {chosen} ORDER BY at, run_id LIMIT ?"
        )
        return self._access.made(_lesson, sql, [*run_ids, limit])

    def state(self, run_id: str) -> str | None:
        """What became of a run's lesson; None if none was put aside."""
        rows = self._access.rows("SELECT state FROM pattern_reviews WHERE run_id = ?", [run_id])
        return rows[0]["state"] if rows else None

    def not_accepted(self) -> set[str]:
        """The runs whose lessons wait or were dropped."""
        rows = self._access.rows("SELECT run_id FROM pattern_reviews WHERE state != 'accepted'")
        return {row["run_id"] for row in rows}

    def waiting_like(self, reference: str) -> list[str]:
        """The runs with waiting lessons whose ids begin like this."""
        rows = self._access.rows(
            "SELECT run_id FROM pattern_reviews WHERE state = 'waiting'"
            " AND run_id >= ? AND run_id < ? || char(0x10ffff) ORDER BY run_id LIMIT 6",
            [reference, reference],
        )
        return [row["run_id"] for row in rows]

    def accept(
        self, run_id: str, learned: "PatternLearned", *, edited: "Workflow | None" = None
    ) -> None:
        """Stores what a lesson teaches, in the user's words if there are some.

        Args:
            run_id: the run that taught it.
            learned: what comes of it beside all that is stored.
            edited: the workflow as the user wants it; None: as learned.

        Raises:
            NotFoundError: it does not wait any longer; nothing was changed.
        """
        with self._writing() as writer, writer.transaction() as connection:
            _accept(connection, run_id, learned, edited=edited, at=now())

    def drop(self, run_ids: Sequence[str]) -> None:
        """Decides that lessons are not to be learned: all of them or none.

        Raises:
            NotFoundError: one does not wait any longer; nothing was changed.
        """
        with self._writing() as writer, writer.transaction() as connection:
            for run_id in run_ids:
                _decide(connection, run_id, "dropped", now())


def _lesson(row: sqlite3.Row) -> WaitingLesson:
    import msgspec

    from crossrun.events import PatternLearned

    learned = msgspec.json.decode(row["learned"], type=PatternLearned)
    return WaitingLesson(row["run_id"], row["at"], learned)


def _accept(
    connection: sqlite3.Connection,
    run_id: str,
    learned: "PatternLearned",
    *,
    edited: "Workflow | None",
    at: str,
) -> None:
    from crossrun.events import EventRecord
    from crossrun.store.pattern_writing import project, replace_words

    _decide(connection, run_id, "accepted", at)
    project(connection, EventRecord(run_id=run_id, seq=0, at=at, event=learned))
    if edited is not None:
        replace_words(connection, learned.pattern_id, edited, at=at)
    if learned.lesson == "workflow":
        connection.execute(
            "UPDATE runs SET learned_pattern_id = ? WHERE id = ?", [learned.pattern_id, run_id]
        )


def _decide(connection: sqlite3.Connection, run_id: str, state: str, at: str) -> None:
    changed = connection.execute(
        "UPDATE pattern_reviews SET state = ?, decided_at = ?"
        " WHERE run_id = ? AND state = 'waiting'",
        [state, at, run_id],
    )
    if not changed.rowcount:
        raise NotFoundError(
            "REVIEW_NOT_FOUND",
            f"no lesson of a run {run_id!r} waits for a review",
            hint="list what waits: crossrun patterns review",
        )
