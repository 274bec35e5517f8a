"""The reading side: plain SQL on a read-only connection, frozen values out.

Looking never locks, never writes, and starts fast: nothing heavy is imported here.
"""

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from crossrun.errors import NotFoundError
from crossrun.model.queries import RunFilter, RunLine, StoredEvent
from crossrun.model.status import Status
from crossrun.store.access import ReadAccess, fitting

if TYPE_CHECKING:
    from crossrun.events import BaseEvent
    from crossrun.model.runs import Application, Artifact, Project, Run

EventType = TypeVar("EventType", bound="BaseEvent")
LAST = "last"
_DECIDED = (
    "SELECT id, project_id, name, substr(task, 1, 400) AS task, task_type, '[]' AS tags, status,"
    " exit_code,"
    " created_at, started_at, ended_at, '' AS workspace, executor, planner, model, planner_model,"
    " executor_version, crossrun_version, tokens, cost,"
    " NULL AS answer, NULL AS changes, verify, failure, redactions, runs.pattern_id,"
    " json_set(pattern, '$.pattern_id', coalesce(heir_id, json_extract(pattern, '$.pattern_id')),"
    "  '$.family_id', CASE WHEN heir_id IS NULL THEN json_extract(pattern, '$.family_id')"
    "   ELSE (SELECT family_id FROM patterns WHERE patterns.id = heir_id) END,"
    "  '$.with_check', CASE WHEN json_extract(pattern, '$.with_check') IS NULL THEN"
    "   json((SELECT iif(json_extract(body, '$.request.verify') IS NULL, 'false', 'true')"
    "    FROM events WHERE run_id = runs.id AND seq = 1))"
    "   ELSE json(iif(json_extract(pattern, '$.with_check'), 'true', 'false')) END) AS pattern,"
    " NULL AS source, NULL AS commits,"
    " learned_pattern_id, turns, commands, failed_commands, duration_s,"
    " proof, batch_id, batch_row, batch_attempt, template, imported_from, note, applied"
    " FROM runs LEFT JOIN pattern_heirs ON pattern_heirs.pattern_id = runs.pattern_id"
)
"""With the patterns that count now, where others became a part of them, and with what older
versions recorded in the request only."""
LINE_COLUMNS = (
    "id, project_id, name, substr(task, 1, 2000), status, exit_code, created_at,"
    " started_at, ended_at,"
    " json_extract(tokens, '$.input') + json_extract(tokens, '$.output'),"
    " pattern_id, json_extract(pattern, '$.decision'), learned_pattern_id, duration_s,"
    " json_extract(proof, '$.grade'), note IS NOT NULL, json_extract(failure, '$.code')"
)
"""The columns of a `RunLine`."""
_NEWEST = "ORDER BY runs.rowid DESC LIMIT ?"
"""By the order in which runs were recorded: clocks are set back."""
_COMPARED = 1_000
"""So many runs, the newest, are compared with an id that does not exist."""
_BATCH_SIZE = 262_144
"""Characters of events read at once: the store is not kept open while somebody reads the output."""


class Reader:
    """Reads runs, their events and artifacts, and projects."""

    def __init__(self, access: ReadAccess) -> None:
        self._access = access
        self._rows = access.rows
        self._made = access.made

    def runs(self, wanted: RunFilter) -> "list[Run]":
        """Whole runs, the newest first."""
        return self._made(_run, *_chosen("*", wanted))

    def lines(self, wanted: RunFilter) -> list[RunLine]:
        """What a list shows of runs, the newest first."""
        return self._made(line_of, *_chosen(LINE_COLUMNS, wanted))

    def count(self, wanted: RunFilter) -> int:
        """How many runs there are, without regard to the limit."""
        sql, values = _chosen("count(*)", wanted._replace(limit=1))
        return sum(row[0] for row in self._rows(sql, values))

    def run(self, reference: str, *, project_id: str | None = None) -> "Run":
        """The run with an id, with an id that begins like this, or the `last` one.

        Raises:
            NotFoundError: no run matches, or more than one; the message names the nearest.
        """
        if reference == LAST:
            newest = self.runs(RunFilter(project_id=project_id, limit=1))
            if newest:
                return newest[0]
            raise NotFoundError(
                "NO_RUNS", "there are no runs yet", hint='start one: crossrun run "your task"'
            )
        matches = self._with_prefix(reference)
        if len(matches) == 1:
            return matches[0]
        raise self._not_found(reference, [run.id for run in matches])

    def lineage(self, run: "Run") -> "list[Run]":
        """The runs that a run continues, the oldest first, and itself."""
        runs = [run]
        while (earlier := self._by_id(runs[0].resumed_from)) is not None:
            runs.insert(0, earlier)
        return runs

    def ancestry(self, run: "Run") -> "Iterator[Run]":
        """A run and those whose work it has in its workspace, the nearest first."""
        each: Run | None = run
        while each is not None:
            yield each
            original = self._by_id(each.retry_of)
            repeated = each.retry_of if original and original.workspace == each.workspace else None
            each = self._by_id(each.resumed_from or each.from_run_id or repeated)

    def built_on(self, run_ids: Collection[str]) -> list[tuple[str, str]]:
        """The runs that continue one of these or began with a clone of it, each with that one."""
        import json

        sql = (
            "SELECT id, coalesce(resumed_from, from_run_id) AS needed FROM runs"
            " WHERE resumed_from IN (SELECT value FROM json_each(?1))"
            " OR from_run_id IN (SELECT value FROM json_each(?1)) ORDER BY rowid"
        )
        return [(row["id"], row["needed"]) for row in self._rows(sql, [json.dumps([*run_ids])])]

    def newest_in(self, workspace: str) -> "Run | None":
        """The run that a workspace belongs to."""
        which = "workspace = ? AND imported_from IS NULL"
        sql = f"SELECT * FROM runs WHERE {which} {_NEWEST}"  # noqa: S608  all of it is ours
        runs = self._made(_run, sql, [workspace, 1])
        return runs[0] if runs else None

    def decided(self, *, of: str | None, limit: int) -> "list[Run]":
        """The newest runs that ended and in which a pattern was decided on.

        Args:
            of: the pattern; None: any.
            limit: the largest number of runs. Answer, changes and the end of long tasks are left
                out.
        """
        which = "runs.pattern_id IS NOT NULL"
        if of is not None:
            which = (
                "runs.pattern_id IN"
                " (SELECT ? UNION SELECT pattern_id FROM pattern_heirs WHERE heir_id = ?)"
            )
        sql = f"{_DECIDED} WHERE {which} AND ended_at IS NOT NULL {_NEWEST}"
        return self._made(_run, sql, [*([] if of is None else [of, of]), limit])

    def decided_in_batches(self, kind: str) -> "list[Run]":
        """The runs that carry out batches of a kind, the oldest first; as short as `decided`."""
        of_kind = "batch_id IN (SELECT id FROM batches WHERE kind = ?)"
        return self._made(_run, f"{_DECIDED} WHERE {of_kind} ORDER BY runs.rowid", [kind])

    def unfinished(self) -> list[str]:
        """Ids of runs without an end."""
        return self._made(_id, "SELECT id FROM runs WHERE status IN ('queued', 'running')")

    def last_seq(self, run_id: str) -> int:
        """The number of a run's newest event; 0 if it has none."""
        rows = self._rows("SELECT max(seq) AS seq FROM events WHERE run_id = ?", [run_id])
        with self._access.making_sense(repr(run_id)):
            return int(rows[0]["seq"] or 0) if rows else 0

    def events(
        self, run_id: str, *, after: int = 0, types: Sequence[str] = ()
    ) -> Iterator[StoredEvent]:
        """A run's events in order, those with a higher number than `after`; in constant memory."""
        chosen = f"AND type IN ({', '.join('?' * len(types))})" if types else ""
        sql = (
            "SELECT run_id, seq, at, type, body FROM events "  # noqa: S608  placeholders only
            f"WHERE run_id = ? AND seq > ? {chosen} ORDER BY seq"
        )
        from crossrun.store.rows import event_of

        complete = False
        while not complete:
            values = [run_id, after, *types]
            rows, complete = self._access.first_rows(sql, values, size=_BATCH_SIZE)
            with self._access.making_sense(repr(run_id)):
                batch = [event_of(row) for row in rows]
                _require_order([after, *(event.seq for event in batch)], gapless=not types)
            yield from batch
            after = batch[-1].seq if batch else after

    def events_of(self, run_id: str, kind: type[EventType]) -> Iterator[EventType]:
        """A run's events of one type, except those with values that this version does not know."""
        from crossrun.events import decode

        for stored in self.events(run_id, types=[_type(kind)]):
            event = decode(stored.body)
            if isinstance(event, kind):
                yield event

    def first_event(self, run_id: str, kind: type[EventType]) -> EventType | None:
        """A run's first event of a type; None if there is none, or it has unknown values."""
        return self._outermost(run_id, kind, "ASC")

    def last_event(self, run_id: str, kind: type[EventType]) -> EventType | None:
        """A run's last event of a type; None if there is none, or it has unknown values."""
        return self._outermost(run_id, kind, "DESC")

    def _outermost(
        self, run_id: str, kind: type[EventType], order: Literal["ASC", "DESC"]
    ) -> EventType | None:
        from crossrun.events import decode
        from crossrun.store.rows import event_of

        sql = (
            "SELECT run_id, seq, at, type, body FROM events"  # noqa: S608  all of it is ours
            f" WHERE run_id = ? AND type = ? ORDER BY seq {order} LIMIT 1"
        )
        stored = self._made(event_of, sql, [run_id, _type(kind)])
        event = decode(stored[0].body) if stored else None
        return event if isinstance(event, kind) else None

    def artifacts(self, run_id: str) -> "list[Artifact]":
        """A run's artifacts in the order in which they were saved."""
        from crossrun.store.rows import artifact_of

        sql = "SELECT * FROM artifacts WHERE run_id = ? ORDER BY rowid"
        return self._made(artifact_of, sql, [run_id])

    def artifact(self, artifact_id: str) -> "Artifact":
        """The artifact of an id.

        Raises:
            NotFoundError: there is none.
        """
        from crossrun.store.rows import artifact_of

        artifacts = self._made(artifact_of, "SELECT * FROM artifacts WHERE id = ?", [artifact_id])
        if not artifacts:
            raise NotFoundError(
                "ARTIFACT_NOT_FOUND",
                f"there is no artifact {artifact_id!r}",
                hint="list those of the newest run: crossrun artifacts",
            )
        return artifacts[0]

    def applications(self, run_id: str) -> "list[Application]":
        """The applications of a run's change, the oldest first, undone ones included."""
        from crossrun.store.rows import application_of

        sql = "SELECT * FROM applications WHERE run_id = ? ORDER BY rowid"
        return self._made(application_of, sql, [run_id])

    def applications_in(self, folder: str) -> "list[Application]":
        """The applications to the files of a folder, the oldest first, undone ones included."""
        from crossrun.store.rows import application_of

        sql = "SELECT * FROM applications WHERE path = ? AND branch IS NULL ORDER BY rowid"
        return self._made(application_of, sql, [folder])

    def cut_short(self) -> "list[Application]":
        """Applications and undos that were interrupted or are in progress."""
        from crossrun.store.rows import application_of

        sql = (
            "SELECT * FROM applications WHERE branch IS NULL AND undone_at IS NULL"
            " AND (finished_at IS NULL OR undo_after IS NOT NULL) ORDER BY rowid"
        )
        return self._made(application_of, sql)

    def projects(self) -> "list[Project]":
        """All projects, the one used last first."""
        from crossrun.store.rows import project_of

        return self._made(
            project_of,
            "SELECT p.id, p.task_type, p.setup, p.notify, p.created_at,"
            " coalesce(n.runs, 0) AS runs, r.created_at AS last_run_at, n.newest"
            " FROM projects p LEFT JOIN (SELECT project_id, count(*) AS runs, max(rowid) AS newest"
            " FROM runs GROUP BY project_id) n ON n.project_id = p.id"
            " LEFT JOIN runs r ON r.rowid = n.newest ORDER BY n.newest DESC, p.id",
        )

    def project(self, project_id: str) -> "Project | None":
        """One project, or None when it has not begun."""
        return next((p for p in self.projects() if p.id == project_id), None)

    def find(self, run_id: str) -> "Run | None":
        """The run of an id, or None if it is not stored any longer."""
        return self._by_id(run_id)

    def _by_id(self, run_id: str | None) -> "Run | None":
        """None also if the record of the run was dropped."""
        runs = self._made(_run, "SELECT * FROM runs WHERE id = ?", [run_id])
        return runs[0] if runs else None

    def _with_prefix(self, reference: str) -> "list[Run]":
        exact = self._made(_run, "SELECT * FROM runs WHERE id = ?", [reference])
        if exact:
            return exact[:1]
        sql = (
            "SELECT * FROM runs WHERE id >= ? AND id < ? || char(0x10ffff)"
            " ORDER BY rowid DESC LIMIT 6"
        )
        return self._made(_run, sql, [reference, reference])

    def _batch_called(self, reference: str) -> NotFoundError | None:
        """The error for the id of a batch where that of a run belongs."""
        rows = self._access.rows("SELECT id, kind FROM batches WHERE id = ?", [reference])
        if not rows:
            return None
        from crossrun.store.batches import A_KIND

        batch_id, kind = rows[0]["id"], rows[0]["kind"]
        return NotFoundError(
            "RUN_NOT_FOUND",
            f"there is no run {batch_id!r}; it is the id of {A_KIND[kind]}",
            hint=f"crossrun {kind} show {batch_id} · follow it: crossrun batch watch {batch_id}"
            f" · its runs: crossrun runs --batch {batch_id}",
        )

    def _not_found(self, reference: str, matching: list[str]) -> NotFoundError:
        if matching:
            return NotFoundError(
                "RUN_AMBIGUOUS",
                f"{reference!r} matches more than one run: {', '.join(matching)}",
                hint="give more characters of the id",
            )
        if batch := self._batch_called(reference):
            return batch
        from crossrun.suggestions import ids_like

        ids = self._made(_id, f"SELECT id FROM runs {_NEWEST}", [_COMPARED])  # noqa: S608  ours
        hint = f"{ids_like(reference, ids)}list them: crossrun runs" if ids else ""
        return NotFoundError(
            "RUN_NOT_FOUND",
            f"there is no run {reference!r}",
            hint=hint or 'there are no runs yet; start one: crossrun run "your task"',
        )


def chosen_runs(wanted: RunFilter) -> tuple[str, list[Any]]:
    """The WHERE clause that chooses runs, with its values."""
    conditions, values = _conditions(wanted)
    return f"WHERE {' AND '.join(conditions)}" if conditions else "", values


def _chosen(columns: str, wanted: RunFilter) -> tuple[str, list[Any]]:
    where, values = chosen_runs(wanted)
    sql = f"SELECT {columns} FROM runs {where} {_NEWEST}"  # noqa: S608  all of it is ours
    return sql, [*values, wanted.limit or -1]


def _run(row: sqlite3.Row) -> "Run":
    from crossrun.store.rows import run_of

    return run_of(row)


def line_of(row: Sequence[Any]) -> RunLine:
    """The run of a row of `LINE_COLUMNS`."""
    line = RunLine(*row)
    return fitting(line._replace(status=Status(line.status)))


def _id(row: sqlite3.Row) -> str:
    run_id = row["id"]
    if not isinstance(run_id, str) or not run_id.isalnum():
        raise ValueError(f"{run_id!r} is not an id")
    return run_id


def _type(kind: "type[BaseEvent]") -> str:
    return str(kind.__struct_config__.tag)


def _require_order(numbers: Sequence[int], *, gapless: bool) -> None:
    for before, seq in pairwise(numbers):
        if seq <= before or (gapless and seq != before + 1):
            raise ValueError(f"after event {before} comes event {seq!r}")


def _conditions(wanted: RunFilter) -> tuple[list[str], list[Any]]:
    pairs = [
        ("project_id = ?", wanted.project_id),
        ("status = ?", wanted.status),
        ("task_type = ?", wanted.task_type),
        ("EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?)", wanted.tag),
        ("created_at >= ?", wanted.since),
        ("batch_id = ?", wanted.batch_id),
    ]
    conditions = [condition for condition, value in pairs if value is not None]
    values: list[Any] = [value for _, value in pairs if value is not None]
    listed = "id IN (SELECT value FROM json_each(?))"
    if wanted.search:
        pattern = "%" + wanted.search.replace("!", "!!").replace("%", "!%").replace("_", "!_") + "%"
        named = "(task || ' ' || coalesce(name, '') || ' ' || id) LIKE ? ESCAPE '!'"
        conditions.append(f"({named} OR {listed})")
        values += [pattern, json.dumps(wanted.ids or ())]
    elif wanted.ids is not None:
        conditions.append(listed)
        values.append(json.dumps(wanted.ids))
    return conditions, values
