"""An e-process for randomised runs: does a treatment lower (or raise) a bounded outcome?

Each run was treated with a known probability. A bet on harm wins if a treated run does worse than
expected or an untreated one better. As long as treatment lowers the outcome of no run, no bet on
harm is expected to win anything, however the difficulty drifts, however the probabilities were
chosen from earlier runs, and however wrong the expected outcomes are (that costs power only). By
Ville's inequality the wealth then ever reaches 20 with a probability of at most 1 in 20, so it may
be looked at after every run.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from crossrun.inference.mixtures import log_mean

BETS = {0.2: 0.08, 0.5: 0.22, 1.0: 0.5, 1.7: 0.2}
"""Sizes of the bets with their shares of the wealth. A bet is best where the effect is about that
many log-odds; most is put on some 20 points."""
LARGEST = 0.95
"""A bet is at most this share of the one that could lose everything."""

ENOUGH = 1e300
"""E-values are not followed any further."""
PRECISION = 0.001
"""Of the bounds of a confidence sequence."""


class RandomisedRun(NamedTuple):
    """One run.

    `probability` is that of treatment, above 0 and below 1; `outcome` from 0 to 1. `expected` is
    the outcome to expect from a run of this kind, treated or not, judging by earlier runs only.
    """

    treated: bool
    probability: float
    outcome: float
    expected: float


class EValues(NamedTuple):
    """Evidence that treatment lowers, and that it raises the outcome: 1 is none, 20 is strong."""

    lowers: float
    raises: float


def e_process(runs: Iterable[RandomisedRun]) -> Iterator[EValues]:
    """The evidence after each of the runs, in order of time."""
    lowers, raises = list(BETS.values()), list(BETS.values())
    for stake in map(_stake, runs):
        most = LARGEST / stake.worst
        for at, size in enumerate(BETS):
            won = min(size, most) * stake.gain
            lowers[at] *= 1 - won
            raises[at] *= 1 + won
        yield EValues(min(sum(lowers), ENOUGH), min(sum(raises), ENOUGH))


def e_values(runs: Iterable[RandomisedRun]) -> EValues:
    """The evidence after all of the runs, in order of time."""
    up = [_stake(run) for run in runs]
    down = [stake.mirrored() for stake in up]
    return EValues(*(_exponential(_log_evidence_above(stakes, 0)) for stakes in (down, up)))


def effect_sequence(runs: Iterable[RandomisedRun], *, level: float) -> tuple[float, float]:
    """A confidence sequence for the effect: it holds at all times at once with this probability.

    An effect lies outside if the evidence against it is strong: with a level of .9, the interval
    is below 0 exactly when `lowers` is above 20. If the effect differs between runs, the promise
    is that the interval reaches down to the largest and up to the smallest of them.
    """
    limit = -math.log((1 - level) / 2)
    up = [_stake(run) for run in runs]
    down = [stake.mirrored() for stake in up]
    return _largest_excluded(up, limit), -_largest_excluded(down, limit)


class _Stake(NamedTuple):
    """What a bet of 1 on a rise wins by a run, and the most that it can lose or win.

    Against an effect, the gain is less by `variance` (of the coin) times the effect.
    """

    gain: float
    worst: float
    variance: float

    def mirrored(self) -> "_Stake":
        return _Stake(-self.gain, self.worst, self.variance)


def _stake(run: RandomisedRun) -> _Stake:
    treated, p, outcome, expected = run
    return _Stake(
        (treated - p) * (outcome - expected),
        max(p, 1 - p) * max(expected, 1 - expected),
        p * (1 - p),
    )


def _largest_excluded(stakes: Sequence[_Stake], limit: float) -> float:
    """The largest effect with strong evidence that there is a larger one (false position)."""
    low, high = _bracket(stakes, limit)
    below, above = (_log_evidence_above(stakes, effect) - limit for effect in (low, high))
    if below <= 0 < 1 + low:
        low, below = -1.0, _log_evidence_above(stakes, -1.0) - limit
    if above > 0:
        high, above = 1.0, _log_evidence_above(stakes, 1.0) - limit
    while below > 0 > above and high - low > PRECISION:
        middle = (low * above - high * below) / (above - below)
        middle = min(high - PRECISION / 2, max(low + PRECISION / 2, middle))
        value = _log_evidence_above(stakes, middle) - limit
        if value > 0:
            low, below, above = middle, value, above / 2
        else:
            high, above, below = middle, value, below / 2
    return low if below > 0 else -1.0


def _bracket(stakes: Sequence[_Stake], limit: float) -> tuple[float, float]:
    """A guess of effects between which the bound lies: the one that was seen, and one far below."""
    if not stakes:
        return -1.0, 1.0
    whole = math.fsum(stake.variance for stake in stakes)
    seen = math.fsum(stake.gain for stake in stakes) / whole
    reach = math.sqrt(8 * limit * math.fsum(stake.gain**2 for stake in stakes)) / whole
    return max(-1.0, seen - reach), min(1.0, max(-0.99, seen))


def _log_evidence_above(stakes: Sequence[_Stake], effect: float) -> float:
    gains = [gain - variance * effect for gain, _, variance in stakes]
    most = [LARGEST / (worst + variance * abs(effect)) for _, worst, variance in stakes]
    least = min(most, default=math.inf)
    return _log_wealth(
        [
            _log_product(
                [1 + size * gain for gain in gains]
                if size <= least
                else [1 + min(size, limit) * gain for gain, limit in zip(gains, most, strict=True)]
            )
            for size in BETS
        ]
    )


def _log_product(factors: Sequence[float]) -> float:
    """Of factors between .05 and 2; so many are multiplied at once as cannot overflow."""
    return math.fsum(
        math.log(math.prod(factors[at : at + 100])) for at in range(0, len(factors), 100)
    )


def _log_wealth(logs: Sequence[float]) -> float:
    return log_mean(logs, list(BETS.values()))


def _exponential(log: float) -> float:
    return math.exp(min(log, math.log(ENOUGH)))
