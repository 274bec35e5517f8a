"""Forecasts: which runs they rest on, what their intervals promise, and how they read."""

import random
from collections.abc import Sequence

import pytest
from conftest import Crossrun

from crossrun.insights.forecast import outlook, prediction_interval
from crossrun.model.forecasts import Forecast, Shortfall
from crossrun.model.queries import FinishedRun
from crossrun.model.requests import Limits
from crossrun.views.expectations import forecast_words, shortfall_words, time_span, token_span


def finished(seconds: Sequence[float], *, succeeded: int | None = None) -> list[FinishedRun]:
    good = len(seconds) if succeeded is None else succeeded
    return [
        FinishedRun(f"run{at}", at < good, value, int(100 * value), None)
        for at, value in enumerate(seconds)
    ]


@pytest.mark.parametrize(
    ("count", "low", "high", "confidence"),
    [(5, 1, 5, 4 / 6), (8, 1, 8, 7 / 9), (9, 1, 9, 0.8), (19, 2, 18, 0.8), (99, 10, 90, 0.8)],
)
def test_the_ranks_of_an_interval_suit_the_number_of_values(
    count: int, low: float, high: float, confidence: float
) -> None:
    values = list(range(1, count + 1))
    random.Random(1).shuffle(values)  # noqa: S311
    assert prediction_interval(values) == pytest.approx((low, high, confidence))


def test_an_interval_never_promises_more_than_it_holds() -> None:
    chance = random.Random(7)  # noqa: S311
    for count in (5, 7, 11, 20):
        held, promised, lives = 0, 0.0, 4_000
        for _ in range(lives):
            *before, following = (chance.paretovariate(1.1) for _ in range(count + 1))
            interval = prediction_interval(before)
            assert interval is not None
            held += interval.low <= following <= interval.high
            promised = interval.confidence
        assert held / lives > promised - 0.03


def test_fewer_than_five_runs_give_no_forecast() -> None:
    assert prediction_interval([1, 2, 3, 4]) is None
    assert outlook(finished([1, 2, 3, 4]), Limits()) is None


def test_a_figure_that_few_runs_have_is_not_forecast() -> None:
    expected = outlook(finished([60, 90, 120, 150, 200], succeeded=4), Limits())
    assert expected is not None
    assert expected.forecast == Forecast(
        runs=5,
        seconds=(60, 200),
        tokens=(6_000, 20_000),
        cost=None,
        succeeded=0.8,
        confidence=4 / 6,
        run_ids=("run0", "run1", "run2", "run3", "run4"),
    )


def test_a_limit_below_the_median_is_a_shortfall() -> None:
    runs = finished([60, 90, 120, 150, 200])
    low = outlook(runs, Limits(timeout=100, max_tokens=12_000))
    assert low is not None
    assert low.shortfalls == (Shortfall("seconds", 100, 120, 3, 5),)


def test_forecasts_are_rounded_outwards_and_read_as_english() -> None:
    forecast = Forecast(
        runs=14,
        seconds=(181, 539),
        tokens=(40_400, 109_000),
        cost=(0.123, 0.456),
        succeeded=11 / 14,
        confidence=0.8,
        run_ids=(),
    )
    assert forecast_words(forecast) == (
        "like 14 earlier runs: 3 to 9 min, 40k to 110k tokens, cost 0.12 to 0.46, 79% succeeded"
    )
    spans = [(0.23, 0.31), (3, 3), (40, 95), (200, 7_300), (0, 0)]
    assert [time_span(span) for span in spans] == [
        "0.23 to 0.31 s", "about 3 s", "40 to 95 s", "3 min to 2.1 h", "about 0 s",
    ]  # fmt: skip
    assert token_span((950, 1_240_000)) == "950 to 1.3M"
    assert shortfall_words(Shortfall("seconds", 100, 300, 11, 14)) == (
        "the time limit of 100 s is low: 11 of 14 earlier runs like this took longer (median 5 min)"
    )


def test_a_run_with_five_relatives_is_forecast_and_warned_of_a_low_limit(
    crossrun: Crossrun,
) -> None:
    words = ("run", "--executor", "shell", "--no-watch")
    for number in range(5):
        assert crossrun(*words, f"sleep 0.0{number}; echo report number {number}").code == 0
    assert crossrun(*words, "rm -rf build").code == 0
    plan = crossrun.json("run", "--executor", "shell", "--dry-run", "sleep 0.01; echo report 7")
    forecast = plan["forecast"]
    assert (forecast["runs"], forecast["succeeded"], forecast["tokens"]) == (5, 1.0, None)
    assert forecast["confidence"] == pytest.approx(4 / 6)
    assert 0 < forecast["seconds"][0] <= forecast["seconds"][1]
    low = crossrun(*words[:3], "--dry-run", "--timeout", "0.001", "sleep 0.01; echo report 7")
    assert "5 of 5 earlier runs like this took longer" in " ".join(low.out.split())
    shown = crossrun(*words[:3], "sleep 0.01; echo report number 8")
    assert "forecast   like 5 earlier runs:" in shown.err
    [made] = [event for event in crossrun.events() if event["type"] == "forecast_made"]
    assert len(made["forecast"]["run_ids"]) == 5


def test_a_task_without_relatives_has_no_forecast(crossrun: Crossrun) -> None:
    assert crossrun("run", "--executor", "shell", "true").code == 0
    plan = crossrun.json("run", "--executor", "shell", "--dry-run", "echo something else")
    assert plan["forecast"] is None
