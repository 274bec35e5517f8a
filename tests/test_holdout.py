"""The randomised holdout: fair, replayable, never silently off."""

import pytest

from crossrun.patterns.evaluation.holdout import Draw, coin, draw, share_withheld


def share_of_withheld(probability: float, runs: int = 20_000) -> float:
    draws = [draw(f"run-{n}", "9c1", withheld=probability) for n in range(runs)]
    return sum(d.decision == "withheld" for d in draws) / runs


def test_the_same_run_always_draws_the_same() -> None:
    assert draw("k7f3", "9c1", withheld=0.3) == draw("k7f3", "9c1", withheld=0.3)
    assert coin("k7f3", "9c1") == coin("k7f3", "9c1")


def test_a_recorded_draw_can_be_replayed_on_any_machine() -> None:
    """These values are in ledgers: they must never change."""
    coins = [coin(run, "9c1") for run in ("k7f3", "m9d2", "q0aa", "b2b2")]

    assert [round(c, 6) for c in coins] == [0.68191, 0.79264, 0.8154, 0.543495]
    assert draw("b2b2", "9c1", withheld=0.5) == Draw("injected", 0.5)
    assert draw("b2b2", "9c1", withheld=0.6) == Draw("withheld", 0.6)


def test_the_decision_carries_its_own_probability() -> None:
    assert {draw(f"run-{n}", "9c1", withheld=0.25) for n in range(50)} == {
        Draw("injected", 0.75),
        Draw("withheld", 0.25),
    }


@pytest.mark.parametrize("probability", [0.05, 0.1, 0.3, 0.5])
def test_the_share_withheld_converges_to_its_probability(probability: float) -> None:
    assert share_of_withheld(probability) == pytest.approx(probability, abs=0.012)


def test_two_patterns_toss_different_coins_in_the_same_run() -> None:
    both = sum(coin(f"run-{n}", "a") < 0.5 and coin(f"run-{n}", "b") < 0.5 for n in range(10_000))

    assert both / 10_000 == pytest.approx(0.25, abs=0.015)


def test_a_larger_share_withholds_whatever_a_smaller_one_did() -> None:
    for n in range(500):
        if draw(f"run-{n}", "9c1", withheld=0.1).decision == "withheld":
            assert draw(f"run-{n}", "9c1", withheld=0.3).decision == "withheld"


def test_without_evidence_three_in_ten_go_without() -> None:
    assert share_withheld(None) == 0.3


def test_the_share_narrows_with_the_interval_and_stops_at_five_in_a_hundred() -> None:
    widths = (0.8, 0.4, 0.36, 0.32, 0.28, 0.24, 0.2, 0.01)

    shares = [share_withheld((-width / 2, width / 2)) for width in widths]

    assert shares == [0.3, 0.3, 0.25, 0.2, 0.15, 0.1, 0.05, 0.05]


def test_zero_turns_the_holdout_off_and_nothing_else_does() -> None:
    assert share_withheld(None, setting=0) == 0
    assert share_withheld((0.1, 0.1), setting=0, probation=True) == 0
    assert draw("k7f3", "9c1", withheld=0) == Draw("injected", 1)
    assert share_withheld((0.2, 0.2)) > 0
    assert share_withheld((0.2, 0.2), setting=0.02) == 0.02


def test_a_pattern_on_probation_is_withheld_every_other_time() -> None:
    assert share_withheld((0.2, 0.2), probation=True) == 0.5
    assert share_withheld(None, setting=0.6, probation=True) == 0.6


@pytest.mark.parametrize("share", [-0.1, 1, 1.5])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        share_withheld(None, setting=share)
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        draw("k7f3", "9c1", withheld=share)
