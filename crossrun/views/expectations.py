"""Forecasts in words."""

from math import ceil, floor, log10

from crossrun.model.forecasts import Forecast, Interval, Shortfall

_UNITS = (("h", 3600.0), ("min", 60.0), ("s", 1.0))
_LARGE = 2.0
"""A unit is used from so many of it on: 90 minutes rather than 1.5 hours."""
_DIGITS = 2
_WHOLE = 3


def forecast_words(forecast: Forecast) -> str:
    """`like 14 earlier runs: 3 to 9 min, 40k to 110k tokens, 79% succeeded`."""
    parts = [
        *([time_span(forecast.seconds)] if forecast.seconds else []),
        *([f"{token_span(forecast.tokens)} tokens"] if forecast.tokens else []),
        *([f"cost {cost_span(forecast.cost)}"] if forecast.cost and forecast.cost[1] else []),
        f"{forecast.succeeded:.0%} succeeded",
    ]
    return f"like {forecast.runs} earlier runs: {', '.join(parts)}"


def shortfall_words(shortfall: Shortfall) -> str:
    """`the time limit of 2 min is low: 11 of 14 earlier runs like this took longer`."""
    of, runs = f"{shortfall.beyond} of {shortfall.runs}", "earlier runs like this"
    limit, median = (_amount(shortfall, value) for value in (shortfall.limit, shortfall.median))
    match shortfall.kind:
        case "seconds":
            return f"the time limit of {limit} is low: {of} {runs} took longer (median {median})"
        case "tokens":
            return f"the limit of {limit} tokens is low: {of} {runs} used more (median {median})"
        case "cost":
            return f"the cost limit of {limit} is low: {of} {runs} cost more (median {median})"


def time_span(interval: Interval) -> str:
    """`3 to 9 min`, `50 s to 4 min`: rounded outwards, in units that suit."""
    (low_name, low_unit), (name, unit) = map(_unit, interval)
    low, high = f"{_down(interval[0] / low_unit):g}", f"{_up(interval[1] / unit):g}"
    return (
        f"{_span(low, high)} {name}" if low_name == name else f"{low} {low_name} to {high} {name}"
    )


def token_span(interval: Interval) -> str:
    """`40k to 110k`: rounded outwards."""
    return _span(_short(_down(interval[0])), _short(_up(interval[1])))


def cost_span(interval: Interval) -> str:
    """`0.12 to 0.5`: rounded outwards."""
    return _span(f"{_down(interval[0]):g}", f"{_up(interval[1]):g}")


def _span(low: str, high: str) -> str:
    return f"about {low}" if low == high else f"{low} to {high}"


def _amount(shortfall: Shortfall, value: float) -> str:
    match shortfall.kind:
        case "seconds":
            name, unit = _unit(value)
            return f"{round(value / unit, 1):g} {name}"
        case "tokens":
            return _short(value)
        case "cost":
            return f"{value:.3g}"


def _unit(seconds: float) -> tuple[str, float]:
    return next((each for each in _UNITS if seconds >= _LARGE * each[1]), _UNITS[-1])


def _short(number: float) -> str:
    for sign, size in (("M", 1_000_000), ("k", 1_000)):
        if number >= size:
            return f"{round(number / size, 1):g}{sign}"
    return f"{number:g}"


def _step(value: float) -> float:
    """The place of the second digit; whole numbers from 3 on stay whole."""
    if _WHOLE <= value < 10:  # noqa: PLR2004  of one digit
        return 1.0
    return 10.0 ** (floor(log10(value)) + 1 - _DIGITS) if value > 0 else 1.0


def _down(value: float) -> float:
    step = _step(value)
    return round(floor(value / step + 1e-9) * step, 10)


def _up(value: float) -> float:
    step = _step(value)
    return round(ceil(value / step - 1e-9) * step, 10)
