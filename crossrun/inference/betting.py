"""E-processes for the mean of bounded values, by betting (Waudby-Smith and Ramdas, 2024).

A bet of `rate` multiplies the wealth by `1 + rate * (value - mean)`. If no value is expected above
`mean`, given those before it, the wealth is expected never to grow, so by Ville's inequality it
ever reaches 20 with a probability of at most 1 in 20. The wealth is spread over bets of several
sizes; the winning ones carry it.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

from crossrun.inference.mixtures import exponential, log_mean

SHARES = (0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.5, 0.75, 0.95)
"""The sizes of the bets, relative to the one that could lose everything."""


class BoundedValue(NamedTuple):
    """A value, and the bounds for it that were known before it."""

    value: float
    low: float
    high: float


def e_value_above(values: Iterable[BoundedValue], mean: float) -> float:
    """The evidence that some value was expected above `mean`, after these values."""
    logs = [0.0] * len(SHARES)
    for value, low, _ in values:
        gain = (value - mean) / (mean - low)
        logs = [log + math.log1p(share * gain) for log, share in zip(logs, SHARES, strict=True)]
    return exponential(log_mean(logs))


def e_value_below(values: Iterable[BoundedValue], mean: float) -> float:
    """The evidence that some value was expected below `mean`, after these values."""
    return e_value_above((BoundedValue(-v, -high, -low) for v, low, high in values), -mean)
