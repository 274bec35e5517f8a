"""Evaluation on the store: judging a run's pattern when it ends, credits, and uptake."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from crossrun.events import CommandRan, PatternJudged, decode
from crossrun.memory.adherence import share_carried_out
from crossrun.memory.blocks import ROOT_FILE
from crossrun.model.failures import FAILURES, Failure
from crossrun.model.runs import Decided, Run
from crossrun.model.status import Status
from crossrun.model.workflows import Pattern
from crossrun.patterns.evaluation.evidence import (
    LEAST_WITH,
    LEAST_WITHOUT,
    Credit,
    Trial,
    credits_of,
    stats,
)
from crossrun.patterns.evaluation.lifecycle import adopt_after_success, judge
from crossrun.patterns.evaluation.trials import trial_of
from crossrun.patterns.evaluation.uptake import uptake
from crossrun.patterns.formats.block import TRANSCRIPT
from crossrun.store import Store
from crossrun.system.clock import now

_MOST_COMMANDS = 500
_MOST_TRIALS = 1_000
_OTHERS = 200
"""Runs of other patterns that inform a judgement; more cost time and change little."""


def judge_pattern(store: Store, run: Run, failure: Failure | None) -> Iterator[PatternJudged]:
    """The state of the run's pattern with this run counted, if the run had a decision on one."""
    decided = run.pattern
    if decided is None or decided.pattern_id is None:
        return
    pattern = store.patterns.find(decided.pattern_id)
    if pattern is None:
        return
    share_followed = None
    if decided.decision != "withheld":
        share_followed = share_carried_out(store, run, pattern, decided.version)
    ended = replace(
        run,
        status=Status.SUCCEEDED if failure is None else Status(FAILURES[failure.code][0]),
        failure=failure,
        ended_at=now(),
        pattern=replace(decided, adherence=share_followed),
    )
    trial = trial_of(ended)
    credit = credit_of(store, pattern.id, [] if trial is None else [trial])
    transition = judge(pattern.state, credit, kept_by_user=pattern.kept_by_user)
    if not pattern.own and trial is not None:
        transition = adopt_after_success(transition, trial)
    yield PatternJudged(
        pattern_id=pattern.id,
        state=transition.state,
        before=transition.before,
        reason=transition.reason,
        stats=pattern.stats if credit is None else stats(credit),
        adherence=share_followed,
        uptake=_uptake(store, run, pattern, decided),
    )


def credit_of(store: Store, pattern_id: str, new: Sequence[Trial] = ()) -> Credit | None:
    """The credit of one pattern. Runs of others inform it once it has enough runs for an estimate.

    Args:
        store: the ledger.
        pattern_id: the pattern.
        new: trials that are not in the ledger yet.
    """
    own = [*_trials(store.read.decided(of=pattern_id, limit=_MOST_TRIALS)), *new]
    if not own:
        return None
    with_it = sum(trial.injected for trial in own)
    if with_it < LEAST_WITH or len(own) - with_it < LEAST_WITHOUT:
        return credits_of(own)[pattern_id]
    others = _trials(store.read.decided(of=None, limit=_OTHERS + len(own)))
    others = [trial for trial in others if trial.pattern_id != pattern_id][:_OTHERS]
    return credits_of([*own, *others])[pattern_id]


class UptakeCount(Struct, frozen=True):
    """How often agents used the files that came with a pattern.

    `runs` had files; `used` of them read or ran some; `files` maps each path to its number of runs.
    """

    runs: int = 0
    used: int = 0
    files: dict[str, int] = {}


def count_uptake(store: Store, pattern_id: str) -> UptakeCount:
    """How often agents used a pattern's files, in its newest runs by agents."""
    runs = store.read.decided(of=pattern_id, limit=_MOST_TRIALS)
    decisions = [run.pattern for run in runs if run.pattern and not run.pattern.compiled]
    uptakes = [decided.uptake for decided in decisions if decided.uptake is not None]
    files = Counter(path for paths in uptakes for path in paths)
    return UptakeCount(len(uptakes), sum(map(bool, uptakes)), dict(files.most_common()))


def credits_by_pattern(store: Store) -> dict[str, Credit]:
    """The credit of all patterns with recent decisions."""
    return credits_of(_trials(store.read.decided(of=None, limit=2 * _MOST_TRIALS)))


def _trials(runs: Iterable[Run]) -> list[Trial]:
    return list(filter(None, map(trial_of, runs)))


def _uptake(store: Store, run: Run, pattern: Pattern, decided: Decided) -> tuple[str, ...] | None:
    """Which of the pattern's files the agent's commands read or ran; None: it had no files."""
    if decided.folder is None:
        return None
    versions = store.patterns.versions(pattern.id)
    files = [f.path for v in versions if v.version == decided.version for f in v.workflow.files]
    commands = (
        event.command
        for stored in store.read.events(run.id, types=["command_ran"])
        if isinstance(event := decode(stored.body), CommandRan)
    )
    return uptake(decided.folder, [*files, ROOT_FILE, TRANSCRIPT], islice(commands, _MOST_COMMANDS))
