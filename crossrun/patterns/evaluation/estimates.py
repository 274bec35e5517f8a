"""The effect of a pattern from its scores: estimate, interval, and evidence for decisions."""

import math
from collections.abc import Iterable
from statistics import NormalDist

from msgspec import Struct

from crossrun.inference.association import RandomisedRun, e_values, effect_sequence
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


class RunningEstimate:
    """The mean effect over the runs so far; the interval is wide while they are few."""

    def __init__(self) -> None:
        self._with_it, self._without = _Arm(), _Arm()
        self._expected = 0.0

    def add(self, score: Score) -> None:
        """Adds one run."""
        run, expected, _ = score
        arm = self._with_it if run.injected else self._without
        arm.add(run.outcome - expected, run.probability if run.injected else 1 - run.probability)
        self._expected += expected

    def now(self) -> Estimate:
        """The estimate from the runs so far."""
        arms = self._with_it, self._without
        runs = self._with_it.runs + self._without.runs
        if not all(arm.runs for arm in arms):
            return self._of(0.0, (-1.0, 1.0))
        on, off = (min(1.0, max(0.0, self._expected / runs + arm.surprise)) for arm in arms)
        spread = self._relative_spread(on, off)
        interval = difference_interval(
            Proportion(on, self._with_it.effective_runs / spread),
            Proportion(off, self._without.effective_runs / spread),
            quantile=_QUANTILE,
        )
        return self._of(on - off, interval)

    def _relative_spread(self, on: float, off: float) -> float:
        """The variance that expectations leave unexplained, relative to that of coin tosses."""
        left = tossed = DOUBT * 0.25
        for arm, outcome in ((self._with_it, on), (self._without, off)):
            left += arm.squares_around_surprise
            tossed += arm.runs * outcome * (1 - outcome)
        return left / tossed

    def _of(self, mean: float, interval: tuple[float, float]) -> Estimate:
        low, high = interval
        error = (high - low) / 2 / _QUANTILE
        return Estimate(mean, interval, error, self._with_it.runs, self._without.runs)


class _Arm:
    """The runs with the pattern, or those without it, each weighted to stand for all runs."""

    def __init__(self) -> None:
        self.runs = 0
        self._weights = self._squared_weights = self._weighted = 0.0
        self._residuals = self._squared_residuals = 0.0

    def add(self, residual: float, probability: float) -> None:
        """Adds a run whose outcome was above the expected one by the residual.

        `probability` is that of its being in this arm.
        """
        weight = 1 / probability
        self.runs += 1
        self._weights += weight
        self._squared_weights += weight * weight
        self._weighted += weight * residual
        self._residuals += residual
        self._squared_residuals += residual * residual

    @property
    def surprise(self) -> float:
        """How much above the expected outcomes all runs would have been in this arm."""
        return self._weighted / self._weights

    @property
    def effective_runs(self) -> float:
        """The number of equally weighted runs that would be as informative."""
        return self._weights * self._weights / self._squared_weights

    @property
    def squares_around_surprise(self) -> float:
        """The sum of squared residuals around the surprise."""
        shift = self.surprise
        return self._squared_residuals - 2 * shift * self._residuals + self.runs * shift * shift


def estimate(scores: Iterable[Score]) -> Estimate:
    """The mean effect over the runs of one pattern (or of all), from the first run on."""
    running = RunningEstimate()
    for score in scores:
        running.add(score)
    return running.now()


def evidence(scores: Iterable[Score]) -> Evidence:
    """The evidence after these runs of one pattern (or of all), in order of time."""
    runs = [
        RandomisedRun(run.injected, run.probability, run.outcome, expected)
        for run, expected, _ in scores
    ]
    values = e_values(runs)
    return Evidence(values.lowers, values.raises, effect_sequence(runs, level=LEVEL))


def effect_where_followed(estimate: Estimate, followed: int) -> FollowedEffect | None:
    """The effect per run that followed: the mean divided by the share that did (Wald's ratio).

    It assumes that a pattern that is not followed changes nothing. `followed` counts the runs with
    the pattern whose agent followed it. The interval is Fieller's, cut off at 100 points; None if
    the share is not clearly above 0.
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
    return FollowedEffect(_within(ratio), (_within(centre - half), _within(centre + half)))


def _within(lift: float) -> float:
    """A difference of two probabilities is never beyond 1."""
    return max(-1.0, min(1.0, lift))
