"""The credit of each pattern: its effect on runs, from runs with it and runs without it.

A pattern's success rate says nothing by itself, since it depends on how hard the tasks are. Runs
count only if a coin decided whether the pattern was injected (`holdout`). They are compared within
blocks (`Trial.block`), and a run whose agent ignored the pattern counts on neither side. See
`success_model` for success and `cost_effects` for the other measures; both shrink a pattern's
effect towards that of its family and of all patterns.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import NormalDist

from msgspec import Struct

from crossrun.model.workflows import Stats
from crossrun.patterns.evaluation.cost_effects import Measurement, cost_effects
from crossrun.patterns.evaluation.success_model import BlockCounts, LiftPosterior, posteriors

LEVEL = 0.90
"""The coverage of the intervals."""
LEAST_WITH = 5
LEAST_WITHOUT = 3
FOLLOWED = 0.34
"""Adherence from which on an agent followed a pattern: about a third of its steps."""


class Conditions(Struct, frozen=True, order=True):
    """What else affects the outcome of a run. "" if unknown, so that conditions can be compared."""

    agent: str = ""
    agent_version: str = ""
    model: str = ""
    channel: str = ""
    """How the pattern was sent to the agent, or would have been."""


class Trial(Struct, frozen=True, kw_only=True):
    """One run that was eligible for one pattern; None means unknown.

    `probability` is that of the decision: of injecting the pattern in a run with it, of withholding
    it in a run without it. It is 1 if the user or a setting decided.
    """

    run_id: str
    pattern_id: str
    family_id: str
    version: str
    """Hash of the pattern's text."""
    task: str
    """Tasks of about the same difficulty: the same task, its family, or its stratum."""
    injected: bool
    probability: float
    succeeded: bool
    failed_commands: int | None = None
    turns: int | None = None
    tokens: int | None = None
    seconds: float | None = None
    adherence: float | None = None
    conditions: Conditions = Conditions()

    @property
    def chosen_by_coin(self) -> bool:
        """Whether a coin decided; other runs cannot be compared."""
        return 0 < self.probability < 1

    @property
    def ignored(self) -> bool:
        """Whether the agent got the pattern and did not follow it."""
        return self.injected and self.adherence is not None and self.adherence < FOLLOWED

    @property
    def share_withheld(self) -> float:
        """The probability with which the pattern was withheld."""
        return round(1 - self.probability if self.injected else self.probability, 4)

    @property
    def block(self) -> str:
        """The block of the run: runs in one block are compared directly.

        They have the same task, agent, version, model, channel and probability. The probability
        changes over time, and so may the tasks.
        """
        of = self.conditions
        parts = (
            self.task, of.agent, of.agent_version, of.model, of.channel, str(self.share_withheld)
        )  # fmt: skip
        return "\0".join(parts)


class NotEnough(Struct, frozen=True):
    """Not enough evidence yet, and why."""

    reason: str


class Lift(Struct, frozen=True):
    """The change in the probability of success, in points of 1.

    `p_hurt`: the probability that the pattern lowers success (beyond `success_model.HARM_MARGIN`).
    """

    mean: float
    interval: tuple[float, float]
    p_hurt: float


class Effect(Struct, frozen=True):
    """A change that the pattern makes, with its interval.

    For failed commands, a number per run; otherwise relative: -.3 is 30% less.
    """

    mean: float
    interval: tuple[float, float]


class Pooled(Struct, frozen=True):
    """Something that differed between the runs that a credit rests on."""

    what: str
    values: tuple[str, ...]


class Credit(Struct, frozen=True, kw_only=True):
    """What runs show about one pattern."""

    pattern_id: str
    family_id: str
    runs_with: int
    """Runs that are compared: a coin decided, and the agent followed the pattern if it had it."""
    runs_without: int
    succeeded_with: int
    succeeded_without: int
    ignored: int
    """Runs that had the pattern and whose agent did not follow it."""
    chosen: int
    """Runs in which the user or a setting decided; they cannot be compared."""
    adherence: float | None
    """Mean over all runs that had the pattern."""
    success: Lift | NotEnough
    failed_commands: Effect | NotEnough
    turns: Effect | NotEnough
    tokens: Effect | NotEnough
    seconds: Effect | NotEnough
    pooled: tuple[Pooled, ...] = ()


def credits_of(trials: Iterable[Trial]) -> dict[str, Credit]:
    """The credit of each pattern. Pass all trials of a store: patterns inform each other."""
    by_pattern: dict[str, list[Trial]] = {}
    for trial in sorted(trials, key=lambda t: (t.pattern_id, t.run_id)):
        by_pattern.setdefault(trial.pattern_id, []).append(trial)
    families = {pattern: of_it[-1].family_id for pattern, of_it in by_pattern.items()}
    compared = {p: [t for t in of_it if _counts(t)] for p, of_it in by_pattern.items()}
    lifts = posteriors({p: _block_counts(ts) for p, ts in compared.items() if ts}, families)
    effects = {name: _cost_effects(compared, families, value) for name, value in _MEASURES.items()}
    return {
        pattern: _credit(
            of_it,
            compared[pattern],
            lifts.get(pattern),
            {name: effect.get(pattern) for name, effect in effects.items()},
        )
        for pattern, of_it in by_pattern.items()
    }


def stats(credit: Credit) -> Stats:
    """The credit in the form that `patterns show --json` has."""
    match credit.success:
        case NotEnough():
            return Stats(credit.runs_with, credit.runs_without)
        case Lift(mean, interval, p_hurt):
            return Stats(credit.runs_with, credit.runs_without, mean, interval, p_hurt)


def _counts(trial: Trial) -> bool:
    return trial.chosen_by_coin and not trial.ignored


def _credit(
    trials: Sequence[Trial],
    compared: Sequence[Trial],
    lift: LiftPosterior | None,
    effects: Mapping[str, NormalDist | None],
) -> Credit:
    on = [t for t in compared if t.injected]
    off = [t for t in compared if not t.injected]
    adherences = [t.adherence for t in trials if t.injected and t.adherence is not None]
    missing = _missing(trials, len(on), len(off))
    measures = {name: missing or _effect(name, effect) for name, effect in effects.items()}
    return Credit(
        pattern_id=trials[0].pattern_id,
        family_id=trials[-1].family_id,
        runs_with=len(on),
        runs_without=len(off),
        succeeded_with=sum(t.succeeded for t in on),
        succeeded_without=sum(t.succeeded for t in off),
        ignored=sum(t.ignored and t.chosen_by_coin for t in trials),
        chosen=sum(not t.chosen_by_coin for t in trials),
        adherence=round(sum(adherences) / len(adherences), 4) if adherences else None,
        success=missing or _lift(lift),
        failed_commands=measures["failed_commands"],
        turns=measures["turns"],
        tokens=measures["tokens"],
        seconds=measures["seconds"],
        pooled=_pooled(compared),
    )


def _missing(trials: Sequence[Trial], on: int, off: int) -> NotEnough | None:
    if on >= LEAST_WITH and off >= LEAST_WITHOUT:
        return None
    ignored = sum(t.ignored and t.chosen_by_coin for t in trials)
    chosen = sum(not t.chosen_by_coin for t in trials)
    asides = [
        f"; in {ignored} more the agent ignored it" * bool(ignored),
        f"; in {chosen} more it was not left to chance" * bool(chosen),
    ]
    return NotEnough(
        f"not enough evidence yet: {on} run{'' if on == 1 else 's'} with it and {off} without, it"
        " takes at least "
        f"{LEAST_WITH} and {LEAST_WITHOUT}{''.join(asides)}"
    )


def _lift(posterior: LiftPosterior | None) -> Lift | NotEnough:
    if posterior is None:
        return NotEnough("not enough evidence yet")
    tail = (1 - LEVEL) / 2
    return Lift(
        round(posterior.mean, 4),
        (round(posterior.quantile(tail), 4), round(posterior.quantile(1 - tail), 4)),
        round(posterior.p_hurt, 4),
    )


def _effect(name: str, posterior: NormalDist | None) -> Effect | NotEnough:
    if posterior is None:
        return NotEnough("not enough evidence yet: not measured in runs of both kinds")
    reach = NormalDist().inv_cdf((1 + LEVEL) / 2) * posterior.stdev
    values = [posterior.mean, posterior.mean - reach, posterior.mean + reach]
    if name in _RELATIVE:
        values = [math.expm1(min(value, 700)) for value in values]
    mean, low, high = (round(value, 4) for value in values)
    return Effect(mean, (low, high))


def _block_counts(trials: Iterable[Trial]) -> dict[str, BlockCounts]:
    counts: dict[str, BlockCounts] = {}
    for t in trials:
        without, without_ok, on, on_ok = counts.get(t.block, (0, 0, 0, 0))
        counts[t.block] = (
            BlockCounts(without, without_ok, on + 1, on_ok + t.succeeded)
            if t.injected
            else BlockCounts(without + 1, without_ok + t.succeeded, on, on_ok)
        )
    return counts


def _cost_effects(
    compared: Mapping[str, Sequence[Trial]],
    families: Mapping[str, str],
    value: Callable[[Trial], float | None],
) -> dict[str, NormalDist]:
    measurements = {
        pattern: [
            Measurement(t.block, t.injected, measured)
            for t in trials
            if (measured := value(t)) is not None
        ]
        for pattern, trials in compared.items()
    }
    return cost_effects(measurements, families)


def _pooled(trials: Sequence[Trial]) -> tuple[Pooled, ...]:
    """What differed between the runs that were compared."""
    seen = {
        "version": {t.version for t in trials},
        "agent": {t.conditions.agent for t in trials},
        "agent_version": {t.conditions.agent_version for t in trials},
        "model": {t.conditions.model for t in trials},
        "channel": {t.conditions.channel for t in trials},
    }
    return tuple(Pooled(what, tuple(sorted(v))) for what, v in seen.items() if len(v) > 1)


def _log(value: float | None) -> float | None:
    return None if value is None else math.log(max(value, 1e-3))


_RELATIVE = {"turns", "tokens", "seconds"}
_MEASURES: dict[str, Callable[[Trial], float | None]] = {
    "failed_commands": lambda t: t.failed_commands,
    "turns": lambda t: _log(t.turns),
    "tokens": lambda t: _log(t.tokens),
    "seconds": lambda t: _log(t.seconds),
}
