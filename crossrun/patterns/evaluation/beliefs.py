"""What a pattern's effect may be before its runs are seen, and what its runs make of that.

The prior is taken from the public evidence on skills and memories. Of 49 public skills 39 added
nothing and 3 did harm on tasks of the kind they were written for (arXiv 2603.15401); curated skills
add 12 to 18 points on average (2602.12670), self-written ones about nothing, with harm on a fifth
to a quarter of the tasks (2602.12670, 2605.23899). So half of the patterns are taken to change
nothing, four in ten to help by some 15 points, and one in ten to hurt by as much. The mean is
+4.5 points.
"""

import math
from collections.abc import Sequence
from functools import cache

from crossrun.patterns.evaluation.estimates import Estimate

STEP = 0.025
EFFECTS = tuple(round(STEP * step, 3) for step in range(-24, 25))
"""Changes of the probability of success, from -60 to +60 points."""
NO_EFFECT = 0.50
HELPFUL = (0.40, 0.15, 0.10)
"""Share of the patterns, mean and standard deviation of their effects."""
HARMFUL = (0.10, -0.15, 0.10)

Belief = Sequence[float]
"""The probability of each of `EFFECTS`."""


@cache
def prior() -> Belief:
    """The belief before any run."""
    nothing = [float(effect == 0) for effect in EFFECTS]
    parts = [
        (NO_EFFECT, nothing),
        *((share, _normal(mean, spread)) for share, mean, spread in (HELPFUL, HARMFUL)),
    ]
    return tuple(sum(share * row[at] for share, row in parts) for at in range(len(EFFECTS)))


def belief(estimate: Estimate) -> Belief:
    """The belief after the runs of an estimate: by its interval, which few runs make lopsided."""
    middle = sum(estimate.interval) / 2
    likelihood = [
        math.exp(-0.5 * ((effect - middle) / estimate.standard_error) ** 2) for effect in EFFECTS
    ]
    weights = [a * b for a, b in zip(prior(), likelihood, strict=True)]
    if not math.fsum(weights) > 0:  # further off than any effect that is on the grid
        nearest = min(EFFECTS, key=lambda effect: abs(effect - middle))
        return tuple(float(effect == nearest) for effect in EFFECTS)
    return _normalised(weights)


def expected(belief: Belief) -> float:
    """The mean effect."""
    return math.fsum(p * effect for p, effect in zip(belief, EFFECTS, strict=True))


def _normal(mean: float, spread: float) -> Belief:
    return _normalised([math.exp(-0.5 * ((e - mean) / spread) ** 2) for e in EFFECTS])


def _normalised(weights: Sequence[float]) -> Belief:
    whole = math.fsum(weights)
    return tuple(weight / whole for weight in weights)
