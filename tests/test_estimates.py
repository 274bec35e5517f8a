"""Scores and estimates: unbiased by design, and intervals that hold what they promise."""

from collections.abc import Iterator
from random import Random
from statistics import mean

import pytest

from crossrun.patterns.evaluation.cost_outcomes import cost_outcomes, margin, relative
from crossrun.patterns.evaluation.estimates import (
    Estimate,
    RunningEstimate,
    effect_where_followed,
    estimate,
    evidence,
)
from crossrun.patterns.evaluation.expectations import START, Expectations
from crossrun.patterns.evaluation.pooling import pooled
from crossrun.patterns.evaluation.scores import Observation, scores


def random(seed: int) -> Random:
    return Random(seed)  # noqa: S311  no secret is made


def run(
    *, injected: bool, outcome: float, probability: float = 0.5, block: str = "a"
) -> Observation:
    return Observation(
        pattern="p", block=block, injected=injected, probability=probability, outcome=outcome
    )


def runs(with_it: str, without: str, probability: float = 0.5) -> list[Observation]:
    """Each arm as a word of 1 and 0, in turn as far as both go."""
    longest = max(len(with_it), len(without))
    return [
        run(injected=injected, outcome=float(word[at]), probability=probability)
        for at in range(longest)
        for injected, word in ((True, with_it), (False, without))
        if at < len(word)
    ]


def life(
    seed: int, *, count: int, base: float, effect: float, withheld: float, drift: float = 0.0
) -> Iterator[Observation]:
    rng = random(seed)
    for at in range(count):
        block = rng.randrange(4)
        rate = base + 0.1 * (block - 1.5) / 1.5 + drift * (at / count - 0.5)
        injected = rng.random() >= withheld
        success = rng.random() < rate + effect * injected
        yield run(
            injected=injected,
            outcome=float(success),
            probability=1 - withheld,
            block=str(block),
        )


@pytest.mark.parametrize("probability", [0.5, 0.7, 0.95])
@pytest.mark.parametrize("history", ["", "1", "0001"])
def test_the_mean_score_is_the_effect_whatever_was_expected(
    probability: float, history: str
) -> None:
    """A run would succeed with the pattern and fail without it: the effect is 1."""
    before = [run(injected=True, outcome=float(sign)) for sign in history]
    with_it, without = (
        scores([*before, run(injected=flag, outcome=float(flag), probability=probability)])[-1]
        for flag in (True, False)
    )
    assert probability * with_it.value + (1 - probability) * without.value == pytest.approx(1)


def test_what_is_expected_of_a_run_comes_from_earlier_runs_only() -> None:
    early = runs("1101", "0100")
    one, other = scores([*early, *runs("11", "11")]), scores([*early, *runs("00", "00")])

    assert [s.expected for s in one[:9]] == [s.expected for s in other[:9]]
    assert one[-1].expected > other[-1].expected


def test_of_the_very_first_run_nothing_is_known() -> None:
    assert scores(runs("1", ""))[0].expected == START


def test_a_block_is_expected_to_be_like_others_until_it_is_known() -> None:
    expectations = Expectations()
    for _ in range(50):
        expectations.before("easy", 1.0)

    first = expectations.before("hard", 0.0)
    for _ in range(50):
        expectations.before("hard", 0.0)

    assert first > 0.9
    assert expectations.before("hard", 0.0) < 0.1
    assert expectations.before("easy", 1.0) > 0.9


def test_what_changed_is_noticed() -> None:
    expectations = Expectations()
    for outcome in (1.0, 0.0):
        for _ in range(200):
            expectations.before("a", outcome)
    assert expectations.before("a", 0.0) < 0.1


def test_without_runs_of_both_kinds_every_effect_is_possible() -> None:
    assert estimate([]).interval == (-1, 1)
    assert estimate(scores(runs("1111", ""))).interval == (-1, 1)
    assert estimate(scores(runs("1111", ""))).with_it == 4


def test_one_block_and_one_probability_give_about_the_plain_difference() -> None:
    seen = estimate(scores(runs("1101111101", "0100101101")))

    assert seen.mean == pytest.approx(0.8 - 0.5, abs=0.06)
    assert (seen.with_it, seen.without) == (10, 10)
    low, high = seen.interval
    assert low < 0
    assert high > 0.6


def test_runs_that_all_succeed_leave_room_for_doubt() -> None:
    low, high = estimate(scores(runs("1" * 30, "1" * 5))).interval
    assert low < -0.05
    assert high > 0.2


def test_runs_added_one_by_one_give_the_same_estimate() -> None:
    seen = scores(life(1, count=80, base=0.6, effect=0.2, withheld=0.2))
    running = RunningEstimate()
    for each in seen:
        running.add(each)
    assert running.now() == estimate(seen)


def test_a_changing_share_is_not_mistaken_for_an_effect() -> None:
    """Half were withheld while runs were hard, few when they were easy: it changed nothing."""
    rng = random(4)
    observations = [
        run(injected=rng.random() < p, outcome=float(rng.random() < rate), probability=p)
        for p, rate in ((0.5, 0.1), (0.95, 0.9))
        for _ in range(400)
    ]
    succeeded = {
        flag: mean(o.outcome for o in observations if o.injected == flag) for flag in (True, False)
    }

    low, high = estimate(scores(observations)).interval

    assert succeeded[True] - succeeded[False] > 0.3
    assert low < 0 < high < 0.2


@pytest.mark.parametrize(
    ("base", "effect", "withheld", "drift"),
    [(0.6, 0.0, 0.3, 0.5), (0.85, -0.2, 0.3, 0.0), (0.85, 0.0, 0.1, 0.0), (0.15, 0.2, 0.5, 0.0)],
)
def test_intervals_hold_the_truth_nine_times_in_ten(
    base: float, effect: float, withheld: float, drift: float
) -> None:
    estimates = [
        estimate(
            scores(life(s, count=100, base=base, effect=effect, withheld=withheld, drift=drift))
        )
        for s in range(200)
    ]
    held = mean(e.interval[0] <= effect <= e.interval[1] for e in estimates)
    assert 0.86 <= held <= 0.96
    assert mean(e.mean for e in estimates) == pytest.approx(effect, abs=0.02)


def test_the_evidence_sees_harm_and_help() -> None:
    for effect, seed in ((-0.3, 1), (0.3, 2)):
        seen = evidence(scores(life(seed, count=400, base=0.5, effect=effect, withheld=0.3)))
        strong, weak = (seen.hurts, seen.helps) if effect < 0 else (seen.helps, seen.hurts)
        assert strong > 20 > weak
        assert seen.interval[0] < effect < seen.interval[1]


def test_the_effect_where_followed_is_the_effect_divided_by_the_share_that_followed() -> None:
    whole = Estimate(0.1, (0.0, 0.2), 0.0608, 100, 30)
    half = effect_where_followed(whole, 50)
    every = effect_where_followed(whole, 100)

    assert half is not None
    assert every is not None
    assert half.mean == pytest.approx(0.2)
    assert half.interval == pytest.approx((0.0, 0.4), abs=0.02)
    assert every.interval == pytest.approx((0.0, 0.2), abs=0.001)


def test_where_hardly_any_run_followed_the_effect_is_not_known() -> None:
    assert effect_where_followed(Estimate(0.1, (0.0, 0.2), 0.06, 100, 30), 0) is None
    assert effect_where_followed(Estimate(0.1, (0.0, 0.2), 0.06, 3, 3), 1) is None


def test_patterns_lean_on_their_family() -> None:
    def posterior(of_siblings: float) -> float:
        siblings = {f"s{n}": Estimate(of_siblings, (0, 0), 0.04, 99, 99) for n in range(5)}
        known = {
            name: Estimate(e.mean, (e.mean - 0.066, e.mean + 0.066), 0.04, 99, 99)
            for name, e in siblings.items()
        }
        scarce = Estimate(0.0, (-0.5, 0.5), 0.3, 6, 3)
        parents = dict.fromkeys([*known, "new"], "family") | {"family": "all"}
        return pooled(known | {"new": scarce}, parents)["new"].mean

    assert posterior(0.3) > 0.15
    assert posterior(-0.3) < -0.15


def test_costs_are_compared_with_what_their_block_took_before() -> None:
    outcomes = cost_outcomes([("small", 100), ("small", 100), ("small", 800), ("small", 1e9)])

    assert outcomes[:2] == [0.5, 0.5]
    assert outcomes[2] == pytest.approx(1.0, abs=0.01)
    assert outcomes[3] == 1.0


def test_a_margin_is_the_difference_that_it_says() -> None:
    assert relative(margin(0.5)) == pytest.approx(0.5)
    assert relative(0.0) == 0
