"""The effect of a pattern from its scores: estimate, interval, and evidence for decisions."""

import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist
from typing import NamedTuple

from msgspec import Struct

from crossrun.inference.association import RandomisedRun, e_values, effect_sequence
from crossrun.inference.betting import BoundedValue, e_value_above, e_value_below
from crossrun.inference.proportions import Proportion, difference_interval
from crossrun.patterns.evaluation.scores import Score

LEVEL = 0.90
"""The coverage of the intervals."""
DOUBT = 0.4
"""How many runs the spread of coin tosses weighs that is assumed before any run."""
_QUANTILE = NormalDist().inv_cdf((1 + LEVEL) / 2)


class Estimate(Struct, frozen=True):
    """The mean effect over the runs, in outcome (1 is 100 points).

    `interval` covers the true mean in about 90% of cases if the number of runs was fixed before; it
    must not decide when to stop (see `Evidence`). `standard_error` is that of a normal with an
    interval of this width.
    """

    mean: float
    interval: tuple[float, float]
    standard_error: float
    with_it: int
    without: int


class Evidence(Struct, frozen=True):
    """What may be looked at after every run.

    `hurts` and `helps` are e-values: with a pattern that never hurts, `hurts` ever reaches 20 with
    a probability of at most 5%. `interval` holds the effect after all runs at once with a
    probability of 90% (see `effect_sequence`). It is wider than that of an `Estimate`, and below 0
    exactly when `hurts` is above 20.
    """

    hurts: float
    helps: float
    interval: tuple[float, float]


class FollowedEffect(Struct, frozen=True):
    """The effect in runs whose agent followed the pattern; None where its interval is unbounded."""

    mean: float
    interval: tuple[float, float]


def estimate(scores: Sequence[Score]) -> Estimate:
    """The mean effect, from the first run on; the interval is wide while runs are few."""
    runs = [score.observation for score in scores]
    with_it = sum(run.injected for run in runs)
    counts = with_it, len(runs) - with_it
    if not all(counts):
        return _estimate(0.0, (-1.0, 1.0), counts)
    on = _arm(scores, [run.injected / run.probability for run in runs])
    off = _arm(scores, [(not run.injected) / (1 - run.probability) for run in runs])
    spread = _relative_spread(scores, on, off)
    interval = difference_interval(
        Proportion(on.outcome, on.runs / spread),
        Proportion(off.outcome, off.runs / spread),
        quantile=_QUANTILE,
    )
    return _estimate(on.outcome - off.outcome, interval, counts)


class _Arm(NamedTuple):
    """The runs with the pattern, or those without it, standing for all runs.

    `outcome` is the mean that all runs would have had, `runs` the number of equally weighted runs
    that would be as informative, and `surprise` how much better than expected they were.
    """

    outcome: float
    runs: float
    surprise: float


def _arm(scores: Sequence[Score], weights: Sequence[float]) -> _Arm:
    """Each run of the arm is weighted by the inverse probability of its being in it."""
    whole = math.fsum(weights)
    surprise = (
        math.fsum(
            weight * (score.observation.outcome - score.expected)
            for weight, score in zip(weights, scores, strict=True)
        )
        / whole
    )
    expected = math.fsum(score.expected for score in scores) / len(scores)
    runs = whole * whole / math.fsum(weight * weight for weight in weights)
    return _Arm(min(1.0, max(0.0, expected + surprise)), runs, surprise)


def _relative_spread(scores: Sequence[Score], on: _Arm, off: _Arm) -> float:
    """The variance that expectations leave unexplained, relative to that of single coin tosses."""
    left = tossed = DOUBT * 0.25
    for run, expected, _ in scores:
        arm = on if run.injected else off
        left += (run.outcome - expected - arm.surprise) ** 2
        tossed += arm.outcome * (1 - arm.outcome)
    return left / tossed


def _estimate(mean: float, interval: tuple[float, float], counts: tuple[int, int]) -> Estimate:
    low, high = interval
    return Estimate(mean, interval, (high - low) / 2 / _QUANTILE, *counts)


def evidence(scores: Iterable[Score]) -> Evidence:
    """The evidence after these runs of one pattern (or of all), in order of time."""
    runs = [
        RandomisedRun(run.injected, run.probability, run.outcome, expected)
        for run, expected, _ in scores
    ]
    values = e_values(runs)
    return Evidence(values.lowers, values.raises, effect_sequence(runs, level=LEVEL))


def e_value_above_margin(scores: Iterable[Score], margin: float) -> float:
    """The evidence that the effect is above `margin`: 20 is strong, at any stopping time."""
    return e_value_above(_bounds(scores), margin)


def e_value_below_margin(scores: Iterable[Score], margin: float) -> float:
    """The evidence that the effect is below `margin`: 20 is strong, at any stopping time."""
    return e_value_below(_bounds(scores), margin)


def effect_where_followed(estimate: Estimate, followed: int) -> FollowedEffect | None:
    """The effect per run that followed: the mean divided by the share that did (Wald's ratio).

    It assumes that a pattern that is not followed changes nothing. `followed` counts the runs with
    the pattern whose agent followed it. The interval is Fieller's; None where the share is not
    clearly above 0.
    """
    share = followed / estimate.with_it
    variance = share * (1 - share) / estimate.with_it
    factor = 1 - _QUANTILE**2 * variance / share**2 if share else 0.0
    if factor <= 0:
        return None
    ratio = estimate.mean / share
    spread = math.sqrt(estimate.standard_error**2 * factor + ratio**2 * variance)
    half = _QUANTILE * spread / share / factor
    centre = ratio / factor
    return FollowedEffect(ratio, (centre - half, centre + half))


def _bounds(scores: Iterable[Score]) -> Iterable[BoundedValue]:
    for score in scores:
        chance, expected = score.observation.probability, score.expected
        low = max(expected / chance, (1 - expected) / (1 - chance))
        high = max((1 - expected) / chance, expected / (1 - chance))
        yield BoundedValue(score.value, -low, high)
