"""Mixtures of bets: wealth added up from its logarithms without overflow."""

import math
from collections.abc import Sequence


def log_mean(logs: Sequence[float], weights: Sequence[float] | None = None) -> float:
    """The logarithm of the mean of the numbers whose logarithms these are.

    `weights` add up to 1; equal ones if None.
    """
    top = max(logs)
    if top == -math.inf:
        return top
    parts = [math.exp(value - top) for value in logs]
    if weights is None:
        return top + math.log(math.fsum(parts) / len(parts))
    return top + math.log(math.fsum(w * part for w, part in zip(weights, parts, strict=True)))
