"""Credit: what a pattern changes, not how the runs went that it was in."""

from collections.abc import Iterable
from itertools import count
from random import Random

import pytest
from msgspec.structs import replace

from crossrun.model.workflows import Stats
from crossrun.patterns.evaluation.credit import (
    Arms,
    Credit,
    Effect,
    LifetimeEvidence,
    Lift,
    NotEnough,
    Pooled,
    stats,
)
from crossrun.patterns.evaluation.evidence import Evaluation, credits_of
from crossrun.patterns.evaluation.lifecycle import judge
from crossrun.patterns.evaluation.trials import Conditions, Trial
from crossrun.patterns.evaluation.verdicts import verdict_on_memory

NUMBERS = count(1)
MISSING = NotEnough(
    "not enough evidence yet: 2 runs with it and 1 without; at least 5 and 3 are needed"
)


def trial(*, injected: bool, succeeded: bool = True, **fields: object) -> Trial:
    number = next(NUMBERS)
    usual = Trial(
        run_id=f"r{number:05d}",
        at=f"{number:05d}",
        pattern_id="9c1",
        family_id="9c1",
        version="v1",
        kind="code\0Convert it",
        injected=injected,
        probability=0.7 if injected else 0.3,
        succeeded=succeeded,
        verified=True,
    )
    return replace(usual, **fields)


def runs(good: int, bad: int, *, injected: bool, **fields: object) -> list[Trial]:
    """So many that succeeded and so many that did not."""
    return [trial(injected=injected, succeeded=n < good, **fields) for n in range(good + bad)]


def mixed(*trials: list[Trial], seed: int = 1) -> list[Trial]:
    """The trials in an order of time in which chance has mixed them."""
    together = [each for group in trials for each in group]
    Random(seed).shuffle(together)  # noqa: S311  no secret is made
    return [replace(each, at=f"{place:05d}") for place, each in enumerate(together)]


def credit(trials: Iterable[Trial], pattern: str = "9c1") -> Credit:
    return credits_of(trials)[pattern]


def lift(trials: Iterable[Trial], pattern: str = "9c1") -> Lift:
    success = credit(trials, pattern).success
    assert isinstance(success, Lift), success
    return success


def drawn(
    *,
    runs: int,
    without: float,
    with_it: float,
    share: float = 0.3,
    seed: int = 1,
    **fields: object,
) -> list[Trial]:
    """Runs of a pattern whose truth is known, in order of time."""
    rng = Random(seed)  # noqa: S311  no secret is made
    trials = []
    for _ in range(runs):
        injected = rng.random() >= share
        succeeded = rng.random() < (with_it if injected else without)
        probability = 1 - share if injected else share
        trials.append(
            trial(injected=injected, succeeded=succeeded, probability=probability, **fields)
        )
    return trials


def test_no_trials_give_no_credit() -> None:
    assert credits_of([]) == {}
    assert Evaluation([]).memory() is None


def test_a_few_runs_are_not_enough_and_say_so() -> None:
    result = credit(runs(2, 0, injected=True) + runs(0, 1, injected=False))

    assert result == Credit(
        pattern_id="9c1",
        family_id="9c1",
        runs_with=2,
        runs_without=1,
        succeeded_with=2,
        succeeded_without=0,
        is_verified=True,
        unverified=Arms(0, 0, 0, 0),
        followed=2,
        ignored=0,
        chosen=0,
        experiment_runs=0,
        adherence=None,
        success=MISSING,
        effect_where_followed=MISSING,
        failed_commands=MISSING,
        turns=MISSING,
        tokens=MISSING,
        cost=MISSING,
        seconds=MISSING,
        evidence=result.evidence,
        kinds=result.kinds,
        holdout_cost=result.holdout_cost,
        share=result.share,
    )
    assert result.holdout_cost.runs == 1


def test_runs_with_it_alone_prove_nothing_however_many() -> None:
    assert isinstance(credit(runs(200, 0, injected=True)).success, NotEnough)


def test_stats_are_null_until_there_is_enough() -> None:
    few = stats(credit(runs(9, 0, injected=True)))
    assert (few.lift, few.lift_interval, few.p_hurt, few.proved) == (None, None, None, False)

    enough = runs(9, 1, injected=True) + runs(3, 3, injected=False)
    expected = lift(enough)
    assert stats(credit(enough)) == Stats(
        runs_with=10,
        runs_without=6,
        lift=expected.mean,
        lift_interval=expected.interval,
        p_hurt=expected.p_hurt,
        proved=False,
        share=credit(enough).share,
        kinds=stats(credit(enough)).kinds,
    )


def test_runs_that_did_not_follow_the_pattern_count_like_all_others() -> None:
    """Whether a run follows depends on how it goes, and is known in one arm only."""
    followed = runs(10, 0, injected=True, adherence=0.9)
    ignored = runs(0, 18, injected=True, adherence=0.1)
    result = credit(mixed(followed, ignored, runs(11, 1, injected=False)))

    assert (result.runs_with, result.succeeded_with) == (28, 10)
    assert (result.runs_without, result.succeeded_without) == (12, 11)
    assert (result.followed, result.ignored) == (10, 18)
    assert isinstance(result.success, Lift)
    assert result.success.mean < -0.4
    assert result.success.p_hurt > 0.9
    assert judge("candidate", result).state == "quarantined"
    assert judge("candidate", result).reason.startswith("It hurts: -5")


def test_the_effect_where_followed_is_the_lift_divided_by_the_share_that_followed() -> None:
    trials = mixed(
        runs(40, 0, injected=True, adherence=0.9),
        runs(20, 20, injected=True, adherence=0.1),
        runs(20, 20, injected=False),
    )
    result = credit(trials)
    assert isinstance(result.success, Lift)
    assert isinstance(result.effect_where_followed, Effect)
    assert result.effect_where_followed.mean == pytest.approx(2 * result.success.mean, abs=1e-3)
    low, high = result.effect_where_followed.interval
    assert low < 2 * result.success.interval[0] + 0.05
    assert high > result.success.interval[1]


def test_without_a_run_that_followed_there_is_no_effect_where_followed() -> None:
    ignored = runs(10, 10, injected=True, adherence=0.1)
    result = credit(mixed(ignored, runs(5, 5, injected=False)))
    assert isinstance(result.success, Lift)
    assert isinstance(result.effect_where_followed, NotEnough)


def test_runs_in_which_the_user_chose_are_counted_and_not_compared() -> None:
    fair = mixed(runs(15, 3, injected=True), runs(4, 4, injected=False))
    forced = runs(30, 0, injected=True, probability=1.0)

    result = credit(fair + forced)

    assert (result.runs_with, result.chosen) == (18, 30)
    assert result.success == lift(fair)


def test_hard_tasks_are_not_held_against_a_pattern() -> None:
    """The flaw of success ratios: 6 of 30 look like a failure, and are no worse than without."""
    result = lift(mixed(runs(6, 24, injected=True), runs(2, 8, injected=False)))

    assert abs(result.mean) < 0.1
    assert result.p_hurt < 0.7
    assert result.interval[0] < 0 < result.interval[1]


def test_runs_are_compared_within_the_probability_they_were_drawn_with() -> None:
    """Half were withheld while runs were easy, few when hard: at no time it changed anything."""
    easy = mixed(
        runs(36, 4, injected=True, probability=0.5), runs(36, 4, injected=False, probability=0.5)
    )
    hard = mixed(
        runs(24, 96, injected=True, probability=0.95), runs(1, 5, injected=False, probability=0.05)
    )
    later = [replace(each, at=f"1{each.at}") for each in hard]
    trials = easy + later
    blind = [replace(t, probability=0.7 if t.injected else 0.3) for t in trials]

    assert lift(trials).interval[0] < 0 < lift(trials).interval[1]
    assert lift(blind).mean < lift(trials).mean - 0.1


def test_the_credit_says_what_it_pools() -> None:
    strong = Conditions("codex", "1", "big", "developer")
    weak = Conditions("codex", "2", "small", "prompt")
    trials = [
        *runs(2, 18, injected=True, version="v1", conditions=strong),
        *runs(5, 5, injected=False, version="v2", conditions=weak),
    ]
    assert credit(trials).pooled == (
        Pooled("version", ("v1", "v2")),
        Pooled("agent_version", ("1", "2")),
        Pooled("model", ("big", "small")),
        Pooled("channel", ("developer", "prompt")),
    )


def test_more_of_the_same_evidence_narrows_the_interval() -> None:
    widths = []
    for size in (1, 2, 4, 8):
        trials = mixed(
            runs(8 * size, 2 * size, injected=True), runs(3 * size, 3 * size, injected=False)
        )
        low, high = lift(trials).interval
        widths.append(high - low)

    assert widths == sorted(widths, reverse=True)


def test_with_much_evidence_the_lift_is_the_plain_difference() -> None:
    trials = mixed(
        runs(1400, 600, injected=True, probability=0.667),
        runs(500, 500, injected=False, probability=0.333),
    )
    result = credit(trials)

    assert isinstance(result.success, Lift)
    assert result.success.mean == pytest.approx(0.2, abs=0.02)
    assert result.success.p_hurt < 0.01
    assert result.is_proved


def test_little_evidence_leans_on_the_family() -> None:
    def with_siblings(good: int) -> Lift:
        scarce = runs(4, 2, injected=True) + runs(2, 1, injected=False)
        siblings = [
            each
            for name in ("a", "b", "c")
            for each in (
                *runs(good, 40 - good, injected=True, pattern_id=name, kind=f"code\0{name}"),
                *runs(10, 10, injected=False, pattern_id=name, kind=f"code\0{name}"),
            )
        ]
        return lift(mixed(scarce, siblings))

    assert with_siblings(38).p_hurt < 0.2 < with_siblings(4).p_hurt


def test_the_order_in_which_trials_are_given_does_not_matter() -> None:
    trials = [
        *drawn(runs=60, without=0.5, with_it=0.7),
        *drawn(runs=60, without=0.5, with_it=0.5, pattern_id="b", family_id="b"),
    ]
    shuffled = list(trials)
    Random(3).shuffle(shuffled)  # noqa: S311  no secret is made

    assert credits_of(shuffled) == credits_of(trials)
    assert Evaluation(shuffled).memory() == Evaluation(trials).memory()


def test_a_pattern_that_hurts_is_quarantined_and_one_that_helps_is_proved() -> None:
    hurting = credit(drawn(runs=200, without=0.8, with_it=0.5))
    helping = credit(drawn(runs=200, without=0.5, with_it=0.8))

    assert judge("active", hurting).state in ("quarantined", "retired")
    assert (judge("candidate", helping).state, helping.is_proved) == ("active", True)


def test_a_pattern_that_trebles_the_tokens_at_equal_success_is_quarantined() -> None:
    rng = Random(4)  # noqa: S311  no secret is made
    trials = [
        replace(each, tokens=int((3 if each.injected else 1) * 10_000 * rng.uniform(0.7, 1.4)))
        for each in drawn(runs=120, without=0.8, with_it=0.8, share=0.15)
    ]
    transition = judge("active", credit(trials))

    assert transition.state == "quarantined"
    assert transition.reason.startswith("It takes 3.")
    assert "times the tokens at no more success" in transition.reason


def test_a_pattern_that_takes_as_many_tokens_is_not_dear() -> None:
    rng = Random(4)  # noqa: S311  no secret is made
    trials = [
        replace(each, tokens=int(10_000 * rng.uniform(0.3, 3)))
        for each in drawn(runs=120, without=0.8, with_it=0.8, share=0.15)
    ]
    assert judge("active", credit(trials)).state == "active"


def test_tokens_that_buy_success_are_not_held_against_a_pattern() -> None:
    trials = [
        replace(each, tokens=30_000 if each.injected else 10_000)
        for each in drawn(runs=300, without=0.4, with_it=0.8)
    ]
    result = credit(trials)
    assert result.evidence.e_dearer["tokens"] > 400
    assert judge("active", result).state == "active"


def test_success_without_a_check_is_shown_apart() -> None:
    checked = mixed(runs(8, 2, injected=True), runs(3, 3, injected=False))
    unchecked = [
        *runs(20, 0, injected=True, verified=False),
        *runs(4, 4, injected=False, verified=False),
    ]
    result = credit(checked + unchecked)

    assert (result.runs_with, result.runs_without, result.is_verified) == (10, 6, True)
    assert result.unverified == Arms(20, 8, 20, 4)
    assert result.success == lift(checked)


def test_runs_without_a_check_are_what_there_is_where_none_has_one() -> None:
    result = credit(drawn(runs=200, without=0.5, with_it=0.8, verified=False))

    assert isinstance(result.success, Lift)
    assert (result.is_verified, result.is_proved) == (False, False)
    assert "by what runs say without --verify" in judge("active", result).reason


def test_runs_without_a_check_can_show_harm() -> None:
    result = credit(drawn(runs=200, without=0.9, with_it=0.5, verified=False))
    assert judge("active", result).state in ("quarantined", "retired")


def test_a_run_that_its_own_record_contradicts_is_no_success_unless_a_check_passed() -> None:
    contradicted = runs(10, 0, injected=True, contradicted=True)
    others = runs(5, 5, injected=False)

    assert credit(contradicted + others).succeeded_with == 10
    unchecked = [replace(each, verified=False) for each in contradicted]
    assert (
        credit([*unchecked, *[replace(each, verified=False) for each in others]]).succeeded_with
        == 0
    )


def test_runs_of_experiments_count_and_are_counted() -> None:
    paired = [
        *runs(9, 1, injected=True, probability=0.5, experiment_id="e1"),
        *runs(5, 5, injected=False, probability=0.5, experiment_id="e1"),
    ]
    result = credit(mixed(paired))
    assert (result.runs_with, result.runs_without, result.experiment_runs) == (10, 10, 20)
    assert result.holdout_cost.runs == 0


def by_kind(**kinds: tuple[float, float]) -> list[Trial]:
    """Runs of one pattern on kinds of tasks, given by the success without it and with it."""
    return mixed(
        *(
            drawn(runs=150, without=without, with_it=with_it, kind=f"code\0{name}", share=0.5)
            for name, (without, with_it) in kinds.items()
        )
    )


def test_a_kind_of_task_on_which_a_pattern_hurts_does_not_condemn_it_for_others() -> None:
    result = credit(by_kind(convert=(0.4, 0.8), plot=(0.9, 0.4)))

    assert {kind.task: kind.state for kind in result.kinds} == {"convert": "helps", "plot": "hurts"}
    transition = judge("active", result)
    assert transition.state == "active"
    assert "not given to 1 kind of task on which it hurts" in transition.reason


def test_what_hurts_on_every_kind_is_quarantined_as_a_whole() -> None:
    result = credit(by_kind(convert=(0.9, 0.5), plot=(0.9, 0.4)))

    assert {kind.state for kind in result.kinds} == {"suspected"}
    assert judge("active", result).state in ("quarantined", "retired")


def test_the_effect_on_a_kind_leans_on_the_effect_on_all() -> None:
    trials = mixed(
        drawn(runs=200, without=0.4, with_it=0.8, kind="code\0often"),
        drawn(runs=8, without=0.9, with_it=0.1, kind="code\0seldom", seed=5),
    )
    often, seldom = credit(trials).kinds
    assert (often.task, seldom.task) == ("often", "seldom")
    assert often.lift == pytest.approx(0.4, abs=0.15)
    assert seldom.lift > -0.5


def test_memory_as_a_whole_is_known_long_before_any_pattern() -> None:
    trials = [
        each
        for number in range(40)
        for each in drawn(
            runs=4,
            without=0.45,
            with_it=0.85,
            seed=number,
            pattern_id=f"p{number}",
            family_id=f"p{number}",
        )
    ]
    evaluation = Evaluation(trials)
    memory = evaluation.memory()

    assert all(isinstance(each.success, NotEnough) for each in credits_of(trials).values())
    assert memory is not None
    assert memory.is_proved
    assert isinstance(memory.success, Lift)
    assert memory.success.interval[0] < 0.4 < memory.success.interval[1]
    assert memory.holdout_cost.runs == memory.runs_without


def test_a_store_with_hundreds_of_patterns_on_one_task_still_adds_up() -> None:
    trials = [
        replace(each, pattern_id=f"p{n % 100}", family_id="all")
        for n, each in enumerate(drawn(runs=1500, without=0.5, with_it=0.5))
    ]
    assert len(credits_of(trials)) == 100


def test_what_the_runs_took_is_compared_as_well() -> None:
    on = {"failed_commands": 1, "turns": 2, "tokens": 7_000, "seconds": 30.0, "cost": 0.07}
    off = {"failed_commands": 3, "turns": 4, "tokens": 10_000, "seconds": 60.0, "cost": 0.10}

    result = credit(mixed(runs(60, 0, injected=True, **on), runs(30, 0, injected=False, **off)))

    assert isinstance(result.failed_commands, Effect)
    assert result.failed_commands.mean == pytest.approx(-2, abs=0.3)
    for effect, relative in ((result.tokens, -0.3), (result.seconds, -0.5), (result.cost, -0.3)):
        assert isinstance(effect, Effect)
        assert effect.mean == pytest.approx(relative, abs=0.06)
        assert effect.interval[0] < effect.mean < effect.interval[1] < 0


def test_what_was_never_measured_is_not_known() -> None:
    result = credit(runs(6, 0, injected=True) + runs(4, 0, injected=False, tokens=5))

    assert result.tokens == NotEnough("not enough evidence yet: not measured in runs of both kinds")


def test_evidence_of_nothing_is_one() -> None:
    forced = runs(3, 0, injected=True, probability=1.0)
    assert credit(forced).evidence == LifetimeEvidence()


@pytest.mark.parametrize("seed", range(5))
def test_a_helpful_and_a_harmful_pattern_make_no_claim_about_memory_as_a_whole(seed: int) -> None:
    """The harmful one is withheld more often, so its runs say more; they must not decide."""
    helpful = drawn(runs=150, without=0.4, with_it=0.8, share=0.05, seed=seed)
    harmful = drawn(
        runs=150, without=0.8, with_it=0.4, share=0.5, seed=-seed, pattern_id="b", family_id="b"
    )
    memory = Evaluation(mixed(helpful, harmful, seed=seed)).memory()
    assert memory is not None
    assert memory.evidence.e_hurts > 20
    sentence = verdict_on_memory(memory)
    assert "proved" not in sentence
    assert not sentence.startswith("Memory as a whole hurts")
