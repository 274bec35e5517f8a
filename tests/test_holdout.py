"""The randomised holdout: fair, replayable, never silently off."""

import pytest

from crossrun.patterns.evaluation.beliefs import EFFECTS, belief, expected, prior
from crossrun.patterns.evaluation.estimates import Estimate
from crossrun.patterns.evaluation.expected_loss import SHARES, best_share, expected_loss
from crossrun.patterns.evaluation.holdout import (
    FIRST_SHARE,
    Draw,
    coin,
    draw,
    share_withheld,
)


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


def test_a_pattern_without_runs_is_withheld_as_the_prior_says() -> None:
    assert share_withheld(None, setting=0.5) == FIRST_SHARE == best_share(prior()) == 0.15


def test_the_setting_is_the_upper_bound() -> None:
    assert share_withheld(0.3, setting=0.5) == 0.3
    assert share_withheld(0.3, setting=0.2) == 0.2
    assert share_withheld(None, setting=0.1) == 0.1
    assert share_withheld(0.05, setting=0.02) == 0.02


def test_zero_turns_the_holdout_off_and_nothing_else_does() -> None:
    assert share_withheld(None, setting=0) == 0
    assert share_withheld(0.05, setting=0, suspected=True) == 0
    assert draw("k7f3", "9c1", withheld=0) == Draw("injected", 1)
    assert share_withheld(best_share(belief(known(0.2, 0.01))), setting=0.5) > 0


def test_a_pattern_under_suspicion_is_withheld_every_other_time() -> None:
    assert share_withheld(0.05, setting=0.1, suspected=True) == 0.5
    assert share_withheld(None, setting=0.6, suspected=True) == 0.6


def known(mean: float, standard_error: float) -> Estimate:
    half = 1.645 * standard_error
    return Estimate(mean, (mean - half, mean + half), standard_error, 1, 1)


def test_the_prior_is_what_the_public_evidence_says() -> None:
    hurts = sum(p for effect, p in zip(EFFECTS, prior(), strict=True) if effect < -0.02)
    helps = sum(p for effect, p in zip(EFFECTS, prior(), strict=True) if effect > 0.02)
    assert expected(prior()) == pytest.approx(0.045, abs=0.005)
    assert 0.08 < hurts < 0.15
    assert 0.3 < helps < 0.4
    assert sum(prior()) == pytest.approx(1)


def test_evidence_moves_the_belief_and_overrules_the_prior() -> None:
    assert expected(belief(known(-0.2, 0.2))) < expected(prior())
    assert expected(belief(known(-0.2, 0.01))) == pytest.approx(-0.2, abs=0.02)
    assert expected(belief(known(-0.9, 0.001))) == -0.6


def test_what_helps_for_sure_is_seldom_withheld_and_what_hurts_often() -> None:
    means = [step / 20 for step in range(-8, 9)]
    shares = [best_share(belief(known(mean, 0.1))) for mean in means]

    assert shares == sorted(shares, reverse=True)
    assert (shares[0], shares[-1]) == (0.5, 0.05)


def test_the_best_share_loses_least() -> None:
    for mean in (-0.1, 0.0, 0.1):
        of = belief(known(mean, 0.15))
        assert expected_loss(of, best_share(of)) == min(expected_loss(of, s) for s in SHARES)


@pytest.mark.parametrize("share", [-0.1, 1, 1.5])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        share_withheld(None, setting=share)
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        draw("k7f3", "9c1", withheld=share)
