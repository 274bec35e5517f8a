"""An e-process for randomised runs: has the treatment lowered (or raised) a bounded outcome?

Each run was treated with a known probability. A bet says how the treatment would be associated
with the outcome under one effect, and wins `P(treatment | outcome) / P(treatment)`. As long as
treatment lowers the outcome of no run, the expected winnings of a bet on harm are at most 1, run
by run, however the difficulty drifts, however the probabilities were chosen from earlier runs, and
however wrong the expected outcome is (that costs power only). By Ville's inequality the wealth
then ever reaches 20 with a probability of at most 1 in 20: it may be looked at after every run.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from crossrun.inference.mixtures import exponential, log_mean

EFFECTS = (0.25, 0.5, 0.9, 1.4, 2.2)
"""The sizes that are bet on, in log-odds; the wealth is the mean over them."""
CERTAIN = 0.01
"""An expected outcome is kept this far from 0 and 1."""


class RandomisedRun(NamedTuple):
    """One run.

    `expected` is the outcome to expect without treatment, from earlier runs only; `probability`
    that of treatment, above 0 and below 1; `outcome` from 0 to 1.
    """

    treated: bool
    probability: float
    outcome: float
    expected: float


class EValues(NamedTuple):
    """Evidence that treatment lowers, and that it raises the outcome. 20 is strong, 1 is none.

    Each is an e-value at any stopping time, under the hypothesis that it does so in no run.
    """

    lowers: float
    raises: float


def e_values(runs: Iterable[RandomisedRun], effects: Sequence[float] = EFFECTS) -> EValues:
    """The evidence after these runs, in order of time."""
    lowers = [0.0] * len(effects)
    raises = [0.0] * len(effects)
    for run in runs:
        base = min(1 - CERTAIN, max(CERTAIN, run.expected))
        odds = base / (1 - base)
        for at, effect in enumerate(effects):
            ratio = math.exp(effect)
            lowers[at] += math.log(_winnings(run, base, _chance(odds / ratio)))
            raises[at] += math.log(_winnings(run, base, _chance(odds * ratio)))
    return EValues(exponential(log_mean(lowers)), exponential(log_mean(raises)))


def _chance(odds: float) -> float:
    return odds / (1 + odds)


def _winnings(run: RandomisedRun, without: float, treated: float) -> float:
    """`P(treatment | outcome) / P(treatment)`, between those of 0 and 1 where the outcome is."""
    success = run.probability * treated + (1 - run.probability) * without
    mine = treated if run.treated else without
    return run.outcome * mine / success + (1 - run.outcome) * (1 - mine) / (1 - success)
