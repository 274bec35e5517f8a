"""Credit: what a pattern changes, not how the runs went that it was in."""

from collections.abc import Iterable, Iterator
from itertools import count
from random import Random

import pytest
from msgspec.structs import replace

from crossrun.model.workflows import Stats
from crossrun.patterns.evaluation.cost_effects import Measurement, cost_effects
from crossrun.patterns.evaluation.evidence import (
    Conditions,
    Credit,
    Effect,
    Lift,
    NotEnough,
    Pooled,
    Trial,
    credits_of,
    stats,
)

NUMBERS = count(1)


def trial(*, injected: bool, succeeded: bool = True, **fields: object) -> Trial:
    usual = Trial(
        run_id=f"r{next(NUMBERS):05d}",
        pattern_id="9c1",
        family_id="9c1",
        version="v1",
        task="convert",
        injected=injected,
        probability=0.7 if injected else 0.3,
        succeeded=succeeded,
    )
    return replace(usual, **fields)


def runs(good: int, bad: int, *, injected: bool, **fields: object) -> list[Trial]:
    """So many that succeeded and so many that did not."""
    return [trial(injected=injected, succeeded=n < good, **fields) for n in range(good + bad)]


def credit(trials: Iterable[Trial], pattern: str = "9c1") -> Credit:
    return credits_of(trials)[pattern]


def lift(trials: Iterable[Trial], pattern: str = "9c1") -> Lift:
    found = credit(trials, pattern).success
    assert isinstance(found, Lift), found
    return found


def other_patterns() -> Iterator[Trial]:
    """Patterns that do nothing: half of the runs succeed, with and without them."""
    for name in (f"other-{number}" for number in range(12)):
        for task in (f"{name}-{number}" for number in range(4)):
            yield from runs(2, 2, injected=True, pattern_id=name, family_id=name, task=task)
            yield from runs(1, 1, injected=False, pattern_id=name, family_id=name, task=task)


def test_no_trials_give_no_credit() -> None:
    assert credits_of([]) == {}


def test_a_few_runs_are_not_enough_and_say_so() -> None:
    missing = NotEnough(
        "not enough evidence yet: 2 runs with it and 1 without, it takes at least 5 and 3"
    )

    assert credit(runs(2, 0, injected=True) + runs(0, 1, injected=False)) == Credit(
        pattern_id="9c1",
        family_id="9c1",
        runs_with=2,
        runs_without=1,
        succeeded_with=2,
        succeeded_without=0,
        ignored=0,
        chosen=0,
        adherence=None,
        success=missing,
        failed_commands=missing,
        turns=missing,
        tokens=missing,
        seconds=missing,
    )


def test_runs_with_it_alone_prove_nothing_however_many() -> None:
    assert isinstance(credit(runs(200, 0, injected=True)).success, NotEnough)


def test_stats_are_null_until_there_is_enough() -> None:
    assert stats(credit(runs(9, 0, injected=True))) == Stats(9, 0, None, None, None)

    found = lift(enough := runs(9, 1, injected=True) + runs(3, 3, injected=False))
    assert stats(credit(enough)) == Stats(10, 6, found.mean, found.interval, found.p_hurt)


def test_a_pattern_that_the_agent_ignored_earns_nothing() -> None:
    shown = runs(30, 0, injected=True, adherence=0.1)

    found = credit(shown + runs(2, 8, injected=False))

    assert (found.runs_with, found.ignored, found.adherence) == (0, 30, 0.1)
    assert found.success == NotEnough(
        "not enough evidence yet: 0 runs with it and 10 without, it takes at least 5 and 3; "
        "in 30 more the agent ignored it"
    )


def test_ignored_runs_change_no_figure_of_the_others() -> None:
    fair = runs(15, 3, injected=True, adherence=0.9) + runs(4, 4, injected=False)
    ignored = runs(0, 20, injected=True, adherence=0.2)

    assert lift(fair + ignored) == lift(fair)


def test_runs_in_which_the_user_chose_are_counted_and_not_compared() -> None:
    fair = runs(15, 3, injected=True) + runs(4, 4, injected=False)
    forced = runs(30, 0, injected=True, probability=1.0)

    found = credit(fair + forced)

    assert (found.runs_with, found.chosen) == (18, 30)
    assert found.success == lift(fair)


def test_hard_tasks_are_not_held_against_a_pattern() -> None:
    """The flaw of success ratios: 6 of 30 look like a failure, and are no worse than without."""
    hard = runs(6, 24, injected=True, task="hard") + runs(2, 8, injected=False, task="hard")

    found = lift([*hard, *other_patterns()])

    assert abs(found.mean) < 0.05
    assert found.p_hurt < 0.7
    assert found.interval[0] < 0 < found.interval[1]


def test_easy_tasks_earn_a_pattern_nothing() -> None:
    easy = runs(29, 1, injected=True, task="easy") + runs(10, 0, injected=False, task="easy")

    assert lift([*easy, *other_patterns()]).mean < 0.02


def test_runs_are_compared_within_their_task() -> None:
    """Overall it succeeds less often with it (18/40, 12/20), on each task more often."""
    trials = [
        *runs(9, 1, injected=True, task="easy"),
        *runs(12, 3, injected=False, task="easy"),
        *runs(9, 21, injected=True, task="hard"),
        *runs(0, 5, injected=False, task="hard"),
    ]

    assert lift(trials).mean > 0.05
    assert lift([replace(t, task="one") for t in trials]).mean < -0.05


def test_runs_are_compared_within_the_probability_they_were_drawn_with() -> None:
    """Half were withheld while runs were easy, few when hard: at no time it changed anything."""
    trials = [
        *runs(18, 2, injected=True, probability=0.5),
        *runs(18, 2, injected=False, probability=0.5),
        *runs(12, 48, injected=True, probability=0.95),
        *runs(1, 3, injected=False, probability=0.05),
    ]
    blind = [replace(t, probability=0.7 if t.injected else 0.3) for t in trials]

    assert abs(lift(trials).mean) < 0.06
    assert lift(blind).mean < -0.3


def test_another_agent_is_another_block_and_the_credit_says_what_it_pools() -> None:
    strong, weak = (
        Conditions("codex", "1", "big", "developer"),
        Conditions("codex", "2", "small", "prompt"),
    )
    trials = [
        *runs(9, 1, injected=True, conditions=strong),
        *runs(27, 3, injected=False, conditions=strong),
        *runs(3, 27, injected=True, conditions=weak),
        *runs(1, 9, injected=False, conditions=weak),
    ]

    assert abs(lift(trials).mean) < 0.06
    assert lift([replace(t, conditions=strong) for t in trials]).mean < -0.2
    assert credit(trials).pooled == (
        Pooled("agent_version", ("1", "2")),
        Pooled("model", ("big", "small")),
        Pooled("channel", ("developer", "prompt")),
    )


def test_versions_are_pooled_openly() -> None:
    trials = [
        *runs(2, 18, injected=True, version="v1"),
        *runs(5, 5, injected=False, version="v2"),
    ]
    assert credit(trials).pooled == (Pooled("version", ("v1", "v2")),)


def test_a_mirror_image_has_the_mirrored_lift() -> None:
    trials = runs(16, 4, injected=True) + runs(5, 5, injected=False)
    mirrored = [replace(t, succeeded=not t.succeeded) for t in trials]

    there, back = lift(trials), lift(mirrored)

    assert back.mean == pytest.approx(-there.mean, abs=1e-3)
    assert back.interval == pytest.approx((-there.interval[1], -there.interval[0]), abs=1e-3)
    assert there.p_hurt < 0.1
    assert back.p_hurt > 0.8


def test_each_further_success_with_the_pattern_raises_its_lift() -> None:
    found = [
        lift(runs(good, 20 - good, injected=True) + runs(5, 5, injected=False))
        for good in range(21)
    ]

    assert [f.mean for f in found] == sorted(f.mean for f in found)
    assert [f.p_hurt for f in found] == sorted((f.p_hurt for f in found), reverse=True)


def test_each_further_success_without_the_pattern_lowers_its_lift() -> None:
    found = [
        lift(runs(10, 10, injected=True) + runs(good, 12 - good, injected=False))
        for good in range(13)
    ]

    assert [f.mean for f in found] == sorted((f.mean for f in found), reverse=True)
    assert [f.p_hurt for f in found] == sorted(f.p_hurt for f in found)


def test_more_of_the_same_evidence_narrows_the_interval() -> None:
    widths = []
    for size in (1, 2, 4, 8):
        low, high = lift(
            runs(8 * size, 2 * size, injected=True) + runs(3 * size, 3 * size, injected=False)
        ).interval
        widths.append(high - low)

    assert widths == sorted(widths, reverse=True)


def test_with_much_evidence_the_lift_is_the_plain_difference() -> None:
    found = lift(runs(1400, 600, injected=True) + runs(1000, 1000, injected=False))

    assert found.mean == pytest.approx(0.2, abs=0.02)
    assert found.p_hurt == 0


def test_little_evidence_leans_on_the_family() -> None:
    def with_siblings(good: int) -> Lift:
        scarce = runs(4, 2, injected=True) + runs(2, 1, injected=False)
        siblings = [
            t
            for name in ("a", "b", "c")
            for t in (
                *runs(good, 40 - good, injected=True, pattern_id=name, task=name),
                *runs(10, 10, injected=False, pattern_id=name, task=name),
            )
        ]
        return lift([*scarce, *siblings])

    good, bad = with_siblings(38), with_siblings(4)

    assert bad.mean < 0 < good.mean
    assert good.p_hurt < 0.2
    assert bad.p_hurt > 0.5


def test_a_pattern_is_judged_by_what_others_showed_of_its_tasks() -> None:
    """5 of 12 is bad where all others succeed, and good where they fail."""

    def among(good: int) -> Lift:
        mine = runs(5, 7, injected=True) + runs(1, 2, injected=False)
        others = [
            replace(t, pattern_id=f"p{n % 4}", family_id=f"p{n % 4}")
            for n, t in enumerate(
                runs(good, 24 - good, injected=False) + runs(good, 24 - good, injected=True)
            )
        ]
        return lift([*mine, *others])

    assert among(23).mean < lift(runs(5, 7, injected=True) + runs(1, 2, injected=False)).mean
    assert among(23).p_hurt > among(10).p_hurt


def test_the_order_of_trials_does_not_matter() -> None:
    trials = [*runs(8, 4, injected=True), *runs(2, 4, injected=False), *other_patterns()]
    shuffled = list(trials)
    Random(3).shuffle(shuffled)  # noqa: S311  no secret is made

    assert credits_of(shuffled) == credits_of(trials)


def test_a_store_with_hundreds_of_patterns_on_one_task_still_adds_up() -> None:
    trials = [
        replace(t, pattern_id=f"p{n % 300}", family_id="all")
        for n, t in enumerate(runs(1500, 1500, injected=True) + runs(750, 750, injected=False))
    ]

    assert len(credits_of(trials)) == 300


def test_what_the_runs_took_is_compared_as_well() -> None:
    """Hand-computed: no spread, so nothing is uncertain."""
    on = {"failed_commands": 1, "turns": 2, "tokens": 7_000, "seconds": 30.0}
    off = {"failed_commands": 3, "turns": 4, "tokens": 10_000, "seconds": 60.0}

    found = credit(runs(6, 0, injected=True, **on) + runs(4, 0, injected=False, **off))

    assert (found.failed_commands, found.turns, found.tokens, found.seconds) == (
        Effect(-2, (-2, -2)),
        Effect(-0.5, (-0.5, -0.5)),
        Effect(-0.3, (-0.3, -0.3)),
        Effect(-0.5, (-0.5, -0.5)),
    )


def test_what_was_never_measured_is_not_known() -> None:
    found = credit(runs(6, 0, injected=True) + runs(4, 0, injected=False, tokens=5))

    assert found.tokens == NotEnough("not enough evidence yet: not measured in runs of both kinds")


def test_a_difference_is_taken_within_blocks_where_they_have_both_kinds() -> None:
    """Within each block 10 less with it; across blocks it would seem 30 more."""
    rng = Random(1)  # noqa: S311  no secret is made
    measured = [
        Measurement(block, with_it, level - 10 * with_it + rng.gauss(0, 1))
        for block, level, on, off in (("small", 100, 4, 16), ("large", 180, 16, 4))
        for with_it, times in ((True, on), (False, off))
        for _ in range(times)
    ]

    effect = cost_effects({"9c1": measured}, {"9c1": "9c1"})["9c1"]

    assert effect.mean == pytest.approx(-10, abs=1)
    assert effect.stdev < 1


def test_without_two_kinds_there_is_no_difference() -> None:
    assert cost_effects({"9c1": [Measurement("a", True, 1.0)] * 9}, {"9c1": "9c1"}) == {}  # noqa: FBT003
