"""Evaluation on the store: all trials, judging a run's pattern when it ends, and uptake."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from crossrun.events import CommandRan, PatternJudged, RunStarted, decode
from crossrun.memory.adherence import share_carried_out
from crossrun.memory.blocks import ROOT_FILE
from crossrun.memory.experiment_evidence import experiment_trials
from crossrun.model.failures import FAILURES, Failure
from crossrun.model.runs import Decided, Run
from crossrun.model.status import Status
from crossrun.model.workflows import MemoryStats, Pattern
from crossrun.patterns.evaluation.credit import Credit, stats
from crossrun.patterns.evaluation.evidence import Evaluation
from crossrun.patterns.evaluation.kinds import KindsOfTasks
from crossrun.patterns.evaluation.lifecycle import (
    Transition,
    adopt_after_success,
    judge,
    unfollowed_injections,
)
from crossrun.patterns.evaluation.trials import Trial, is_conclusive, trial_of
from crossrun.patterns.evaluation.uptake import uptake
from crossrun.patterns.evaluation.verdicts import is_memory_proved, verdict_on_memory
from crossrun.patterns.formats.block import TRANSCRIPT
from crossrun.store import Store
from crossrun.system.clock import now

_MOST_COMMANDS = 500
_MOST_TRIALS = 10_000
_MOST_UPTAKES = 1_000


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
    if _is_in_experiment(store, run):
        yield _unjudged(pattern, share_followed, _uptake(store, run, pattern, decided))
        return
    trials = TrialLog(store, [ended])
    credit = trials.evaluation.credit(pattern.id)
    transition = _adopted(transition_of(pattern, trials), pattern, trials.of_run(run.id))
    yield PatternJudged(
        pattern_id=pattern.id,
        state=transition.state,
        before=transition.before,
        reason=transition.reason,
        stats=pattern.stats if credit is None else stats(credit),
        adherence=share_followed,
        uptake=_uptake(store, run, pattern, decided),
        memory=memory_stats(trials.evaluation.memory()),
    )


def _is_in_experiment(store: Store, run: Run) -> bool:
    started = store.read.first_event(run.id, RunStarted)
    return started is not None and started.request.memory.in_experiment


def _unjudged(
    pattern: Pattern, adherence: float | None, uptake: tuple[str, ...] | None
) -> PatternJudged:
    """What a run of an experiment says of its pattern, whose state it leaves as it is."""
    return PatternJudged(
        pattern_id=pattern.id,
        state=pattern.state,
        before=pattern.state,
        reason=pattern.reason,
        stats=pattern.stats,
        adherence=adherence,
        uptake=uptake,
    )


class TrialLog:
    """All trials of a store, and what they show.

    Args:
        store: the ledger.
        new: runs that end now and are not in the ledger as such yet.
        sequences: see `Evaluation`.
    """

    def __init__(self, store: Store, new: Sequence[Run] = (), *, sequences: bool = False) -> None:
        decided = reversed(store.read.decided(of=None, limit=_MOST_TRIALS))
        kinds = KindsOfTasks()
        trials = [trial for run in (*decided, *new) if (trial := _trial(run, kinds)) is not None]
        paired = experiment_trials(store, kinds)
        ids = {trial.run_id for trial in paired}
        self._trials = [*(trial for trial in trials if trial.run_id not in ids), *paired]
        self.evaluation = Evaluation(self._trials, sequences=sequences)

    def of(self, pattern_id: str) -> list[Trial]:
        """The trials of one pattern, in order of time."""
        return [trial for trial in self._trials if trial.pattern_id == pattern_id]

    def of_run(self, run_id: str) -> Trial | None:
        """The trial that a run is."""
        return next((trial for trial in self._trials if trial.run_id == run_id), None)


def memory_stats(credit: Credit | None) -> MemoryStats | None:
    """The credit of all patterns together in the form that events and lists have."""
    if credit is None:
        return None
    figures = stats(credit)
    return MemoryStats(
        runs_with=figures.runs_with,
        runs_without=figures.runs_without,
        lift=figures.lift,
        lift_interval=figures.lift_interval,
        p_hurt=figures.p_hurt,
        proved=is_memory_proved(credit),
        verdict=verdict_on_memory(credit),
    )


def _trial(run: Run, kinds: KindsOfTasks) -> Trial | None:
    return trial_of(run, kinds.of(run.task_type, run.task)) if is_conclusive(run) else None


def transition_of(pattern: Pattern, trials: TrialLog) -> Transition:
    """The state of a pattern by all trials; what is disabled stays so, and keeps its reason."""
    if pattern.state == "disabled" and pattern.reason:
        return Transition(pattern.state, pattern.reason, pattern.state)
    return judge(
        pattern.state,
        trials.evaluation.credit(pattern.id),
        kept_by_user=pattern.kept_by_user,
        unfollowed=unfollowed_injections(trials.of(pattern.id), pattern.hash),
    )


def _adopted(transition: Transition, pattern: Pattern, trial: Trial | None) -> Transition:
    if pattern.own or trial is None:
        return transition
    return adopt_after_success(transition, trial)


class UptakeCount(Struct, frozen=True):
    """How often agents used the files that came with a pattern.

    `runs` had files; `used` of them read or ran some; `files` maps each path to its number of runs.
    """

    runs: int = 0
    used: int = 0
    files: dict[str, int] = {}


def count_uptake(store: Store, pattern_id: str) -> UptakeCount:
    """How often agents used a pattern's files, in its newest runs by agents."""
    runs = store.read.decided(of=pattern_id, limit=_MOST_UPTAKES)
    decisions = [run.pattern for run in runs if run.pattern and not run.pattern.compiled]
    uptakes = [decided.uptake for decided in decisions if decided.uptake is not None]
    files = Counter(path for paths in uptakes for path in paths)
    return UptakeCount(len(uptakes), sum(map(bool, uptakes)), dict(files.most_common()))


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
