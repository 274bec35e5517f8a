"""A comparison of two variants by pairs, which may be looked at after every pair.

A pair is one run of each variant on the same task from the same starting state; its difference is
the outcome of A minus that of B, from -1 to 1. The interval is the confidence sequence of Waudby-
Smith and Ramdas (2024): with the stated probability it holds the mean difference after all pairs at
once, so an experiment may stop as soon as it says enough. It assumes that pairs come in random
order, so that each is expected to show the same difference before its task is known.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

from crossrun.inference.mixtures import log_mean

LEVEL = 0.95
NO_DIFFERENCE = 0.10
"""A difference of less than 10 points does not matter, unless the user says otherwise."""
MOST_PAIRS = 5_000
"""No more pairs are projected than this."""
BETS = (0.06, 0.15, 0.3, 0.55, 0.9)
"""Bets relative to the one that could lose everything, for some ten to a thousand pairs."""
_STEPS = 40

Verdict = Literal["a_better", "b_better", "no_difference", "undecided"]


class PairedComparison(Struct, frozen=True):
    """What the pairs show; `mean` and `interval` are of A minus B, 1 is 100 points.

    `no_difference` means that the interval lies within the margin. `more_pairs` is how many more it
    would take to decide if they turned out like those so far: 0 if it is decided, None if more than
    `MOST_PAIRS` or nothing can be projected.
    """

    pairs: int
    mean: float
    interval: tuple[float, float]
    verdict: Verdict
    more_pairs: int | None


def compare_pairs(
    differences: Iterable[float], *, margin: float = NO_DIFFERENCE, level: float = LEVEL
) -> PairedComparison:
    """Compares A with B. `margin` is the largest difference that does not matter."""
    counts = Counter(differences)
    pairs = counts.total()
    if not pairs:
        return PairedComparison(0, 0.0, (-1.0, 1.0), "undecided", None)
    interval = _interval(counts, level)
    return PairedComparison(
        pairs,
        math.fsum(value * count for value, count in counts.items()) / pairs,
        interval,
        _verdict(interval, margin),
        _more_pairs(counts, margin, level),
    )


def _verdict(interval: tuple[float, float], margin: float) -> Verdict:
    low, high = interval
    if low > 0:
        return "a_better"
    if high < 0:
        return "b_better"
    return "no_difference" if max(-low, high) <= margin else "undecided"


def _interval(counts: Mapping[float, float], level: float) -> tuple[float, float]:
    limit = -math.log((1 - level) / 2)
    mirrored = {-value: count for value, count in counts.items()}
    return _lower_bound(counts, limit), -_lower_bound(mirrored, limit)


def _lower_bound(counts: Mapping[float, float], limit: float) -> float:
    """The largest mean against which bets on a higher one have won enough; they win less above."""
    low, high = -1.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _log_wealth(counts, middle) >= limit else (low, middle)
    return low


def _log_wealth(counts: Mapping[float, float], mean: float) -> float:
    gains = [((value - mean) / (mean + 1), count) for value, count in sorted(counts.items())]
    return log_mean(
        [math.fsum(count * math.log1p(share * gain) for gain, count in gains) for share in BETS]
    )


def _more_pairs(counts: Counter[float], margin: float, level: float) -> int | None:
    pairs = counts.total()

    def decided(total: int) -> bool:
        scaled = {value: count * total / pairs for value, count in counts.items()}
        return _verdict(_interval(scaled, level), margin) != "undecided"

    if decided(pairs):
        return 0
    low, high = pairs, pairs
    while not decided(high):
        low, high = high, 2 * high
        if low > MOST_PAIRS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decided(middle) else (middle, high)
    return high - pairs
