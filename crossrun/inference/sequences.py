"""A confidence sequence for the running mean of bounded scores, whose means may change.

After each score the interval holds the mean of the conditional expectations so far, and with the
stated probability it does so after all scores at once, forever. Nothing is assumed but the bounds.
It is the empirical-Bernstein sequence of Howard, Ramdas, McAuliffe and Sekhon (2021), with a
mixture over the rate in place of stitching.
"""

import math
from collections.abc import Iterable

from crossrun.inference.betting import BoundedValue
from crossrun.inference.mixtures import log_mean

RATES = tuple(0.9 * 0.7**step for step in range(24))
"""Bets as shares of the largest possible one: small ones serve long sequences."""
STEPS = 60


def confidence_sequence(values: Iterable[BoundedValue], *, level: float) -> tuple[float, float]:
    """The interval for the mean of the expectations, after these values, in order of time.

    `level`, .9 for example, is the probability that the interval never fails.
    """
    total = squares = below = above = 0.0
    count = 0
    for value, low, high in values:
        expected = min(high, max(low, total / (count + 1)))
        total += value
        squares += (value - expected) ** 2
        below = max(below, expected - low)
        above = max(above, high - expected)
        count += 1
    if not count:
        return -math.inf, math.inf
    error = (1 - level) / 2
    mean = total / count
    return (
        mean - _deviation(squares, below, error) / count,
        mean + _deviation(squares, above, error) / count,
    )


def _deviation(squares: float, scale: float, error: float) -> float:
    """The largest sum of deviations whose mixture of supermartingales stays below 1 / `error`."""
    if scale == 0:
        return 0.0
    rates = [rate / scale for rate in RATES]
    costs = [-(math.log1p(-rate) + rate) * squares / scale**2 for rate in RATES]
    limit = -math.log(error)
    low, high = (
        0.0,
        max((limit + math.log(len(rates)) + c) / r for r, c in zip(rates, costs, strict=True)),
    )
    for _ in range(STEPS):
        middle = (low + high) / 2
        logs = [rate * middle - cost for rate, cost in zip(rates, costs, strict=True)]
        low, high = (middle, high) if log_mean(logs) < limit else (low, middle)
    return high
