"""Writing patterns: what follows from a run's events, and what the user says."""

import sqlite3
from typing import Literal, cast

import msgspec
from sqlmodel import Session, col, delete, func, select

from crossrun.errors import NotFoundError
from crossrun.events import EventRecord, PatternJudged, PatternLearned
from crossrun.model.workflows import Pattern, State, Stats, Version, Workflow
from crossrun.patterns.choosing.entries import entry_of
from crossrun.store import pattern_index
from crossrun.store.tables import PatternRow, SourceRow, VersionRow

_NEW = "Not enough evidence yet: no run was eligible."


def project(session: Session, recorded: EventRecord) -> None:
    """Stores what an event says about patterns, if it does."""
    match recorded.event:
        case PatternLearned() as learned:
            _learn(session, recorded, learned)
        case PatternJudged() as judged:
            _judge(session, recorded, judged)
        case _:
            pass


def _learn(session: Session, recorded: EventRecord, learned: PatternLearned) -> None:
    """Numbers are given here: other runs and the user may have come in between."""
    row = session.get(PatternRow, learned.pattern_id)
    if row is None and learned.made_by != "run":
        return  # the user has removed it in the meantime
    row = row or _new(recorded, learned)
    current = session.get(VersionRow, (row.id, row.version))
    by_user = current is not None and current.made_by == "user"
    if learned.made_by is not None and not by_user:
        current = VersionRow(
            pattern_id=row.id,
            version=_last(session, row.id) + 1,
            hash=learned.hash,
            rules_hash=learned.rules_hash,
            made_by=learned.made_by,
            run_id=recorded.run_id,
            at=recorded.at,
            workflow=_json(learned.workflow),
        )
        row.version = current.version
    elif current is not None and current.hash == learned.hash:
        current.workflow = _json(learned.workflow)  # the same words, with more evidence
    for source in _sources(recorded, learned):
        session.merge(source)
    row.updated_at = recorded.at
    row.task = learned.trace.task if learned.trace else row.task
    session.add(row)
    if current is not None:
        session.add(current)
        _put(session, row, msgspec.json.decode(current.workflow, type=Workflow))


def _new(recorded: EventRecord, learned: PatternLearned) -> PatternRow:
    return PatternRow(
        id=learned.pattern_id,
        family_id=learned.family_id,
        version=0,
        state="candidate",
        reason=_NEW,
        own=True,
        kept_by_user=False,
        project_id=learned.project_id,
        task_type=learned.task_type,
        task="",
        created_at=recorded.at,
        updated_at=recorded.at,
        stats=_json(Stats()),
    )


def _last(session: Session, pattern_id: str) -> int:
    """The number of the newest version."""
    numbers = select(func.max(VersionRow.version)).where(VersionRow.pattern_id == pattern_id)
    return session.exec(numbers).one() or 0


def _sources(recorded: EventRecord, learned: PatternLearned) -> list[SourceRow]:
    """What runs add: this one its trace, failed ones their cautions."""
    sources = [
        SourceRow(
            pattern_id=learned.pattern_id,
            run_id=caution.run_id,
            at=recorded.at,
            lesson="caution",
            trace=None,
            caution=caution.text,
        )
        for caution in learned.cautions
    ]
    if learned.trace is not None:
        sources.append(
            SourceRow(
                pattern_id=learned.pattern_id,
                run_id=recorded.run_id,
                at=recorded.at,
                lesson="workflow",
                trace=_json(learned.trace),
                caution=None,
            )
        )
    return sources


def _judge(session: Session, recorded: EventRecord, judged: PatternJudged) -> None:
    row = session.get(PatternRow, judged.pattern_id)
    if row is None:
        return  # the user has removed it in the meantime
    row.state, row.reason, row.stats = judged.state, judged.reason, _json(judged.stats)
    row.updated_at = max(row.updated_at, recorded.at)
    session.add(row)


class PatternSession:
    """What the user may do to patterns, within one transaction.

    Methods that change a pattern raise NotFoundError when it is not there any more.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, pattern: Pattern, *, made_by: Literal["user", "import"]) -> None:
        """Stores a pattern with the version that it has; one that is there already stays."""
        if self._session.get(PatternRow, pattern.id) is not None:
            return
        values = msgspec.structs.asdict(pattern)
        row = PatternRow(
            **{name: values[name] for name in PatternRow.model_fields if name != "stats"},
            stats=_json(pattern.stats),
        )
        version = Version(
            pattern_id=pattern.id,
            version=pattern.version,
            hash=pattern.hash,
            rules_hash=pattern.hash,
            made_by=made_by,
            run_id=None,
            at=pattern.created_at,
            workflow=pattern.workflow,
        )
        self._store(row, version)

    def add_version(
        self, version: Version, *, task: str | None = None, task_type: str | None = None
    ) -> None:
        """Stores a new version, from now on the current one, and what it is for if that is new.

        It gets the next number, whatever it has: others may have come since it was begun.
        """
        row = self._row(version.pattern_id)
        row.version, row.updated_at = _last(self._session, row.id) + 1, version.at
        row.task, row.task_type = task or row.task, task_type or row.task_type
        self._store(row, msgspec.structs.replace(version, version=row.version))

    def set_state(self, pattern_id: str, state: State, reason: str, *, kept: bool, at: str) -> None:
        """The user's own word about where a pattern stands."""
        row = self._row(pattern_id)
        row.state, row.reason, row.kept_by_user, row.updated_at = state, reason, kept, at
        self._session.add(row)

    def remove(self, pattern_id: str) -> None:
        """Forgets a pattern and all its versions. What runs say of it stays in the log."""
        self._session.delete(self._row(pattern_id))
        for table in (VersionRow, SourceRow):
            self._session.execute(delete(table).where(col(table.pattern_id) == pattern_id))
        pattern_index.remove(_raw(self._session), [pattern_id])

    def _store(self, row: PatternRow, version: Version) -> None:
        values = msgspec.structs.asdict(version)
        self._session.add(VersionRow(**{**values, "workflow": _json(version.workflow)}))
        self._session.add(row)
        _put(self._session, row, version.workflow)

    def _row(self, pattern_id: str) -> PatternRow:
        row = self._session.get(PatternRow, pattern_id)
        if row is None:
            raise NotFoundError(
                "PATTERN_NOT_FOUND",
                f"the pattern {pattern_id} was removed in the meantime",
                hint="list them: crossrun patterns",
            )
        return row


def _put(session: Session, row: PatternRow, workflow: Workflow) -> None:
    entry = entry_of(row.id, row.task, workflow, task_type=row.task_type, project_id=row.project_id)
    pattern_index.put(_raw(session), [entry])


def _raw(session: Session) -> sqlite3.Connection:
    return cast("sqlite3.Connection", session.connection().connection.driver_connection)


def _json(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()
