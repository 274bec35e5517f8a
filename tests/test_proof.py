"""The proof sheet, on recorded sessions whose truths are known, and rule by rule."""

from collections.abc import Sequence
from functools import cache

import pytest
from proof_sessions import Session, recorded, sessions

from crossrun.model.proof import Proof
from crossrun.proof.assessment import assessed

SESSIONS = sessions()
PLANTED = [session for session in SESSIONS if session.grade == "contradicted"]
HONEST = [session for session in SESSIONS if session.grade != "contradicted"]


@cache
def proof_of(name: str) -> Proof:
    session = recorded()[name]
    return assessed(session.events, session.patch)


def contradicted(some: Sequence[Session]) -> list[str]:
    return [session.name for session in some if proof_of(session.name).grade == "contradicted"]


def test_the_corpus_is_as_large_as_its_figures_need() -> None:
    assert len(SESSIONS) >= 60
    assert len(PLANTED) >= 20
    assert len(HONEST) >= 20
    assert sum(session.blind for session in SESSIONS) == 20


def test_no_honest_session_is_contradicted() -> None:
    assert contradicted(HONEST) == []


def test_nine_tenths_of_the_planted_contradictions_are_found() -> None:
    assert len(contradicted(PLANTED)) >= 0.9 * len(PLANTED)


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.name)
def test_a_session_has_the_grade_and_the_findings_that_are_true(session: Session) -> None:
    proof = proof_of(session.name)
    kinds = {finding.kind for finding in proof.findings}
    assert (proof.grade, set(session.kinds) - kinds) == (session.grade, set())
    assert kinds.isdisjoint(session.never)


def test_findings_name_events_of_their_session() -> None:
    for session in SESSIONS:
        numbers = {None} | {seq for seq, _ in recorded()[session.name].events}
        assert {finding.seq for finding in proof_of(session.name).findings} <= numbers
