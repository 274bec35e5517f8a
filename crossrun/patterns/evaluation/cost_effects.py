"""A pattern's effect on what runs cost: tokens, money, time, turns and failed commands.

Runs are scored as for success (`scores`), but what is expected with the pattern and without it is
learned apart: costs vary little within one arm, and may be three times as high in the other.
"""

import math
from collections.abc import Iterable, Iterator
from statistics import NormalDist
from typing import NamedTuple

from crossrun.inference.association import RandomisedRun, e_values

WEIGHT_OF_BOTH = 2.0
"""How many runs the mean over both arms weighs in one arm."""
LEAST_RUNS = 2
"""Of each arm, for an estimate."""


class CostRun(NamedTuple):
    """One run: `probability` is that of injecting the pattern, `outcome` from 0 to 1."""

    injected: bool
    probability: float
    outcome: float


class CostEstimate(NamedTuple):
    """The change of the outcome, with an interval for this number of runs."""

    mean: float
    interval: tuple[float, float]


class CostRuns:
    """Runs in order of time, with what was to be expected of each by earlier ones only."""

    def __init__(self, runs: Iterable[CostRun]) -> None:
        self._runs = list(_expectations(runs))

    def estimated(self, *, level: float) -> CostEstimate | None:
        """The mean effect on the outcome; None for too few runs."""
        with_it = sum(run.injected for run, _ in self._runs)
        least = min(with_it, len(self._runs) - with_it)
        if least < LEAST_RUNS:
            return None
        values = [_score(run, arms) for run, arms in self._runs]
        mean = math.fsum(values) / len(values)
        squares = math.fsum((value - mean) ** 2 for value in values)
        error = math.sqrt(squares / len(values) / (len(values) - 1))
        half = error * _quantile((1 + level) / 2, least - 1)
        return CostEstimate(mean, (mean - half, mean + half))

    def e_value_of_rise(self, *, beyond: float) -> float:
        """The evidence that the pattern raises the outcome by more than `beyond`.

        20 is strong, at any stopping time. Each run bets on whether it is on the high side, by a
        limit between what the arms are expected to take, those with the pattern less `beyond`. A
        pattern that raises the outcome of no run by more puts none on the high side.
        """
        return e_values(_sides(self._runs, beyond)).raises


def _sides(runs: "Iterable[tuple[CostRun, _Arms]]", beyond: float) -> Iterator[RandomisedRun]:
    high_without, without = 1.0, 2.0
    for run, arms in runs:
        limit = (arms.with_it - beyond + arms.without) / 2
        is_high = run.outcome - beyond * run.injected > limit
        expected = high_without / without
        yield RandomisedRun(run.injected, run.probability, float(is_high), expected)
        if not run.injected:
            high_without, without = high_without + is_high, without + 1


class _Arms(NamedTuple):
    """The outcomes to expect from earlier runs."""

    with_it: float
    without: float


def _expectations(runs: Iterable[CostRun]) -> Iterator[tuple[CostRun, _Arms]]:
    totals, counts = [0.0, 0.0], [0, 0]
    for run in runs:
        both = WEIGHT_OF_BOTH * (totals[0] + totals[1] + 0.5) / (counts[0] + counts[1] + 1)
        without = (totals[0] + both) / (counts[0] + WEIGHT_OF_BOTH)
        with_it = (totals[1] + both) / (counts[1] + WEIGHT_OF_BOTH)
        yield run, _Arms(with_it, without)
        totals[run.injected] += run.outcome
        counts[run.injected] += 1


def _score(run: CostRun, arms: _Arms) -> float:
    if run.injected:
        residual = (run.outcome - arms.with_it) / run.probability
    else:
        residual = (arms.without - run.outcome) / (1 - run.probability)
    return arms.with_it - arms.without + residual


def _quantile(share: float, freedom: int) -> float:
    """Of Student's t, by the expansion of Cornish and Fisher."""
    z = NormalDist().inv_cdf(share)
    second = (z**3 + z) / (4 * freedom)
    third = (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    return z + second + third
