"""Reading batches. What their rows became is read from the runs, so nothing can disagree."""

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from crossrun.errors import NotFoundError
from crossrun.store.access import ReadAccess

if TYPE_CHECKING:
    from crossrun.model.batches import Batch
    from crossrun.store.locks import RunLocks

_ROWS = (
    "SELECT p.number, p.name, p.request, p.after, p.from_row, p.labels, p.is_cancelled,"
    " CASE WHEN r.batch_attempt IS NULL OR r.batch_attempt <= p.attempt AND p.failure IS NOT NULL"
    "  THEN p.run_id ELSE r.id END AS run_id,"
    " CASE WHEN r.batch_attempt IS NULL OR r.batch_attempt <= p.attempt AND p.failure IS NOT NULL"
    "  THEN p.status ELSE r.status END AS status,"
    " CASE WHEN r.batch_attempt > p.attempt THEN NULL ELSE p.failure END AS failure,"
    " max(coalesce(r.batch_attempt, 0), p.attempt) AS attempt"
    " FROM batch_rows p LEFT JOIN runs r ON r.batch_id = p.batch_id AND r.batch_row = p.number"
    " AND r.batch_attempt = (SELECT max(batch_attempt) FROM runs"
    "  WHERE batch_id = p.batch_id AND batch_row = p.number)"
    " WHERE p.batch_id = ? ORDER BY p.number"
)
_NEWEST = "ORDER BY rowid DESC LIMIT ?"
A_KIND = {"batch": "a batch", "attempts": "attempts", "experiment": "an experiment"}
_MOST_NEAR = 6
LAST = "last"


class PlannedRow(NamedTuple):
    """A row of a batch without its request; `may_begin`: a run may still begin for it."""

    batch_id: str
    number: int
    labels: dict[str, str]
    may_begin: bool


class BatchReader:
    """Reads the batches of a store."""

    def __init__(self, access: ReadAccess, locks: "RunLocks") -> None:
        self._access = access
        self._locks = locks

    def batch(self, reference: str = LAST, *, kind: str | None = None) -> "Batch":
        """The batch with an id, with an id that begins like this, or the `last` one.

        Args:
            reference: which batch.
            kind: only batches of this kind; None: any.

        Raises:
            NotFoundError: no batch matches, or more than one.
        """
        return self._batch(self.id_of(reference, kind=kind))

    def id_of(self, reference: str, *, kind: str | None = None) -> str:
        """The id of a batch; see `batch`.

        Raises:
            NotFoundError: no batch matches, or more than one.
        """
        ids = self._matching(reference, kind)
        if len(ids) == 1:
            return ids[0]
        raise _not_found(reference, ids, kind or "batch", self.kind_of(reference))

    def batches(self, *, kind: str | None = None, limit: int = 50) -> "list[Batch]":
        """The newest batches, with their rows."""
        return [self._batch(batch_id) for batch_id in self._newest(kind, limit)]

    def count(self, *, kind: str | None = None) -> int:
        """How many batches there are."""
        sql = "SELECT count(*) FROM batches WHERE ? IS NULL OR kind = ?"
        rows = self._access.rows(sql, [kind, kind])
        return int(rows[0][0]) if rows else 0

    def kind_of(self, batch_id: str) -> str | None:
        """The kind of the batch with an id; None if it is not stored."""
        rows = self._access.rows("SELECT kind FROM batches WHERE id = ?", [batch_id])
        return str(rows[0]["kind"]) if rows else None

    def of_origin(self, origin: str, task: str | None) -> "Batch | None":
        """The newest batch whose rows come from a place and share a task."""
        rows = self._access.rows(
            "SELECT id FROM batches WHERE json_extract(design, '$.origin') = ?"
            " AND json_extract(design, '$.task') IS ? ORDER BY rowid DESC LIMIT 1",
            [origin, task],
        )
        return self._batch(str(rows[0]["id"])) if rows else None

    def designs(self, kind: str) -> "dict[str, dict[str, Any]]":
        """The designs of all batches of a kind, by their ids, the oldest first."""
        sql = "SELECT id, design FROM batches WHERE kind = ? ORDER BY rowid"
        return {str(row["id"]): json.loads(row["design"]) for row in self._access.rows(sql, [kind])}

    def planned_rows(self, kind: str) -> list[PlannedRow]:
        """What the rows of all batches of a kind are for, in their order, without requests."""
        rows = self._access.rows(
            "SELECT p.batch_id, p.number, p.labels,"
            " b.ended_at IS NULL AND NOT p.is_cancelled AND p.failure IS NULL AS may_begin"
            " FROM batches b JOIN batch_rows p ON p.batch_id = b.id WHERE b.kind = ?"
            " ORDER BY b.rowid, p.number",
            [kind],
        )
        return [
            PlannedRow(
                row["batch_id"], row["number"], json.loads(row["labels"]), bool(row["may_begin"])
            )
            for row in rows
        ]

    def is_active(self, batch_id: str) -> bool:
        """Whether a process carries a batch out.

        A batch that has no state and is not active was interrupted.
        """
        return self._locks.is_held(batch_id)

    def used(self, batch_id: str) -> tuple[int, float]:
        """The tokens that all runs of a batch have used so far, and what they cost, if known."""
        rows = self._access.rows(
            "SELECT coalesce(sum(json_extract(tokens, '$.input')), 0)"
            " + coalesce(sum(json_extract(tokens, '$.output')), 0), coalesce(sum(cost), 0.0)"
            " FROM runs WHERE batch_id = ?",
            [batch_id],
        )
        return (int(rows[0][0]), float(rows[0][1])) if rows else (0, 0.0)

    def exit_codes(self, batch_id: str) -> dict[str, int]:
        """The exit codes of the runs of a batch that have ended, by their ids."""
        sql = "SELECT id, exit_code FROM runs WHERE batch_id = ? AND exit_code IS NOT NULL"
        return {str(row["id"]): int(row["exit_code"]) for row in self._access.rows(sql, [batch_id])}

    def _matching(self, reference: str, kind: str | None) -> list[str]:
        if reference == LAST:
            return self._newest(kind, 1)
        rows = self._access.rows(
            "SELECT id FROM batches WHERE (id = ? OR (id >= ? AND id < ? || char(0x10ffff)))"
            " AND (? IS NULL OR kind = ?) ORDER BY id = ? DESC LIMIT ?",
            [reference, reference, reference, kind, kind, reference, _MOST_NEAR],
        )
        ids = [str(row["id"]) for row in rows]
        return [reference] if reference in ids else ids

    def _newest(self, kind: str | None, limit: int) -> list[str]:
        sql = f"SELECT id FROM batches WHERE ? IS NULL OR kind = ? {_NEWEST}"  # noqa: S608  ours
        return [str(row["id"]) for row in self._access.rows(sql, [kind, kind, limit])]

    def _batch(self, batch_id: str) -> "Batch":
        from crossrun.store.batch_rows import batch_of

        row = self._access.rows("SELECT * FROM batches WHERE id = ?", [batch_id])[0]
        rows = self._access.rows(_ROWS, [batch_id])
        with self._access.making_sense(f"the batch {batch_id!r}"):
            return batch_of(row, rows)


def _not_found(reference: str, ids: list[str], kind: str, other: str | None) -> NotFoundError:
    """The error for a reference that fits none or several; `other`: what it is an id of instead."""
    if ids:
        return NotFoundError(
            "BATCH_AMBIGUOUS",
            f"{reference!r} is the beginning of several ids: {', '.join(ids)}",
            hint="give more characters of the id",
        )
    no_such = "there are no attempts" if kind == "attempts" else f"there is no {kind}"
    message = f"{no_such} yet" if reference == LAST else f"{no_such} {reference!r}"
    hint = f"list them: crossrun {kind} list"
    if reference == LAST:
        hint = f"see how to start one: crossrun {kind} --help"
    if other is not None:
        hint = f"{reference} is the id of {A_KIND[other]}: crossrun {other} show {reference}"
    return NotFoundError("BATCH_NOT_FOUND", message, hint=hint)
