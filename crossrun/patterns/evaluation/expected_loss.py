"""The share withheld at which the fewest successes are lost.

They are lost by withholding a pattern that helps, and by injecting one that hurts until that is
known. A larger share costs more of the first and shows harm sooner.
"""

import math

from crossrun.patterns.evaluation.beliefs import EFFECTS, Belief

HORIZON = 200
"""Coming eligible runs over which the loss is counted."""
FIRST_PART = 50
"""After so many of them, what they showed decides how it continues."""
SHARES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
"""The shares to choose from."""
LEAST_SHARE, LARGEST_SHARE = SHARES[0], SHARES[-1]
_VARIANCE = 0.2
"""Of the outcome of a run, at a success rate of about .7."""
_STEPS = 16


def best_share(belief: Belief) -> float:
    """The share at which the fewest successes are lost, given what the effect may be."""
    return min(SHARES, key=lambda share: expected_loss(belief, share))


def expected_loss(belief: Belief, share: float) -> float:
    """The successes that are lost over the next `HORIZON` eligible runs.

    In the first part `share` of the runs do without. Then the pattern is withheld as seldom or as
    often as `SHARES` allow, by whether it is expected to help, given what the first part showed.
    """
    error = math.sqrt(_VARIANCE / (FIRST_PART * share * (1 - share)))
    turn = _turning_point(belief, error)
    loss = 0.0
    for effect, probability in zip(EFFECTS, belief, strict=True):
        hurts = _normal_share((turn - effect) / error)
        later = hurts * _lost(effect, LARGEST_SHARE) + (1 - hurts) * _lost(effect, LEAST_SHARE)
        first = FIRST_PART * _lost(effect, share)
        loss += probability * (first + (HORIZON - FIRST_PART) * later)
    return loss


def _lost(effect: float, share: float) -> float:
    """The successes lost in one run, by withholding what helps or injecting what hurts."""
    return share * effect if effect > 0 else (share - 1) * effect


def _turning_point(belief: Belief, error: float) -> float:
    """The measured effect below which the pattern is expected to hurt."""
    low, high = -2.0, 2.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        mean = math.fsum(
            probability * effect * math.exp(-0.5 * ((middle - effect) / error) ** 2)
            for effect, probability in zip(EFFECTS, belief, strict=True)
        )
        low, high = (middle, high) if mean < 0 else (low, middle)
    return (low + high) / 2


def _normal_share(deviation: float) -> float:
    return 0.5 * math.erfc(-deviation / math.sqrt(2))
