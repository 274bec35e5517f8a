"""Mixtures of bets: log-wealth added up without overflow."""

import math
from collections.abc import Sequence


def log_mean(logs: Sequence[float]) -> float:
    """The logarithm of the mean of the numbers whose logarithms these are."""
    top = max(logs)
    if top == -math.inf:
        return top
    return top + math.log(math.fsum(math.exp(value - top) for value in logs) / len(logs))


def exponential(log: float) -> float:
    """`exp`, at most 1e300."""
    return math.exp(min(log, 690.0))
