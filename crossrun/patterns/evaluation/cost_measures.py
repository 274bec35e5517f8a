"""What runs cost, measure by measure: the change that a pattern makes, and whether it is dear."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from crossrun.patterns.evaluation.cost_effects import CostEstimate, CostRun, CostRuns
from crossrun.patterns.evaluation.cost_outcomes import cost_outcomes, margin, relative
from crossrun.patterns.evaluation.credit import Effect, NotEnough
from crossrun.patterns.evaluation.estimates import LEVEL
from crossrun.patterns.evaluation.trials import Trial

DEARER = 0.5
"""A pattern is dear if it takes more than half as much again, at no more success."""
_MOST_FAILURES = 20
"""More failed commands in one run count as so many."""

MEASURES: Mapping[str, Callable[[Trial], float | None]] = {
    "failed_commands": lambda trial: trial.failed_commands,
    "turns": lambda trial: trial.turns,
    "tokens": lambda trial: trial.tokens,
    "cost": lambda trial: None if trial.cost is None else 1e6 * trial.cost,
    "seconds": lambda trial: None if trial.seconds is None else 1e3 * trial.seconds,
}
"""In units of which a run takes many, so that the logarithm of one more is that of the value."""
_DEAR = ("failed_commands", "tokens", "cost", "seconds")
"""The measures that may put a pattern into quarantine."""


class Measure(NamedTuple):
    """One measure of one pattern; `e_dearer` is None if it decides nothing."""

    effect: Effect | NotEnough
    e_dearer: float | None


def measured(trials: Sequence[Trial], name: str) -> Measure:
    """A measure over trials that a coin decided, in order of time."""
    values = [(trial, value) for trial in trials if (value := MEASURES[name](trial)) is not None]
    outcomes = cost_outcomes((trial.block, value) for trial, value in values)
    runs = CostRuns(_cost_run(trial, y) for (trial, _), y in zip(values, outcomes, strict=True))
    dearer = runs.e_value_of_rise(beyond=margin(DEARER)) if values and name in _DEAR else None
    if name == "failed_commands":
        counted = CostRuns(_cost_run(t, min(1.0, value / _MOST_FAILURES)) for t, value in values)
        estimate = counted.estimated(level=LEVEL)
        effect = _effect(estimate, lambda change: change * _MOST_FAILURES)
    else:
        effect = _effect(runs.estimated(level=LEVEL), relative)
    return Measure(effect, dearer)


def _cost_run(trial: Trial, outcome: float) -> CostRun:
    return CostRun(trial.injected, trial.injection_probability, outcome)


def _effect(estimate: CostEstimate | None, unit: Callable[[float], float]) -> Effect | NotEnough:
    if estimate is None:
        return NotEnough("not enough evidence yet: not measured in runs of both kinds")
    low, high = estimate.interval
    return Effect(round(unit(estimate.mean), 4), (round(unit(low), 4), round(unit(high), 4)))
