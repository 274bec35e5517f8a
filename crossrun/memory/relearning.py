"""Rebuilding: learning all patterns again from the ledger, and what that changes.

The runs are learned in their order, in an empty scratch store. The user's changes stay: edited
versions, states, removed patterns, and runs placed by split or merge. So do traces of runs whose
events or files are gone. A pattern that disappears has an heir, the pattern with most of its runs:
its decisions count for the heir from then on.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from crossrun.errors import CrossrunError
from crossrun.events import EventRecord
from crossrun.memory.learning import Learner
from crossrun.memory.regrouping import columns
from crossrun.memory.vectors import encode_patterns
from crossrun.model.queries import PatternFilter, RunFilter
from crossrun.model.runs import Run
from crossrun.model.status import Status
from crossrun.model.workflows import Caution, Pattern, Trace, Version
from crossrun.patterns.learning.families import Belonging
from crossrun.store import Store
from crossrun.store.pattern_regrouping import PatternGroup, Regrouping, StoredLesson
from crossrun.store.pattern_writing import project, put_in_index
from crossrun.store.statements import PATTERN_VERSIONS, PATTERNS

_ALL = 1_000_000_000
LearnerOf = Callable[[str], Learner]
"""Learns runs of a task type."""


class PatternChange(msgspec.Struct, frozen=True, kw_only=True):
    """How one pattern changes. `heir_id`: the pattern that a disappearing one is merged into."""

    what: Literal["new", "changed", "gone"]
    pattern_id: str
    summary: str
    runs_added: tuple[str, ...] = ()
    runs_removed: tuple[str, ...] = ()
    new_version: bool = False
    heir_id: str | None = None


class RebuildDifference(msgspec.Struct, frozen=True, kw_only=True):
    """What rebuilding changes. `before` and `after` are numbers of patterns."""

    before: int
    after: int
    runs: int
    changes: tuple[PatternChange, ...]


class Relearned(NamedTuple):
    """A prepared change, and what it was prepared from."""

    difference: RebuildDifference
    change: Regrouping
    lessons: Sequence[StoredLesson]


class _Task(NamedTuple):
    """A run to learn again; `stored` is its lesson so far."""

    at: str
    run: Run
    stored: StoredLesson | None


def relearn(
    store: Store,
    scratch: Store,
    *,
    database: Path,
    learner_of: LearnerOf,
    nothing_new: bool = False,
) -> Relearned:
    """Learns all runs again and compares the result with the store.

    Args:
        store: the ledger, which is only read.
        scratch: an empty store with the current schema, in which the patterns are learned.
        database: its file.
        learner_of: learns from the ledger, beside the patterns of `scratch`.
        nothing_new: only runs that have taught something are learned again.
    """
    lessons = store.patterns.lessons()
    given = [p for p in _patterns(store) if not p.own]
    connection = sqlite3.connect(database, isolation_level=None)
    connection.row_factory = sqlite3.Row
    learned = 0
    try:
        for task in _tasks(store, lessons, nothing_new=nothing_new):
            while given and given[0].created_at <= task.at:
                _copy(connection, store, given.pop(0))
            encode_patterns(scratch)
            learned += _learn(connection, store, scratch, task, learner_of)
        for pattern in given:
            _copy(connection, store, pattern)
    finally:
        connection.close()
    change, changes = _compared(store, scratch, lessons)
    difference = RebuildDifference(
        before=len(_patterns(store)),
        after=len(_patterns(store)) + sum(_COUNTS[change.what] for change in changes),
        runs=learned,
        changes=tuple(changes),
    )
    return Relearned(difference, change, lessons)


_COUNTS = {"new": 1, "gone": -1, "changed": 0}


def _patterns(store: Store) -> list[Pattern]:
    patterns = store.patterns.patterns(PatternFilter(limit=_ALL))
    return sorted(patterns, key=lambda pattern: (pattern.created_at, pattern.id))


def _tasks(store: Store, lessons: Sequence[StoredLesson], *, nothing_new: bool) -> list[_Task]:
    """The runs that teach something, in order.

    Without those whose pattern the user removed, and those whose lesson nobody has accepted.
    """
    by_run = {lesson.run_id: lesson for lesson in lessons}
    runs = {run.id: run for run in store.read.runs(RunFilter(limit=_ALL))}
    unseen = store.reviews.not_accepted()
    tasks = []
    for run in runs.values():
        stored = by_run.get(run.id)
        if stored is None and (nothing_new or run.imported_from or run.id in unseen):
            continue
        if run.ended and (stored is not None or not _was_removed(store, run)):
            tasks.append(_Task(stored.at if stored else run.ended_at or "", run, stored))
    for lesson in lessons:
        pattern = None if lesson.run_id in runs else store.patterns.find(lesson.pattern_id)
        if pattern is not None:
            tasks.append(_Task(lesson.at, _forgotten_run(lesson, pattern), lesson))
    return sorted(tasks, key=lambda task: (task.at, task.run.id))


def _was_removed(store: Store, run: Run) -> bool:
    """Whether the user removed the pattern that the run taught."""
    learned = run.learned_pattern_id
    return learned is not None and store.patterns.find(learned) is None


def _forgotten_run(lesson: StoredLesson, pattern: Pattern) -> Run:
    """A stand-in for a run that is gone from the ledger."""
    return Run(
        id=lesson.run_id,
        project_id=pattern.project_id,
        name=None,
        task=pattern.task,
        task_type=pattern.task_type,
        tags=(),
        status=Status.SUCCEEDED if lesson.trace else Status.FAILED,
        exit_code=None,
        created_at=lesson.at,
        started_at=None,
        ended_at=lesson.at,
        workspace="",
        executor="",
        planner="",
        model=None,
        planner_model=None,
        executor_version=None,
        crossrun_version="",
    )


def _learn(
    connection: sqlite3.Connection,
    store: Store,
    scratch: Store,
    task: _Task,
    learner_of: LearnerOf,
) -> bool:
    learner = learner_of(task.run.task_type)
    material = _material(learner, task)
    if material is None:
        return False
    pattern_id = store.patterns.placements().get(task.run.id)
    placed = None
    if pattern_id is not None:
        present = scratch.patterns.find(pattern_id)
        placed = Belonging(pattern_id, present.family_id if present else pattern_id)
    learned = learner.learned(task.run, material, placed=placed)
    if learned is None:
        return False
    connection.execute("BEGIN IMMEDIATE")
    project(connection, EventRecord(run_id=task.run.id, seq=0, at=task.at, event=learned))
    connection.execute("COMMIT")
    return True


def _material(learner: Learner, task: _Task) -> Trace | Caution | None:
    """What a run teaches by the current rules, or its stored lesson if its events are gone."""
    stored = task.stored
    old = msgspec.json.decode(stored.trace, type=Trace) if stored and stored.trace else None
    caution = Caution(task.run.id, stored.caution) if stored and stored.caution else None
    try:
        material = learner.material(task.run, task.run.failure) if _teaches(task.run) else None
    except (CrossrunError, ValueError, LookupError):
        material = None
    if not isinstance(material, Trace) or old is None:
        return material or old or caution
    return msgspec.structs.replace(
        material,
        files=material.files or old.files,
        words=material.words or old.words,
        facts=material.facts or old.facts,
    )


def _teaches(run: Run) -> bool:
    return bool(run.workspace or run.imported_from) and run.status in (
        Status.SUCCEEDED,
        Status.FAILED,
    )


def _copy(connection: sqlite3.Connection, store: Store, pattern: Pattern) -> None:
    """Copies a pattern that does not come from runs."""
    row = columns(pattern, at=pattern.updated_at)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(PATTERNS.upsert, row)
    for version in store.patterns.versions(pattern.id):
        connection.execute(PATTERN_VERSIONS.upsert, _version_row(version))
    put_in_index(connection, row, pattern.workflow)
    connection.execute("COMMIT")


def _version_row(version: Version) -> dict[str, Any]:
    row = msgspec.structs.asdict(version)
    return {**row, "workflow": msgspec.json.encode(version.workflow).decode()}


# what differs


def _compared(
    store: Store, scratch: Store, before: Sequence[StoredLesson]
) -> tuple[Regrouping, list[PatternChange]]:
    old = {pattern.id: pattern for pattern in _patterns(store)}
    new = {pattern.id: pattern for pattern in _patterns(scratch)}
    old_lessons, new_lessons = _by_pattern(before), _by_pattern(scratch.patterns.lessons())
    heirs = dict(_heirs(old, new, old_lessons, new_lessons))
    groups, changes = [], []
    for pattern_id, pattern in new.items():
        former = [old[gone] for gone, heir in heirs.items() if heir == pattern_id]
        group, new_version = _group(store, scratch, old.get(pattern_id), pattern, former)
        lessons = new_lessons.get(pattern_id, ())
        if pattern_id in old and not new_version and lessons == old_lessons.get(pattern_id, ()):
            continue
        groups.append(msgspec.structs.replace(group, lessons=lessons))
        added, removed = _moved(old_lessons.get(pattern_id, ()), lessons)
        changes.append(
            PatternChange(
                what="changed" if pattern_id in old else "new",
                pattern_id=pattern_id,
                summary=(pattern if new_version else old.get(pattern_id, pattern)).workflow.summary,
                runs_added=added,
                runs_removed=removed,
                new_version=new_version,
            )
        )
    changes += [
        PatternChange(
            what="gone", pattern_id=gone, summary=old[gone].workflow.summary, heir_id=heir
        )
        for gone, heir in heirs.items()
    ]
    return Regrouping(groups=tuple(groups), heirs=heirs, contents=_contents(scratch)), changes


def _by_pattern(lessons: Sequence[StoredLesson]) -> dict[str, tuple[StoredLesson, ...]]:
    by_pattern: dict[str, list[StoredLesson]] = defaultdict(list)
    for lesson in lessons:
        by_pattern[lesson.pattern_id].append(lesson)
    return {pattern_id: tuple(lessons) for pattern_id, lessons in by_pattern.items()}


def _heirs(
    old: dict[str, Pattern],
    new: dict[str, Pattern],
    old_lessons: dict[str, tuple[StoredLesson, ...]],
    new_lessons: dict[str, tuple[StoredLesson, ...]],
) -> Iterator[tuple[str, str]]:
    """For each pattern that disappears, the pattern with most of its runs."""
    places = {
        lesson.run_id: pattern_id
        for pattern_id, lessons in new_lessons.items()
        for lesson in lessons
        if lesson.trace
    }
    for pattern_id in old.keys() - new.keys():
        runs = [lesson.run_id for lesson in old_lessons.get(pattern_id, ()) if lesson.trace]
        shares = Counter(places[run] for run in runs if run in places)
        if shares:
            yield pattern_id, min(shares, key=lambda heir: (-shares[heir], heir))


def _group(
    store: Store, scratch: Store, old: Pattern | None, new: Pattern, former: Sequence[Pattern]
) -> tuple[PatternGroup, bool]:
    """The pattern as it will be stored, and whether its workflow changes."""
    if old is None:
        heritage = max(former, key=lambda pattern: len(pattern.source_run_ids), default=None)
        row = columns(new, at=new.updated_at) | {"version": 0}
        if heritage is not None:
            inherited = columns(heritage, at=new.updated_at)
            row |= {name: inherited[name] for name in ("state", "reason", "kept_by_user", "stats")}
    else:
        row = columns(old, at=new.updated_at) | {"family_id": new.family_id}
    edited = next(
        (
            version
            for pattern in ([old] if old else former)
            for version in [_current(store, pattern)]
            if version.made_by == "user"
        ),
        None,
    )
    if edited is not None and old is None:
        version = msgspec.structs.replace(edited, pattern_id=new.id, version=0)
        return PatternGroup(pattern=row, lessons=(), version=version), True
    if edited is not None or not new.own:
        return PatternGroup(pattern=row, lessons=()), False
    made = _current(scratch, new)
    if old is not None and made.rules_hash == _current(store, old).rules_hash:
        return PatternGroup(pattern=row, lessons=()), False
    return PatternGroup(pattern=row, lessons=(), version=made), True


def _current(store: Store, pattern: Pattern) -> Version:
    versions = store.patterns.versions(pattern.id)
    return next(version for version in versions if version.version == pattern.version)


def _moved(
    before: Sequence[StoredLesson], after: Sequence[StoredLesson]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The runs that were added and removed."""
    old, new = ([lesson.run_id for lesson in lessons] for lessons in (before, after))
    return (
        tuple(run for run in new if run not in set(old)),
        tuple(run for run in old if run not in set(new)),
    )


def _contents(scratch: Store) -> dict[str, bytes]:
    hashes = {
        file.sha256
        for pattern in _patterns(scratch)
        for trace in scratch.patterns.traces(pattern.id, newest=_ALL)
        for file in trace.files
    }
    return scratch.patterns.contents(sorted(hashes))
