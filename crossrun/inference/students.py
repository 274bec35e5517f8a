"""Student's t: an interval for a mean of few values, for a number of values fixed beforehand."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev

LEVEL = 0.95
_STEPS = 60
_LEAST = 2


def mean_interval(values: Sequence[float], *, level: float = LEVEL) -> tuple[float, float] | None:
    """The interval for the mean that independent values have; None for fewer than two values."""
    if len(values) < _LEAST:
        return None
    error = stdev(values) / math.sqrt(len(values))
    reach = t_quantile(level, len(values) - 1) * error
    return fmean(values) - reach, fmean(values) + reach


def t_quantile(level: float, degrees: int) -> float:
    """The t that a value with so many degrees of freedom stays within, with a probability."""
    low, high = 0.0, 1.0
    while _central(high, degrees) < level:
        low, high = high, 2 * high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _central(middle, degrees) < level else (low, middle)
    return high


def _central(t: float, degrees: int) -> float:
    """The probability of -t to t (Abramowitz and Stegun 26.7.3 and 26.7.4, exact)."""
    angle = math.atan(t / math.sqrt(degrees))
    cosine = math.cos(angle)
    is_odd = degrees % 2
    term = total = cosine if is_odd else 1.0
    for step in range(3 if is_odd else 2, degrees - 1, 2):
        term *= cosine * cosine * (step - 1) / step
        total += term
    if not is_odd:
        return math.sin(angle) * total
    return 2 / math.pi * (angle + (math.sin(angle) * total if degrees > 1 else 0.0))
