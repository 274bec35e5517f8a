"""A pattern's effect on failed commands, turns, tokens and time: differences of means by block.

Runs with and without the pattern are compared within each block that has both. All other runs are
compared as one block. The two estimates are weighted by their precision, and the result is shrunk
towards the family's and towards that of all patterns (`shrinkage`).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

from crossrun.patterns.evaluation import shrinkage
from crossrun.patterns.evaluation.grids import dot
from crossrun.patterns.evaluation.shrinkage import EFFECTS

LEAST_NOISE = 1e-4
"""The least variance within a block, as a share of the variance over all tasks."""


class Measurement(NamedTuple):
    """The value of one run."""

    block: str
    with_it: bool
    value: float


class _Estimate(NamedTuple):
    mean: float
    variance: float


def cost_effects(
    measurements: Mapping[str, Sequence[Measurement]], families: Mapping[str, str]
) -> dict[str, NormalDist]:
    """The mean with the pattern minus that without it, for each pattern with both kinds of runs."""
    comparable = {pattern: runs for pattern, runs in measurements.items() if _comparable(runs)}
    everywhere = _variance(_groups(runs, blocked=False) for runs in comparable.values())
    within = _variance(_groups(runs, blocked=True) for runs in comparable.values())
    if everywhere is None:
        return {}
    noise = everywhere if within is None else min(everywhere, max(within, everywhere * LEAST_NOISE))
    estimates = {p: _estimate(runs, noise, everywhere) for p, runs in comparable.items()}
    return _shrunk(estimates, families, unit=math.sqrt(everywhere))


def _shrunk(
    estimates: Mapping[str, _Estimate], families: Mapping[str, str], *, unit: float
) -> dict[str, NormalDist]:
    if unit == 0:
        return {pattern: NormalDist(e.mean, 0) for pattern, e in estimates.items()}
    likelihoods = {
        pattern: [max(1e-300, _likelihood(effect * unit, e)) for effect in EFFECTS]
        for pattern, e in estimates.items()
    }
    shrunk = {}
    for pattern, prior in shrinkage.priors(likelihoods, families).items():
        mean = dot(prior, EFFECTS)
        variance = dot(prior, [(effect - mean) ** 2 for effect in EFFECTS])
        shrunk[pattern] = _combined(
            [estimates[pattern], _Estimate(mean * unit, variance * unit * unit)]
        )
    return {pattern: NormalDist(e.mean, math.sqrt(e.variance)) for pattern, e in shrunk.items()}


def _likelihood(mean: float, estimate: _Estimate) -> float:
    return math.exp(-0.5 * (mean - estimate.mean) ** 2 / estimate.variance)


def _estimate(runs: Sequence[Measurement], noise: float, everywhere: float) -> _Estimate:
    blocks: dict[str, list[Measurement]] = {}
    for run in runs:
        blocks.setdefault(run.block, []).append(run)
    parts = [_difference_of_means(block, noise) for block in blocks.values() if _comparable(block)]
    rest = [run for block in blocks.values() if not _comparable(block) for run in block]
    if _comparable(rest):
        parts.append(_difference_of_means(rest, everywhere))
    return _combined(parts) if parts else _difference_of_means(runs, everywhere)


def _difference_of_means(runs: Iterable[Measurement], variance: float) -> _Estimate:
    runs = list(runs)
    on = [run.value for run in runs if run.with_it]
    off = [run.value for run in runs if not run.with_it]
    return _Estimate(
        sum(on) / len(on) - sum(off) / len(off), variance * (1 / len(on) + 1 / len(off))
    )


def _combined(parts: Sequence[_Estimate]) -> _Estimate:
    """Weighted by precision; exact parts, where there are any, outweigh all others."""
    exact = [part for part in parts if part.variance == 0]
    if exact:
        return _Estimate(sum(part.mean for part in exact) / len(exact), 0)
    precision = sum(1 / part.variance for part in parts)
    return _Estimate(sum(part.mean / part.variance for part in parts) / precision, 1 / precision)


def _comparable(runs: Iterable[Measurement]) -> bool:
    return {run.with_it for run in runs} == {True, False}


def _groups(runs: Iterable[Measurement], *, blocked: bool) -> list[list[float]]:
    groups: dict[tuple[str, bool], list[float]] = {}
    for run in runs:
        groups.setdefault((run.block if blocked else "", run.with_it), []).append(run.value)
    return list(groups.values())


def _variance(patterns: Iterable[list[list[float]]]) -> float | None:
    """Of single values around their group's mean; None when no group has two."""
    squares = freedom = 0.0
    for groups in patterns:
        for values in groups:
            mean = sum(values) / len(values)
            squares += sum((value - mean) ** 2 for value in values)
            freedom += len(values) - 1
    return squares / freedom if freedom else None
