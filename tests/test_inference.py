"""Sequential statistics: small cases exactly, and errors as rare as promised at any look."""

import math
from collections.abc import Iterator
from random import Random
from statistics import NormalDist

import pytest

from crossrun.inference.association import (
    EValues,
    RandomisedRun,
    e_process,
    e_values,
    effect_sequence,
)
from crossrun.inference.paired import PairedComparison, compare_pairs
from crossrun.inference.proportions import Proportion, difference_interval
from crossrun.inference.trees import posteriors


def random(seed: int) -> Random:
    return Random(seed)  # noqa: S311  no secret is made


def test_nothing_seen_is_no_evidence() -> None:
    assert e_values([]) == EValues(1, 1)
    assert effect_sequence([], level=0.9) == (-1, 1)


def test_bets_on_a_treatment_are_fair_for_each_outcome() -> None:
    """Whether a run succeeds or fails, the coin that treats it decides what the bet wins."""
    for outcome in (0.0, 0.4, 1.0):
        for expected in (0.02, 0.5, 0.9):
            treated, untreated = (
                e_values([RandomisedRun(flag, 0.95, outcome, expected)]) for flag in (True, False)
            )
            assert 0.95 * treated.lowers + 0.05 * untreated.lowers == pytest.approx(1)
            assert 0.95 * treated.raises + 0.05 * untreated.raises == pytest.approx(1)


def test_failures_with_the_treatment_and_successes_without_it_are_evidence_of_harm() -> None:
    runs = [RandomisedRun(n % 2 == 0, 0.5, float(n % 2), 0.5) for n in range(20)]

    lowers, raises = e_values(runs)

    assert lowers > 20
    assert raises < 1


def looks(rng: Random, *, runs: int, base: float, effect: float) -> Iterator[RandomisedRun]:
    """Runs whose difficulty drifts and whose probability depends on what was seen."""
    succeeded = 0.0
    for at in range(runs):
        drifting = base + 0.2 * math.sin(at / 15)
        probability = 0.5 if succeeded * 2 < at else 0.9
        treated = rng.random() < probability
        outcome = float(rng.random() < drifting + effect * treated)
        yield RandomisedRun(treated, probability, outcome, (succeeded + 1) / (at + 2))
        succeeded += outcome


def ever(seed: int, *, effect: float, runs: int = 150) -> tuple[bool, bool]:
    """Whether `lowers` and `raises` ever reach 20, looked at after every run."""
    seen = list(looks(random(seed), runs=runs, base=0.5, effect=effect))
    values = list(e_process(seen))
    return any(v.lowers >= 20 for v in values), any(v.raises >= 20 for v in values)


def test_without_an_effect_evidence_is_rare_however_often_one_looks() -> None:
    lowered, raised = zip(*(ever(seed, effect=0) for seed in range(150)), strict=True)
    assert sum(lowered) <= 0.05 * 150
    assert sum(raised) <= 0.05 * 150


def test_evidence_is_the_same_whether_it_is_followed_or_looked_at_once() -> None:
    seen = list(looks(random(0), runs=300, base=0.5, effect=-0.1))

    assert e_values(seen) == pytest.approx(list(e_process(seen))[-1])


def test_harm_is_seen_and_its_opposite_is_not() -> None:
    lowered, raised = zip(*(ever(seed, effect=-0.3) for seed in range(30)), strict=True)
    assert sum(lowered) > 0.6 * 30
    assert sum(raised) == 0


def intervals(seed: int) -> list[tuple[float, float]]:
    """The interval after every twentieth of 200 runs with an effect of -10 points."""
    seen = list(looks(random(seed), runs=200, base=0.5, effect=-0.1))
    return [effect_sequence(seen[:count], level=0.9) for count in range(20, 201, 20)]


def test_a_confidence_sequence_holds_the_effect_at_all_times() -> None:
    failed = [any(not low <= -0.1 <= high for low, high in intervals(seed)) for seed in range(30)]
    low, high = intervals(0)[-1]

    assert sum(failed) <= 3
    assert high - low < 0.6


def test_an_interval_excludes_no_effect_exactly_when_the_evidence_is_strong() -> None:
    for seed in range(10):
        seen = list(looks(random(seed), runs=200, base=0.5, effect=-0.2))
        for count in (60, 100, 150, 200):
            _, high = effect_sequence(seen[:count], level=0.9)
            assert (high <= 0.001) >= (e_values(seen[:count]).lowers > 20) >= (high < -0.001)


def test_pairs_that_all_go_one_way_decide_soon() -> None:
    assert compare_pairs([1.0] * 8).verdict == "a_better"
    assert compare_pairs([-1.0] * 8).verdict == "b_better"
    assert compare_pairs([1.0] * 5).verdict == "undecided"


def test_pairs_that_never_differ_show_that_there_is_no_difference() -> None:
    few, many = compare_pairs([0.0] * 20), compare_pairs([0.0] * 80)

    assert (few.verdict, many.verdict) == ("undecided", "no_difference")
    assert many.interval[1] == -many.interval[0] <= 0.1
    assert few.more_pairs is not None
    decided = compare_pairs([0.0] * (20 + few.more_pairs))
    assert (decided.verdict, decided.more_pairs) == ("no_difference", 0)
    assert compare_pairs([0.0] * (19 + few.more_pairs)).verdict == "undecided"


def test_a_comparison_of_nothing_is_undecided() -> None:
    assert compare_pairs([]) == PairedComparison(0, 0.0, (-1.0, 1.0), "undecided", None)


def test_exchanging_the_variants_mirrors_the_comparison() -> None:
    differences = [1.0] * 9 + [0.0] * 11 + [-1.0] * 3

    ab, ba = compare_pairs(differences), compare_pairs([-d for d in differences])

    assert ab.mean == pytest.approx(6 / 23)
    assert ba.interval == pytest.approx((-ab.interval[1], -ab.interval[0]))
    assert ba.more_pairs == ab.more_pairs


def test_equal_variants_are_rarely_called_different_at_any_look() -> None:
    wrong = 0
    for seed in range(20):
        rng = random(seed)
        differences = [float(rng.randrange(2) - rng.randrange(2)) for _ in range(120)]
        verdicts = {compare_pairs(differences[:n]).verdict for n in range(20, 121, 20)}
        wrong += bool(verdicts & {"a_better", "b_better"})
    assert wrong <= 1


@pytest.mark.parametrize(
    ("first", "second", "interval"),
    [
        ((56, 70), (48, 80), (0.0528, 0.3382)),
        ((9, 10), (3, 10), (0.1700, 0.8406)),
        ((10, 10), (0, 20), (0.7156, 1.0)),
        ((5, 56), (0, 29), (-0.0326, 0.1933)),
    ],
)
def test_the_score_interval_is_that_of_the_literature(
    first: tuple[int, int], second: tuple[int, int], interval: tuple[float, float]
) -> None:
    """The examples of Newcombe (1998), table II, for 95%."""
    one, other = (Proportion(hits / runs, runs) for hits, runs in (first, second))
    assert difference_interval(one, other, quantile=1.959964) == pytest.approx(interval, abs=1e-4)


ROOT = NormalDist(0, 0.15)


def test_a_single_estimate_is_combined_with_the_prior() -> None:
    result = posteriors({"a": NormalDist(0.2, 0.1)}, {}, root=ROOT, spreads=[0.1])

    weight = (1 / 0.1**2) / (1 / 0.1**2 + 1 / 0.15**2)
    assert result["a"].mean == pytest.approx(0.2 * weight)
    assert result["a"].variance == pytest.approx(1 / (1 / 0.1**2 + 1 / 0.15**2))


def test_the_posteriors_of_a_tree_are_exact_for_one_spread() -> None:
    """Hand-computed: two children around a root, as a normal of three dimensions."""
    result = posteriors(
        {"a": NormalDist(0.3, 0.1), "b": NormalDist(-0.1, 0.2)},
        {"a": "all", "b": "all"},
        root=ROOT,
        spreads=[0.1],
    )

    of_a, of_b = 1 / (0.1**2 + 0.1**2), 1 / (0.2**2 + 0.1**2)
    precision = of_a + of_b + 1 / 0.15**2
    root = (0.3 * of_a - 0.1 * of_b) / precision
    assert result["all"].mean == pytest.approx(root)
    assert result["all"].variance == pytest.approx(1 / precision)
    assert result["a"].mean == pytest.approx((0.3 + root) / 2)
    assert result["a"].variance == pytest.approx(0.1**2 / 2 + 1 / precision / 4)


def test_siblings_that_agree_are_trusted_more_than_those_that_do_not() -> None:
    def posterior_of_a_new_one(*means: float) -> NormalDist:
        names = [f"p{number}" for number in range(len(means))]
        estimates = {n: NormalDist(m, 0.05) for n, m in zip(names, means, strict=True)}
        return posteriors(
            estimates | {"new": NormalDist(-0.3, 0.3)},
            dict.fromkeys([*names, "new"], "all"),
            root=ROOT,
            spreads=[0.02, 0.1, 0.3],
        )["new"]

    agreeing, differing = (
        posterior_of_a_new_one(0.2, 0.2, 0.2, 0.2),
        posterior_of_a_new_one(0.5, -0.1, 0.4, 0.0),
    )
    assert agreeing.mean > 0.15 > differing.mean
    assert agreeing.stdev < differing.stdev
