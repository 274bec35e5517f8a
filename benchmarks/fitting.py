"""Logistic regression with a ridge, without a library."""

import math
import statistics
from collections.abc import Iterable, Sequence
from operator import mul

from crossrun.patterns.retrieval.values import LogisticModel

RIDGE = 3.0


def fitted(
    features: Sequence[Sequence[float]], truth: Sequence[bool], importance: Sequence[float]
) -> LogisticModel:
    """A logistic model with a ridge on the standardised weights.

    Args:
        features: of each row.
        truth: for each row what was true.
        importance: how much each row counts.
    """
    columns = list(zip(*features, strict=True))
    means = [statistics.fmean(column) for column in columns]
    spreads = [statistics.pstdev(column) or 1.0 for column in columns]
    inputs = [[1.0] * len(truth)] + [
        [(x - mean) / spread for x in column]
        for column, mean, spread in zip(columns, means, spreads, strict=True)
    ]
    beta = newton(inputs, [float(true) for true in truth], importance)
    weights = [b / spread for b, spread in zip(beta[1:], spreads, strict=True)]
    return LogisticModel(beta[0] - dot(weights, means), tuple(weights))


def newton(
    inputs: Sequence[Sequence[float]], truth: Sequence[float], importance: Sequence[float]
) -> list[float]:
    """The weights by Newton's method, the first input's without a ridge."""
    beta = [0.0] * len(inputs)
    for _ in range(8):
        at = [dot(beta, values) for values in zip(*inputs, strict=True)]
        p = [1 / (1 + math.exp(-max(-30.0, min(30.0, x)))) for x in at]
        missed = [w * (y - x) for w, y, x in zip(importance, truth, p, strict=True)]
        steep = [w * x * (1 - x) for w, x in zip(importance, p, strict=True)]
        weighted = [list(map(mul, steep, column)) for column in inputs]
        slope = [
            dot(column, missed) - (RIDGE * b if n else 0.0)
            for n, (column, b) in enumerate(zip(inputs, beta, strict=True))
        ]
        curvature = [
            [dot(row, column) + (RIDGE if n == m and n else 0.0) for m, column in enumerate(inputs)]
            for n, row in enumerate(weighted)
        ]
        beta = [b + step for b, step in zip(beta, solved(curvature, slope), strict=True)]
    return beta


def dot(one: Iterable[float], other: Iterable[float]) -> float:
    return math.fsum(map(mul, one, other))


def solved(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Gauss and Jordan, for a small positive definite matrix."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for n, pivot in enumerate(rows):
        pivot[:] = [x / pivot[n] for x in pivot]
        for other in rows:
            if other is not pivot and other[n]:
                factor = other[n]
                other[:] = [x - factor * y for x, y in zip(other, pivot, strict=True)]
    return [row[-1] for row in rows]
