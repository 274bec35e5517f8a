"""Shrinkage: each pattern's effect is drawn towards its family's, and families towards all.

An effect is on a scale where 1 is large (log-odds of success, or standard deviations). Effects of
a family lie around its centre and the centres around a common mean, both as normals; some do
nothing at all. How widely they lie, and where the mean is, is unknown and averaged over.
"""

import math
from collections.abc import Mapping, Sequence

from crossrun.patterns.evaluation.grids import (
    Row,
    dot,
    log,
    minus,
    mixture,
    normal,
    normalised,
    plus,
    times,
)

NOTHING = 0.05
"""The share of patterns that are taken to change nothing at all, before any evidence."""
EFFECTS = [0.3 * step for step in range(-13, 14)]
NO_EFFECT = len(EFFECTS) // 2

MEANS = [-0.8, -0.4, 0.0, 0.4, 0.8]
SPREAD_OF_MEAN = 0.4
WIDEST = 3.0
SPREADS_IN_FAMILY = [0.2, 0.5, 1.0, 1.8]
SPREADS_OF_FAMILIES = [0.15, 0.4, 0.8, 1.6]


def priors(likelihoods: Mapping[str, Row], families: Mapping[str, str]) -> dict[str, Row]:
    """The prior of each pattern, from all others: first those of its family, then all families.

    The spreads within and between families and the mean of all are unknown as well: each
    combination on a small grid counts by how well it explains everything else.
    """
    members: dict[str, list[str]] = {}
    for pattern in sorted(likelihoods):
        members.setdefault(families[pattern], []).append(pattern)
    upward = {pattern: _upward(likelihood) for pattern, likelihood in likelihoods.items()}
    together = {family: _sum([upward[p] for p in patterns]) for family, patterns in members.items()}
    explained = {family: _explained(logs) for family, logs in together.items()}
    everything = _sum([_HYPER, *explained.values()])
    return {
        pattern: _downward(
            _difference(everything, explained[family]),
            _difference(together[family], upward[pattern]),
        )
        for family, patterns in members.items()
        for pattern in patterns
    }


def _upward(likelihood: Row) -> list[Row]:
    """Log-likelihood of each centre of a family, for each spread within it."""
    return [[log(dot(row, likelihood)) for row in kernel] for kernel in _KERNELS]


def _explained(logs: list[Row]) -> list[Row]:
    """How well each mean and spread of families explains one family, for each spread within it."""
    top = max(map(max, logs))
    weights = [[math.exp(value - top) for value in row] for row in logs]
    return [[log(dot(prior, row)) for prior in _FAMILY_PRIORS] for row in weights]


def _downward(hyper: list[Row], siblings: list[Row]) -> Row:
    """The prior of an effect, given hyperparameter weights and the siblings' evidence."""
    top, highest = max(map(max, hyper)), max(map(max, siblings))
    prior = [0.0] * len(EFFECTS)
    for row, evidence, kernel in zip(hyper, siblings, _KERNELS, strict=True):
        centre = mixture([math.exp(value - top) for value in row], _FAMILY_PRIORS)
        weights = times(centre, [math.exp(value - highest) for value in evidence])
        prior = plus(prior, mixture(weights, kernel))
    return [max(share, 1e-12) for share in normalised(prior)]


def _sum(tables: Sequence[list[Row]]) -> list[Row]:
    return [plus(*rows) for rows in zip(*tables, strict=True)]


def _difference(whole: list[Row], part: list[Row]) -> list[Row]:
    return [minus(a, b) for a, b in zip(whole, part, strict=True)]


def _around(centre: float, spread: float) -> Row:
    """How effects lie around the centre of their family."""
    shares = normal(centre, spread, EFFECTS)
    return [
        (1 - NOTHING) * share + NOTHING * (place == NO_EFFECT) for place, share in enumerate(shares)
    ]


_KERNELS = [[_around(centre, s) for centre in EFFECTS] for s in SPREADS_IN_FAMILY]
_FAMILY_PRIORS = [normal(mean, s, EFFECTS) for mean in MEANS for s in SPREADS_OF_FAMILIES]
_HYPER = [
    [
        -0.5 * ((mean / SPREAD_OF_MEAN) ** 2 + (between / WIDEST) ** 2 + (within / WIDEST) ** 2)
        for mean in MEANS
        for between in SPREADS_OF_FAMILIES
    ]
    for within in SPREADS_IN_FAMILY
]
"""Log weight of each combination before any run: modest effects are a little likelier."""
