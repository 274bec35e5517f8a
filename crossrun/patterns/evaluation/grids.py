"""Arithmetic on probabilities over small grids: rows of numbers, one for each point."""

import math
from collections.abc import Sequence
from operator import mul

Row = list[float]


def chance(log_odds: float) -> float:
    """The probability that the log-odds stand for."""
    return 1 / (1 + math.exp(-log_odds))


def normal(mean: float, spread: float, at: Sequence[float]) -> Row:
    """A normal distribution on the points `at`, in shares that add up to 1."""
    return normalised([math.exp(-0.5 * ((x - mean) / spread) ** 2) for x in at])


def normalised(row: Row) -> Row:
    """The same row, adding up to 1."""
    whole = sum(row)
    return [value / whole for value in row]


def mixture(weights: Row, rows: Sequence[Row]) -> Row:
    """The rows, weighted and added point by point."""
    return [dot(weights, column) for column in zip(*rows, strict=True)]


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    """The sum of the products."""
    return sum(map(mul, a, b), 0.0)


def times(*rows: Row) -> Row:
    """The product point by point."""
    return [math.prod(column) for column in zip(*rows, strict=True)]


def plus(*rows: Row) -> Row:
    """The sum point by point."""
    return [sum(column) for column in zip(*rows, strict=True)]


def minus(a: Row, b: Row) -> Row:
    """The difference point by point."""
    return [x - y for x, y in zip(a, b, strict=True)]


def log(value: float) -> float:
    """The logarithm, of next to nothing where nothing is left."""
    return math.log(max(value, 1e-300))
