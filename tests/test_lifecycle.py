"""Candidate, active, resting, quarantined, retired: moved by evidence, back again by evidence."""

import pytest
from msgspec.structs import replace

from crossrun.model.workflows import Stats
from crossrun.patterns.evaluation.credit import (
    Arms,
    Credit,
    Effect,
    HoldoutCost,
    LifetimeEvidence,
    Lift,
    NotEnough,
)
from crossrun.patterns.evaluation.holdout import eligible
from crossrun.patterns.evaluation.lifecycle import (
    RESTS,
    Transition,
    adopt_after_success,
    against_evidence,
    enable,
    judge,
    unfollowed_injections,
    wake,
)
from crossrun.patterns.evaluation.trials import Trial
from crossrun.patterns.evaluation.verdicts import harm_evidence, likelihood, verdict

STATES: tuple[str, ...] = ("candidate", "active", "resting", "quarantined", "retired")
MISSING = NotEnough("not enough evidence yet: 2 runs with it and 1 without")


def credit(
    e_hurts: float | None,
    *,
    e_helps: float = 0.1,
    lift: Lift = Lift(-0.18, (-0.31, -0.04), 0.97),  # noqa: B008  a frozen value
    runs_with: int = 28,
    runs_without: int = 12,
    **known: object,
) -> Credit:
    usual = Credit(
        pattern_id="9c1",
        family_id="9c1",
        runs_with=runs_with,
        runs_without=runs_without,
        succeeded_with=10,
        succeeded_without=9,
        is_verified=True,
        unverified=Arms(0, 0, 0, 0),
        followed=runs_with,
        ignored=0,
        chosen=0,
        experiment_runs=0,
        adherence=None,
        success=MISSING if e_hurts is None else lift,
        effect_where_followed=MISSING,
        failed_commands=MISSING,
        turns=MISSING,
        tokens=MISSING,
        cost=MISSING,
        seconds=MISSING,
        evidence=LifetimeEvidence(e_hurts or 1.0, e_helps, (-0.5, 0.1)),
        kinds=(),
        holdout_cost=HoldoutCost(12, 0.0),
        share=0.5,
    )
    return replace(usual, **known)


FINE = Lift(0.03, (-0.05, 0.11), 0.2)


def path(state: str, *e_values: float, lift: Lift = FINE) -> list[str]:
    """The states on the way, judged by one credit after the other."""
    states = []
    for e_value in e_values:
        state = judge(state, credit(e_value, lift=lift)).state
        states.append(state)
    return states


@pytest.mark.parametrize("state", ["candidate", "active", "quarantined", "retired"])
def test_without_evidence_nothing_moves(state: str) -> None:
    assert judge(state, credit(None)) == Transition(
        state, "Not enough evidence yet: 2 runs with it and 1 without.", state
    )
    assert judge(state, None) == Transition(
        state, "Not enough evidence yet: no run was eligible.", state
    )


def test_a_pattern_that_hurts_is_quarantined_with_the_figures_in_a_sentence() -> None:
    assert judge("active", credit(40)) == Transition(
        "quarantined",
        "It hurts: -18 points of success (-31 to -4), probability that it hurts 0.97, "
        "28 runs with it and 12 without.",
        "active",
    )


def test_stronger_evidence_retires() -> None:
    assert judge("active", credit(140)).state == "retired"
    assert judge("quarantined", credit(140)).state == "retired"


@pytest.mark.parametrize("state", ["candidate", "active"])
@pytest.mark.parametrize("e_value", [0.0, 0.3, 1, 5, 19, 24])
def test_nothing_is_quarantined_on_weak_evidence(state: str, e_value: float) -> None:
    assert judge(state, credit(e_value)).state in ("candidate", "active")


@pytest.mark.parametrize(("runs_with", "runs_without"), [(12, 7), (60, 4), (5, 3)])
def test_nothing_is_retired_on_few_runs(runs_with: int, runs_without: int) -> None:
    thin = credit(1e6, runs_with=runs_with, runs_without=runs_without)

    assert judge("active", thin).state == "quarantined"


def test_a_candidate_becomes_active_when_more_speaks_for_it_than_against_it() -> None:
    assert judge("candidate", credit(2.0)).state == "candidate"
    assert judge("candidate", credit(2.0, lift=FINE)).state == "active"


def test_a_state_does_not_flicker_around_its_threshold() -> None:
    assert path("active", 24, 26, 24, 8, 4) == [
        *("active", "quarantined", "quarantined", "quarantined", "active")
    ]
    assert path("active", 101, 99, 30, 20) == [*("retired", "retired", "retired", "quarantined")]


@pytest.mark.parametrize("start", STATES)
def test_from_each_state_evidence_leads_to_each_judged_state_and_back(start: str) -> None:
    assert path(start, 1000, 10, 0.1, 30, 1000, 0.1) == [
        *("retired", "quarantined", "active", "quarantined", "retired", "active")
    ]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("e_value", [None, 0.0, 0.2, 5, 25, 100, 1e300])
@pytest.mark.parametrize("unfollowed", [0, 20])
def test_every_outcome_is_a_state_with_a_sentence_and_never_an_end(
    state: str, e_value: float | None, unfollowed: int
) -> None:
    transition = judge(state, credit(e_value), unfollowed=unfollowed)

    assert transition.state in STATES
    assert transition.before == state
    assert transition.changed == (transition.state != state)
    assert transition.reason[0].isupper()
    assert transition.reason.endswith(".")


@pytest.mark.parametrize("state", STATES)
def test_more_doubt_never_puts_a_pattern_in_a_better_state(state: str) -> None:
    order = ["active", "candidate", "quarantined", "retired"]
    reached = [order.index(judge(state, credit(1.2**step)).state) for step in range(60)]

    assert reached == sorted(reached)


def test_a_state_of_a_newer_version_is_left_alone() -> None:
    assert judge("paused", credit(1000)).state == "paused"
    assert not eligible("paused", own=True, holdout=0.3)


DEAR = Effect(2.1, (1.8, 2.4))


def dear(e_value: float, *, e_helps: float = 0.1) -> Credit:
    seen = LifetimeEvidence(0.5, e_helps, (-0.1, 0.1), {"tokens": e_value, "seconds": 0.01})
    return credit(0.5, lift=FINE, evidence=seen, tokens=DEAR)


def test_a_pattern_that_is_dear_at_no_more_success_is_quarantined() -> None:
    assert judge("active", dear(1000)) == Transition(
        "quarantined",
        "It takes 3.1 times the tokens at no more success: +3 points of success (-5 to +11), "
        "probability that it hurts 0.20, 28 runs with it and 12 without.",
        "active",
    )
    assert judge("active", dear(100)).state == "active"
    assert judge("active", dear(1e30)).state == "quarantined"


def test_what_is_proved_to_help_may_cost_more() -> None:
    assert judge("active", dear(1000, e_helps=50)).state == "active"


def test_all_evidence_of_harm_together_keeps_the_error_level() -> None:
    """A mean of e-values is one: several of 1, as expected without harm, make 1."""
    ones = LifetimeEvidence(1.0, 1.0, (-1, 1), dict.fromkeys(("tokens", "cost", "seconds"), 1.0))
    assert harm_evidence(credit(1.0, evidence=ones)).e_value == pytest.approx(1)
    assert harm_evidence(credit(1.0)).e_value == pytest.approx(1)


def test_what_is_never_followed_rests_and_wakes() -> None:
    assert judge("candidate", credit(None), unfollowed=RESTS - 1).state == "candidate"
    resting = judge("active", credit(0.5, lift=FINE), unfollowed=RESTS)
    assert (resting.state, resting.before) == ("resting", "active")
    assert resting.reason.startswith("No agent followed it in 8 runs that got it; it rests until")
    assert judge("resting", credit(0.5, lift=FINE), unfollowed=9).state == "resting"
    assert judge("resting", credit(0.5, lift=FINE)).state == "active"
    assert not eligible("resting", own=True, holdout=0.3)
    assert wake("resting") == Transition(
        "candidate", "It has a new version, which agents may follow.", "resting"
    )
    assert wake("retired") is None


def test_what_the_user_enabled_or_runs_proved_does_not_rest() -> None:
    assert against_evidence("resting", Stats())
    assert (
        judge("active", credit(0.5, lift=FINE), unfollowed=9, kept_by_user=True).state == "active"
    )
    proved = credit(0.01, e_helps=30, lift=FINE)
    assert judge("active", proved, unfollowed=20).state == "active"


def test_only_injections_of_the_current_version_are_counted_as_unfollowed() -> None:
    old, new = named_run(version="v1", adherence=0.0), named_run(version="v2", adherence=0.1)
    withheld = named_run(version="v2", injected=False, adherence=None)
    unknown = named_run(version="v2", adherence=None)
    trials = [old, old, new, new, new, withheld, unknown]
    assert unfollowed_injections(trials, "v2") == 3
    assert unfollowed_injections([*trials, named_run(version="v2", adherence=0.9)], "v2") == 0


def test_the_user_can_take_back_a_retirement_and_the_evidence_is_still_named() -> None:
    assert enable("retired") == Transition("active", "Enabled by the user.", "retired")
    assert judge("active", credit(1000), kept_by_user=True) == Transition(
        "active",
        "Kept by the user, though the evidence says: It hurts: -18 points of success (-31 to -4), "
        "probability that it hurts 0.97, 28 runs with it and 12 without.",
        "active",
    )


SENTENCES = {
    "It probably hurts",
    "It may help or hurt",
    "It changes little",
    "It probably helps",
    "It shows no sign of harm",
}


@pytest.mark.parametrize("mean", [-0.5, -0.1, -0.03, 0.0, 0.03, 0.1, 0.5])
@pytest.mark.parametrize("width", [0.02, 0.1, 0.4, 0.9])
@pytest.mark.parametrize("p_hurt", [0.0, 0.02, 0.1, 0.2, 0.21, 0.4, 0.69, 0.81, 0.95, 1.0])
def test_sentences_follow_the_numbers(mean: float, width: float, p_hurt: float) -> None:
    lift = Lift(mean, (mean - width / 2, mean + width / 2), p_hurt)
    sentence = likelihood(lift)

    assert sentence in SENTENCES
    assert (sentence == "It probably hurts") == (p_hurt > 0.8)
    assert (sentence == "It may help or hurt") == (0.2 < p_hurt <= 0.8)
    if sentence == "It probably helps":
        assert lift.interval[0] > 0
    if sentence == "It changes little":
        assert max(map(abs, lift.interval)) <= 0.05


@pytest.mark.parametrize("e_hurts", [0.01, 1, 10, 24])
@pytest.mark.parametrize("p_hurt", [0.21, 0.5, 0.69, 0.9])
def test_nothing_is_called_harmless_while_harm_is_likely(e_hurts: float, p_hurt: float) -> None:
    sentence = verdict(credit(e_hurts, lift=Lift(-0.02, (-0.3, 0.26), p_hurt)))
    assert "no sign" not in sentence
    assert "helps" not in sentence.partition(":")[0]


def test_a_proof_is_called_one_and_nothing_else_is() -> None:
    lift = Lift(0.2, (0.1, 0.3), 0.01)
    assert verdict(credit(0.01, e_helps=21, lift=lift)).startswith("It is proved to help: +20")
    assert verdict(credit(0.01, e_helps=19, lift=lift)).startswith("It probably helps: +20")


def test_a_candidate_is_eligible_and_an_imported_one_while_there_is_a_holdout() -> None:
    assert {s: eligible(s, own=True, holdout=0.3) for s in STATES} == {
        "candidate": True,
        "active": True,
        "resting": False,
        "quarantined": True,
        "retired": False,
    }
    assert eligible("candidate", own=False, holdout=0.3)
    assert not eligible("candidate", own=False, holdout=0)
    assert eligible("candidate", own=True, holdout=0)


def test_without_a_holdout_a_quarantined_pattern_stays_out() -> None:
    assert not eligible("quarantined", own=True, holdout=0)


def named_run(**known: object) -> Trial:
    usual = Trial(
        run_id="r",
        at="2026-01-02T03:04:05Z",
        pattern_id="9c1",
        family_id="9c1",
        version="v1",
        kind="code\0Convert it",
        injected=True,
        probability=1.0,
        succeeded=True,
        adherence=0.8,
    )
    return replace(usual, **known)


CANDIDATE = Transition("candidate", "Imported.", "candidate")


def test_an_imported_pattern_is_taken_on_when_it_worked_here() -> None:
    assert adopt_after_success(CANDIDATE, named_run()).state == "active"


@pytest.mark.parametrize(
    "known", [{"succeeded": False}, {"adherence": 0.1}, {"injected": False, "adherence": None}]
)
def test_a_run_that_failed_or_went_its_own_way_takes_nothing_on(known: dict[str, object]) -> None:
    assert adopt_after_success(CANDIDATE, named_run(**known)) == CANDIDATE


def test_only_a_candidate_is_taken_on() -> None:
    retired = Transition("retired", "It hurts.", "retired")
    assert adopt_after_success(retired, named_run()) == retired


def test_enabling_goes_against_the_evidence_only_where_there_was_some() -> None:
    states: tuple[str, ...] = (*STATES, "disabled")
    assert [state for state in states if against_evidence(state, Stats())] == [
        *("resting", "quarantined", "retired")
    ]
