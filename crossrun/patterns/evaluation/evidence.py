"""What runs say about patterns: the credit that each has earned.

A pattern is judged by the difference that it makes, never by how the runs went that it was in: that
would mix it up with the difficulty of its tasks. Runs count only where a coin decided whether the
pattern was injected (`holdout`), they are compared within blocks (`Trial.block`), and a run whose
agent ignored the pattern counts on neither side. See `difficulty` for success and `contrasts` for
the other measures; both shrink a pattern towards its family and towards all.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import NormalDist

from msgspec import Struct

from crossrun.model.workflows import Stats
from crossrun.patterns.evaluation.cost_effects import Measured, differences
from crossrun.patterns.evaluation.success_model import Belief, Tally, beliefs

LEVEL = 0.90
"""The share of intervals that hold the truth."""
LEAST_WITH = 5
LEAST_WITHOUT = 3
FOLLOWED = 0.34
"""Adherence from which a pattern had a part in a run: at least about a third of its steps."""


class Setting(Struct, frozen=True, order=True):
    """What else may decide how a run goes. Unknown is "" here, so that settings can be compared."""

    agent: str = ""
    agent_version: str = ""
    model: str = ""
    channel: str = ""
    """How a pattern was sent, or would have been."""


class Trial(Struct, frozen=True, kw_only=True):
    """One run that was eligible for one pattern. None: not known.

    `probability` is that of what was decided: of the injection in a run with the pattern, of the
    withholding in one without. 1 where the user or a switch decided.
    """

    run_id: str
    pattern_id: str
    family_id: str
    version: str
    """Hash of the pattern's text."""
    task: str
    """What is alike in difficulty: the same task, its family, or its stratum."""
    injected: bool
    probability: float
    succeeded: bool
    failed_commands: int | None = None
    turns: int | None = None
    tokens: int | None = None
    seconds: float | None = None
    adherence: float | None = None
    setting: Setting = Setting()

    @property
    def chosen_by_coin(self) -> bool:
        """Whether the run could have gone either way: only then it can be compared."""
        return 0 < self.probability < 1

    @property
    def ignored(self) -> bool:
        """Whether the agent was shown the pattern and went its own way."""
        return self.injected and self.adherence is not None and self.adherence < FOLLOWED

    @property
    def share_withheld(self) -> float:
        """The probability with which the pattern was withheld."""
        return round(1 - self.probability if self.injected else self.probability, 4)

    @property
    def block(self) -> str:
        """Runs of one block are compared directly.

        They have the same task, agent, version, model and channel, and were drawn with the same
        probability: as this changes in the course of time, so may the tasks.
        """
        s = self.setting
        parts = (self.task, s.agent, s.agent_version, s.model, s.channel, str(self.share_withheld))
        return "\0".join(parts)


class NotEnough(Struct, frozen=True):
    """Not enough evidence yet, and why."""

    reason: str


class Lift(Struct, frozen=True):
    """The change in the probability of success, in points of 1.

    `p_hurt`: the probability that the pattern lowers success (`difficulty.HAIR`).
    """

    mean: float
    interval: tuple[float, float]
    p_hurt: float


class Effect(Struct, frozen=True):
    """A change that the pattern makes, with its interval.

    Of failed commands, a number per run; of all else relative: -.3 is 30% less.
    """

    mean: float
    interval: tuple[float, float]


class Pooled(Struct, frozen=True):
    """Something that differed between the runs that a credit rests on."""

    what: str
    values: tuple[str, ...]


class Credit(Struct, frozen=True, kw_only=True):
    """What is known of one pattern's worth."""

    pattern_id: str
    family_id: str
    runs_with: int
    """Runs that are compared: a coin decided, and the agent followed the pattern if it had it."""
    runs_without: int
    succeeded_with: int
    succeeded_without: int
    ignored: int
    """Runs that had the pattern and whose agent went its own way."""
    chosen: int
    """Runs in which the user or a switch decided: they cannot be compared."""
    adherence: float | None
    """Mean over all runs that had the pattern."""
    success: Lift | NotEnough
    failed_commands: Effect | NotEnough
    turns: Effect | NotEnough
    tokens: Effect | NotEnough
    seconds: Effect | NotEnough
    pooled: tuple[Pooled, ...] = ()


def credits_of(trials: Iterable[Trial]) -> dict[str, Credit]:
    """The credit of each pattern. All trials of a store belong together: patterns inform others."""
    by_pattern: dict[str, list[Trial]] = {}
    for trial in sorted(trials, key=lambda t: (t.pattern_id, t.run_id)):
        by_pattern.setdefault(trial.pattern_id, []).append(trial)
    families = {pattern: their[-1].family_id for pattern, their in by_pattern.items()}
    compared = {p: [t for t in their if _counts(t)] for p, their in by_pattern.items()}
    lifts = beliefs({p: _tallies(their) for p, their in compared.items() if their}, families)
    effects = {name: _differences(compared, families, value) for name, value in _MEASURES.items()}
    return {
        pattern: _credit(
            their,
            compared[pattern],
            lifts.get(pattern),
            {name: known.get(pattern) for name, known in effects.items()},
        )
        for pattern, their in by_pattern.items()
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
    belief: Belief | None,
    effects: Mapping[str, NormalDist | None],
) -> Credit:
    on = [t for t in compared if t.injected]
    off = [t for t in compared if not t.injected]
    adherences = [t.adherence for t in trials if t.injected and t.adherence is not None]
    missing = _missing(trials, len(on), len(off))
    told = {name: missing or _effect(name, known) for name, known in effects.items()}
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
        success=missing or _lift(belief),
        failed_commands=told["failed_commands"],
        turns=told["turns"],
        tokens=told["tokens"],
        seconds=told["seconds"],
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


def _lift(belief: Belief | None) -> Lift | NotEnough:
    if belief is None:
        return NotEnough("not enough evidence yet")
    tail = (1 - LEVEL) / 2
    return Lift(
        round(belief.mean, 4),
        (round(belief.quantile(tail), 4), round(belief.quantile(1 - tail), 4)),
        round(belief.p_hurt, 4),
    )


def _effect(name: str, known: NormalDist | None) -> Effect | NotEnough:
    if known is None:
        return NotEnough("not enough evidence yet: not measured in runs of both kinds")
    reach = NormalDist().inv_cdf((1 + LEVEL) / 2) * known.stdev
    told = [known.mean, known.mean - reach, known.mean + reach]
    if name in _RELATIVE:
        told = [math.expm1(min(value, 700)) for value in told]
    mean, low, high = (round(value, 4) for value in told)
    return Effect(mean, (low, high))


def _tallies(trials: Iterable[Trial]) -> dict[str, Tally]:
    tallies: dict[str, Tally] = {}
    for t in trials:
        without, without_ok, on, on_ok = tallies.get(t.block, (0, 0, 0, 0))
        tallies[t.block] = (
            Tally(without, without_ok, on + 1, on_ok + t.succeeded)
            if t.injected
            else Tally(without + 1, without_ok + t.succeeded, on, on_ok)
        )
    return tallies


def _differences(
    compared: Mapping[str, Sequence[Trial]],
    families: Mapping[str, str],
    value: Callable[[Trial], float | None],
) -> dict[str, NormalDist]:
    measured = {
        pattern: [
            Measured(t.block, t.injected, known) for t in trials if (known := value(t)) is not None
        ]
        for pattern, trials in compared.items()
    }
    return differences(measured, families)


def _pooled(trials: Sequence[Trial]) -> tuple[Pooled, ...]:
    """All that differed between runs that were put together."""
    seen = {
        "version": {t.version for t in trials},
        "agent": {t.setting.agent for t in trials},
        "agent_version": {t.setting.agent_version for t in trials},
        "model": {t.setting.model for t in trials},
        "channel": {t.setting.channel for t in trials},
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
