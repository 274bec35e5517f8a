"""The score interval for a difference of two proportions (Miettinen and Nurminen, 1985).

A difference belongs to the interval unless the data are too far from it, measured by the spread
that they would have if it were the true one. So the interval is right also where the spread that
was seen misleads: when all of a few runs succeeded, or almost none failed.
"""

import math
from typing import NamedTuple

_STEPS = 24
_LEAST_VARIANCE = 1e-12


class Proportion(NamedTuple):
    """A mean of outcomes from 0 to 1, and the number of runs that it is as certain as."""

    share: float
    runs: float


def difference_interval(
    first: Proportion, second: Proportion, *, quantile: float
) -> tuple[float, float]:
    """The interval for `first` minus `second`.

    `quantile` is that of the standard normal distribution: 1.645 for 90%.
    """
    return _lower_bound(first, second, quantile), -_lower_bound(second, first, quantile)


def _lower_bound(first: Proportion, second: Proportion, quantile: float) -> float:
    seen = first.share - second.share
    low, high = -1.0, seen
    for _ in range(_STEPS):
        middle = (low + high) / 2
        spread = math.sqrt(_variance(first, second, middle))
        low, high = (low, middle) if seen - middle <= quantile * spread else (middle, high)
    return high


def _variance(first: Proportion, second: Proportion, difference: float) -> float:
    """Of the difference that is seen, if `difference` is the true one."""
    p = _likeliest(first, second, difference)
    q = p - difference
    both = first.runs + second.runs
    variance = p * (1 - p) / first.runs + q * (1 - q) / second.runs
    return max(_LEAST_VARIANCE, variance * both / max(1.0, both - 1))


def _likeliest(first: Proportion, second: Proportion, difference: float) -> float:
    """The likeliest true value of `first` if it exceeds `second` by `difference`.

    It solves a cubic equation, whose root in question has a closed form.
    """
    ratio = second.runs / first.runs
    x, y, d = first.share, second.share, difference
    a = 1 + ratio
    b = -(1 + ratio + x + ratio * y + d * (ratio + 2))
    c = d * d + d * (2 * x + ratio + 1) + x + ratio * y
    last = -x * d * (1 + d)
    third = b / (3 * a)
    v = third**3 - b * c / (6 * a * a) + last / (2 * a)
    u = math.copysign(math.sqrt(max(0.0, third**2 - c / (3 * a))), v) or 1e-12
    angle = (math.pi + math.acos(min(1.0, max(-1.0, v / u**3)))) / 3
    root = 2 * u * math.cos(angle) - third
    return min(1.0, 1 + d, max(0.0, d, root))
