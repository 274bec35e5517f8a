"""Moving runs between patterns at the user's request: split and merge.

The user's placement of a run is stored, and rebuilding the patterns respects it. A merge can be
split again: the pattern with the same first run gets back its id, its versions and its decisions.
"""

from collections.abc import Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from crossrun.errors import ConfigurationError, NotFoundError, UsageError
from crossrun.memory.evaluation import TrialLog, transition_of
from crossrun.memory.learning import new_pattern_id
from crossrun.memory.selection import QUICKSTART
from crossrun.model.workflows import Pattern, Stats, Trace, Version
from crossrun.patterns.evaluation.credit import stats
from crossrun.patterns.formats.fingerprints import fingerprint, without_examples
from crossrun.patterns.learning import workflow_of
from crossrun.store import Store
from crossrun.store.pattern_regrouping import PatternGroup, Regrouping, StoredLesson
from crossrun.store.statements import PATTERNS

if TYPE_CHECKING:
    from crossrun.store.user_changes import PatternSession

_TRACES = 50
_CAUTIONS = 10


def split(store: Store, pattern: Pattern, run_ids: Sequence[str], *, at: str) -> str:
    """Makes a separate pattern of some of a pattern's runs; returns its id.

    Raises:
        CrossrunError: the runs are not runs of the pattern, or are all of them; nothing is changed.
    """
    lessons = store.patterns.lessons()
    own = [lesson for lesson in lessons if lesson.pattern_id == pattern.id]
    _require_runs(pattern, own, run_ids)
    moved = [lesson for lesson in own if lesson.run_id in run_ids]
    stays = [lesson for lesson in own if lesson.run_id not in run_ids]
    if not any(lesson.trace for lesson in stays) and pattern.own:
        raise UsageError(
            "SPLIT_ALL",
            f"these are all the runs of {pattern.id}: nothing would be left of it",
            hint="name only some of its runs",
        )
    first = next((lesson for lesson in moved if lesson.trace), None)
    if first is None:
        raise UsageError(
            "SPLIT_FAILED_RUNS",
            "all of these runs failed; a pattern needs runs that succeeded",
            hint=f"name runs that succeeded: {', '.join(_taught(own))}",
        )
    new_id = new_pattern_id(first.run_id, store.patterns)
    new = new_pattern(pattern, new_id, new_id, task_of(first), first.at)
    new["version"] = max((v.version for v in store.patterns.versions(new_id)), default=0)
    change = Regrouping(
        groups=(
            group(store, columns(pattern, at=at), stays, at=at, keeps=not pattern.own),
            group(store, new, [moved_to(lesson, new_id) for lesson in moved], at=at),
        ),
        placements={lesson.run_id: new_id for lesson in moved}
        | {lesson.run_id: pattern.id for lesson in stays},
    )
    _carry_out(store, change, lessons)
    judge_again(store, [pattern.id, new_id], at=at)
    return new_id


def merge(store: Store, pattern: Pattern, other: Pattern, *, at: str) -> None:
    """Moves all runs of `other` to `pattern`, and removes `other`.

    Raises:
        CrossrunError: they cannot be merged; nothing is changed.
    """
    if pattern.id == other.id:
        raise UsageError("MERGE_SAME", f"{pattern.id} is named twice", hint="name two patterns")
    if (pattern.project_id == QUICKSTART) != (other.project_id == QUICKSTART):
        raise UsageError(
            "MERGE_QUICKSTART",
            "patterns from the quickstart are for practice and stay separate from all others",
            hint="remove the one you do not need: crossrun patterns rm",
        )
    lessons = store.patterns.lessons()
    runs = [lesson for lesson in lessons if lesson.pattern_id in (pattern.id, other.id)]
    if not any(lesson.pattern_id == other.id and lesson.trace for lesson in runs):
        raise UsageError(
            "MERGE_NO_RUNS",
            f"no run taught {other.id}: there is nothing that could go into {pattern.id}",
            hint=f"disable it instead: crossrun patterns disable {other.id}",
        )
    moved = list({lesson.run_id: moved_to(lesson, pattern.id) for lesson in runs}.values())
    change = Regrouping(
        groups=(group(store, columns(pattern, at=at), moved, at=at, keeps=not pattern.own),),
        heirs={other.id: pattern.id},
        placements={lesson.run_id: pattern.id for lesson in moved},
    )
    _carry_out(store, change, lessons)
    judge_again(store, [pattern.id], at=at)


def group(
    store: Store,
    pattern: dict[str, Any],
    lessons: Sequence[StoredLesson],
    *,
    at: str,
    keeps: bool = False,
) -> PatternGroup:
    """A pattern with these runs, and the workflow that is learned from them.

    Args:
        store: the ledger.
        pattern: columns of `patterns`.
        lessons: its runs.
        at: the time of the change.
        keeps: whether its workflow stays as it is, since it was edited or imported.
    """
    versions = store.patterns.versions(pattern["id"])
    current = next((v for v in versions if v.version == pattern["version"]), None)
    traces = [msgspec.json.decode(lesson.trace, type=Trace) for lesson in lessons if lesson.trace]
    if keeps or not traces or (current is not None and current.made_by == "user"):
        return PatternGroup(pattern=pattern, lessons=tuple(lessons))
    cautions = [lesson.caution for lesson in lessons if lesson.caution][-_CAUTIONS:]
    workflow = workflow_of(traces[-_TRACES:], cautions)
    version = Version(
        pattern_id=pattern["id"],
        version=0,
        hash=fingerprint(workflow),
        rules_hash=without_examples(workflow),
        made_by="merge" if len(traces) > 1 else "run",
        run_id=lessons[-1].run_id,
        at=at,
        workflow=workflow,
    )
    return PatternGroup(pattern=pattern, lessons=tuple(lessons), version=version)


def columns(pattern: Pattern, *, at: str) -> dict[str, Any]:
    """The columns of an existing pattern."""
    values = msgspec.structs.asdict(pattern)
    row = {name: values[name] for name in PATTERNS.columns}
    return {**row, "updated_at": at, "stats": msgspec.json.encode(pattern.stats).decode()}


def new_pattern(like: Pattern, new_id: str, family_id: str, task: str, at: str) -> dict[str, Any]:
    """The columns of a new pattern with the type and project of another."""
    return {
        **columns(like, at=at),
        "id": new_id,
        "family_id": family_id,
        "version": 0,
        "state": "candidate",
        "reason": "Not enough evidence yet: no run was eligible.",
        "own": True,
        "kept_by_user": False,
        "task": task,
        "created_at": at,
        "stats": msgspec.json.encode(Stats()).decode(),
    }


def moved_to(lesson: StoredLesson, pattern_id: str) -> StoredLesson:
    """A run's lesson, moved to another pattern."""
    return msgspec.structs.replace(lesson, pattern_id=pattern_id)


def task_of(lesson: StoredLesson) -> str:
    """The task of a run that succeeded."""
    return msgspec.json.decode(lesson.trace or "{}", type=Trace).task


def _require_runs(
    pattern: Pattern, lessons: Sequence[StoredLesson], run_ids: Collection[str]
) -> None:
    present = {lesson.run_id for lesson in lessons}
    missing = [run_id for run_id in run_ids if run_id not in present]
    if missing:
        raise NotFoundError(
            "RUN_NOT_IN_PATTERN",
            f"the run {missing[0]} added nothing to {pattern.id}",
            hint=f"its runs: {', '.join(_taught(lessons)) or 'none'}",
        )


def _taught(lessons: Sequence[StoredLesson]) -> list[str]:
    return [lesson.run_id for lesson in lessons if lesson.trace][-8:]


def _carry_out(store: Store, change: Regrouping, lessons: Sequence[StoredLesson]) -> None:
    done = store.change_patterns(lambda patterns: patterns.regroup(change, unless_changed=lessons))
    if not done:
        raise ConfigurationError(
            "PATTERNS_CHANGED",
            "a run has learned something in the meantime; nothing was changed",
            hint="run the command again",
        )


def judge_again(store: Store, pattern_ids: Sequence[str], *, at: str) -> None:
    """Gives patterns the state that what was decided on them says now."""
    trials = TrialLog(store)
    for pattern in filter(None, map(store.patterns.find, pattern_ids)):
        credit = trials.evaluation.credit(pattern.id)
        transition = transition_of(pattern, trials)
        new = transition.state, transition.reason, Stats() if credit is None else stats(credit)
        if new != (pattern.state, pattern.reason, pattern.stats):
            store.change_patterns(
                partial(_judged, pattern_id=pattern.id, judgement=new, at=at),
            )


def _judged(
    patterns: "PatternSession", *, pattern_id: str, judgement: tuple[str, str, Stats], at: str
) -> None:
    patterns.set_judgement(pattern_id, *judgement, at=at)
