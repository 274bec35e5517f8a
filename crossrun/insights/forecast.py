"""Forecasts from the finished runs of similar tasks, by order statistics.

If a new run is like `n` earlier ones, it falls with the same probability into each of the `n + 1`
gaps between their sorted values. So the interval from the value of rank `l` to that of rank `u`
holds it with a probability of at least `(u - l) / (n + 1)`, for any distribution and any number of
runs. With fewer than nine runs no interval reaches 80%: the whole range is given, and what it
reaches.
"""

from collections.abc import Callable, Sequence
from math import ceil
from statistics import median
from typing import NamedTuple

from crossrun.model.forecasts import BudgetKind, Forecast, Interval, Shortfall
from crossrun.model.queries import FinishedRun
from crossrun.model.requests import Limits

LEAST_RUNS = 5
MOST_RUNS = 20
"""So many runs, the newest: agents, models and projects change (see benchmarks/forecast.py)."""
CONFIDENCE = 0.8


class PredictionInterval(NamedTuple):
    """An interval for the next value, and the probability that it holds it."""

    low: float
    high: float
    confidence: float


class Outlook(NamedTuple):
    """What may be expected of a run, and which of its limits are low."""

    forecast: Forecast
    shortfalls: tuple[Shortfall, ...] = ()


_MEASURES: dict[BudgetKind, Callable[[FinishedRun], float | None]] = {
    "seconds": lambda run: run.seconds,
    "tokens": lambda run: run.tokens,
    "cost": lambda run: run.cost,
}


def outlook(relatives: Sequence[FinishedRun], limits: Limits) -> Outlook | None:
    """The forecast for a run, or None with fewer than five runs.

    Args:
        relatives: finished runs of similar tasks, the newest first.
        limits: those of the run.
    """
    runs = relatives[:MOST_RUNS]
    if len(runs) < LEAST_RUNS:
        return None
    values = {kind: _figures(measure, runs) for kind, measure in _MEASURES.items()}
    intervals = {kind: prediction_interval(figures) for kind, figures in values.items()}
    forecast = Forecast(
        runs=len(runs),
        seconds=_bounds(intervals["seconds"]),
        tokens=_bounds(intervals["tokens"]),
        cost=_bounds(intervals["cost"]),
        succeeded=sum(run.succeeded for run in runs) / len(runs),
        confidence=min((each.confidence for each in intervals.values() if each), default=0.0),
        run_ids=tuple(run.id for run in runs),
    )
    return Outlook(forecast, tuple(_shortfalls(values, limits)))


def prediction_interval(
    values: Sequence[float], confidence: float = CONFIDENCE
) -> PredictionInterval | None:
    """The interval that holds the next value with at least this probability, if there are enough.

    With too few values for that, it is their whole range, with the probability that this has. None
    with fewer than five.
    """
    count = len(values)
    if count < LEAST_RUNS:
        return None
    ordered = sorted(values)
    gaps = min(ceil(confidence * (count + 1) - 1e-9), count - 1)
    low = max((count + 1 - gaps) // 2, 1)
    return PredictionInterval(ordered[low - 1], ordered[low + gaps - 1], gaps / (count + 1))


def _figures(
    measure: Callable[[FinishedRun], float | None], runs: Sequence[FinishedRun]
) -> list[float]:
    return [value for run in runs if (value := measure(run)) is not None]


def _bounds(interval: PredictionInterval | None) -> Interval | None:
    return None if interval is None else (interval.low, interval.high)


def _shortfalls(values: dict[BudgetKind, list[float]], limits: Limits) -> list[Shortfall]:
    """The limits below what half of the runs took."""
    given: dict[BudgetKind, float | None] = {
        "seconds": limits.timeout,
        "tokens": limits.max_tokens,
        "cost": limits.max_cost,
    }
    return [
        Shortfall(kind, limit, median(taken), sum(value > limit for value in taken), len(taken))
        for kind, limit in given.items()
        if limit is not None and len(taken := values[kind]) >= LEAST_RUNS and limit < median(taken)
    ]
