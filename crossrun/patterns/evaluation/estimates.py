"""The effect of a pattern from its scores: estimate, interval, and evidence for decisions."""

import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist

from msgspec import Struct

from crossrun.inference.association import RandomisedRun, e_values
from crossrun.inference.betting import BoundedValue, e_value_above, e_value_below
from crossrun.inference.sequences import confidence_sequence
from crossrun.patterns.evaluation.scores import Score

LEVEL = 0.90
"""The coverage of the intervals."""
_QUANTILE = NormalDist().inv_cdf((1 + LEVEL) / 2)


class Estimate(Struct, frozen=True):
    """The mean effect over the runs, in outcome (1 is 100 points).

    `interval` covers the true mean in 90% of cases if the number of runs was fixed before; it must
    not decide when to stop (see `Evidence`).
    """

    mean: float
    interval: tuple[float, float]
    standard_error: float
    with_it: int
    without: int


class Evidence(Struct, frozen=True):
    """What may be looked at after every run.

    `hurts` and `helps` are e-values: with a pattern that never hurts, `hurts` ever reaches 20 with
    a probability of at most 5%. `interval` holds the mean effect so far with a probability of 90%
    after all runs at once; it is wider than that of an `Estimate`.
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
    if not scores:
        return Estimate(0.0, (-1.0, 1.0), 1.0, 0, 0)
    with_it = sum(score.observation.injected for score in scores)
    mean = math.fsum(score.value for score in scores) / len(scores)
    squares = math.fsum(_variance(score) for score in scores)
    error = math.sqrt(squares) / len(scores)
    return Estimate(mean, _around(mean, _QUANTILE * error), error, with_it, len(scores) - with_it)


def _variance(score: Score) -> float:
    """Of a score, if runs succeed as expected with the pattern and without it."""
    run, expected = score.observation, score.expected
    return expected * (1 - expected) / (run.probability * (1 - run.probability))


def evidence(scores: Sequence[Score]) -> Evidence:
    """The evidence after these runs of one pattern (or of all), in order of time."""
    values = e_values(
        RandomisedRun(
            s.observation.injected, s.observation.probability, s.observation.outcome, s.expected
        )
        for s in scores
    )
    low, high = confidence_sequence(_bounds(scores), level=LEVEL)
    return Evidence(values.lowers, values.raises, (max(-1.0, low), min(1.0, high)))


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


def _around(mean: float, half: float) -> tuple[float, float]:
    return max(-1.0, mean - half), min(1.0, mean + half)


def _bounds(scores: Iterable[Score]) -> Iterable[BoundedValue]:
    for score in scores:
        chance, expected = score.observation.probability, score.expected
        low = max(expected / chance, (1 - expected) / (1 - chance))
        high = max((1 - expected) / chance, expected / (1 - chance))
        yield BoundedValue(score.value, -low, high)
