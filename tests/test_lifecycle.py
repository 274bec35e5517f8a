"""Candidate, active, quarantined, retired: moved by evidence, back again by evidence."""

import pytest
from msgspec.structs import replace

from crossrun.patterns.evaluation.evidence import Credit, Lift, NotEnough, Trial
from crossrun.patterns.evaluation.holdout import eligible
from crossrun.patterns.evaluation.lifecycle import (
    Transition,
    adopt_after_success,
    against_evidence,
    enable,
    judge,
)

STATES: tuple[str, ...] = ("candidate", "active", "quarantined", "retired")
MISSING = NotEnough("not enough evidence yet: 2 runs with it and 1 without")


def credit(p_hurt: float | None, *, runs_with: int = 28, runs_without: int = 12) -> Credit:
    return Credit(
        pattern_id="9c1",
        family_id="9c1",
        runs_with=runs_with,
        runs_without=runs_without,
        succeeded_with=10,
        succeeded_without=9,
        ignored=0,
        chosen=0,
        adherence=None,
        success=MISSING if p_hurt is None else Lift(-0.18, (-0.31, -0.04), p_hurt),
        failed_commands=MISSING,
        turns=MISSING,
        tokens=MISSING,
        seconds=MISSING,
    )


def path(state: str, *p_hurts: float) -> list[str]:
    """The states on the way, judged by one credit after the other."""
    states = []
    for p_hurt in p_hurts:
        state = judge(state, credit(p_hurt)).state
        states.append(state)
    return states


@pytest.mark.parametrize("state", STATES)
def test_without_evidence_nothing_moves(state: str) -> None:
    assert judge(state, credit(None)) == Transition(
        state, "Not enough evidence yet: 2 runs with it and 1 without.", state
    )
    assert judge(state, None) == Transition(
        state, "Not enough evidence yet: no run was eligible.", state
    )


def test_a_pattern_that_hurts_is_retired_with_the_figures_in_a_sentence() -> None:
    assert judge("active", credit(0.97)) == Transition(
        "retired",
        "It hurts: -18 points of success (-31 to -4), probability that it hurts 0.97, "
        "28 runs with it and 12 without.",
        "active",
    )


@pytest.mark.parametrize("state", ["candidate", "active", "quarantined"])
@pytest.mark.parametrize("p_hurt", [0.0, 0.3, 0.5, 0.7, 0.85, 0.9])
def test_nothing_is_retired_at_nine_tenths_or_less(state: str, p_hurt: float) -> None:
    assert judge(state, credit(p_hurt)).state != "retired"


@pytest.mark.parametrize(("runs_with", "runs_without"), [(12, 7), (60, 4), (5, 3)])
def test_nothing_is_retired_on_few_runs(runs_with: int, runs_without: int) -> None:
    thin = credit(0.99, runs_with=runs_with, runs_without=runs_without)

    assert judge("active", thin).state == "quarantined"


def test_a_candidate_becomes_active_when_more_speaks_for_it_than_against_it() -> None:
    assert path("candidate", 0.7) == ["candidate"]
    assert path("candidate", 0.4) == ["active"]


def test_a_state_does_not_flicker_around_its_threshold() -> None:
    assert path("active", 0.79, 0.81, 0.79, 0.65, 0.6) == [
        *("active", "quarantined", "quarantined", "quarantined", "active")
    ]
    assert path("active", 0.91, 0.89, 0.81, 0.79) == [
        *("retired", "retired", "retired", "quarantined")
    ]


@pytest.mark.parametrize("start", STATES)
def test_from_each_state_evidence_leads_to_each_judged_state_and_back(start: str) -> None:
    assert path(start, 0.95, 0.7, 0.1, 0.85, 0.95, 0.1) == [
        *("retired", "quarantined", "active", "quarantined", "retired", "active")
    ]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("p_hurt", [None, 0.0, 0.2, 0.55, 0.7, 0.85, 0.95, 1.0])
def test_every_outcome_is_a_state_with_a_sentence_and_never_an_end(
    state: str, p_hurt: float | None
) -> None:
    transition = judge(state, credit(p_hurt))

    assert transition.state in STATES
    assert transition.before == state
    assert transition.changed == (transition.state != state)
    assert transition.reason[0].isupper()
    assert transition.reason.endswith(".")


@pytest.mark.parametrize("state", STATES)
def test_more_doubt_never_puts_a_pattern_in_a_better_state(state: str) -> None:
    order = ["active", "candidate", "quarantined", "retired"]
    reached = [order.index(judge(state, credit(step / 100)).state) for step in range(101)]

    assert reached == sorted(reached)


def test_the_user_can_take_back_a_retirement_and_the_evidence_is_still_told() -> None:
    assert enable("retired") == Transition("active", "Enabled by the user.", "retired")
    assert judge("active", credit(0.97), kept_by_user=True) == Transition(
        "active",
        "Kept by the user, though the evidence says: It hurts: -18 points of success (-31 to -4), "
        "probability that it hurts 0.97, 28 runs with it and 12 without.",
        "active",
    )


def test_a_candidate_is_eligible_and_an_imported_one_while_there_is_a_holdout() -> None:
    assert {s: eligible(s, own=True, holdout=0.3) for s in STATES} == {
        "candidate": True,
        "active": True,
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
        pattern_id="9c1",
        family_id="9c1",
        version="v1",
        task="9c1",
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
    assert [state for state in states if against_evidence(state)] == ["quarantined", "retired"]
