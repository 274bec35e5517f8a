"""The proof sheet, on recorded sessions whose truths are known, and rule by rule."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from conftest import Crossrun
from learned_runs import Ledger
from proof_sessions import Session, recorded, sessions

from crossrun.events import CommandRan, Event, Verified
from crossrun.model.proof import Proof
from crossrun.proof.assessment import assess_run

SESSIONS = sessions()
PLANTED = [session for session in SESSIONS if session.grade == "contradicted"]
HONEST = [session for session in SESSIONS if session.grade != "contradicted"]


@cache
def proof_of(name: str) -> Proof:
    session = recorded()[name]
    return assess_run(session.events, session.patch)


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


def test_the_proof_stands_in_the_summary_and_in_the_list(crossrun: Crossrun) -> None:
    ran = crossrun("run", "--executor", "shell", "echo x > a", "--verify", "test -f a")
    assert "\n  proof     proven\n" in ran.err
    assert "--verify command passed: `test -f a`  event" in crossrun("show").out
    header, line = crossrun("runs").out.splitlines()
    at = header.index("PROOF")
    assert line[at : at + 6] == "proven"
    proof = crossrun.json("show")["proof"]
    assert (proof["grade"], [f["kind"] for f in proof["findings"]]) == ("proven", ["check_passed"])


@pytest.mark.parametrize(
    ("command", "words", "code", "grade"),
    [
        ("true", (), 0, "unchecked"),
        ("true", ("--require-proof", "checked"), 9, "unchecked"),
        ("true", ("--require-proof", "proven", "--verify", "true"), 0, "proven"),
        ("python3 -m unittest -v test_a", ("--require-proof", "checked"), 0, "checked"),
    ],
)
def test_a_run_may_need_a_proof_to_succeed(
    crossrun: Crossrun, command: str, words: tuple[str, ...], code: int, grade: str
) -> None:
    test = "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        pass\n"
    (crossrun.cwd / "src").mkdir()
    (crossrun.cwd / "src" / "test_a.py").write_text(test)
    run = crossrun("run", "--executor", "shell", command, "--source", "src", *words, "--json")
    failure = run.json["failure"]
    assert (run.code, run.json["proof"]["grade"]) == (code, grade)
    assert (failure and failure["code"]) == ("PROOF_MISSING" if code else None)
    assert run.json["exit_code"] == code


def test_a_proof_that_nothing_could_give_is_refused_before_anything_runs(
    crossrun: Crossrun,
) -> None:
    for command in (("run",), ("batch", "--glob", "*.txt")):
        (crossrun.cwd / "a.txt").write_text("a")
        words = ("--task", "true") if command[0] == "batch" else ("true",)
        run = crossrun(*command, *words, "--executor", "shell", "--require-proof", "proven")
        assert run.code == 2
        assert "--require-proof proven needs --verify" in run.err
    assert crossrun("runs").out == ""


def test_a_repetition_needs_the_same_proof(crossrun: Crossrun) -> None:
    first = crossrun("run", "--executor", "shell", "true", "--require-proof", "checked")
    again = crossrun("retry", "--json")
    other = crossrun("retry", "--require-proof", "proven", "--verify", "true", "--json")
    assert (first.code, again.code, other.code) == (9, 9, 0)
    assert "is unchecked, and --require-proof asks for checked" in again.json["failure"]["message"]


def test_the_setting_asks_for_proof_too(crossrun: Crossrun) -> None:
    run = crossrun("run", "--executor", "shell", "true", CROSSRUN_REQUIRE_PROOF="checked")
    assert run.code == 9


SITE = ("python3 build.py --site docs", "python3 publish.py --site docs --to out")


def test_learning_keeps_the_grade_of_a_run(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    run_id = ledger.learn("Publish the site in docs.", SITE, grade="checked")
    (trace,) = ledger.store.patterns.traces(ledger.pattern_of(run_id), newest=5)
    assert trace.grade == "checked"


def test_a_contradicted_run_teaches_nothing_but_a_caution(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    task = "Publish the site in docs."
    lone = ledger.learn(task, [*SITE, "python3 check.py out\t1"], grade="contradicted")
    assert ledger.store.patterns.learned_from(lone) is None
    good = ledger.learn(task, SITE, grade="checked")
    ledger.learn(task, [*SITE, "python3 check.py out\t1"], grade="contradicted")
    pattern_id = ledger.pattern_of(good)
    assert [t.run_id for t in ledger.store.patterns.traces(pattern_id, newest=5)] == [good]
    assert "check.py" in " ".join(ledger.store.patterns.cautions(pattern_id))


def test_of_a_run_with_very_many_events_only_the_check_from_outside_counts() -> None:
    flood: list[tuple[int, Event]] = [
        (seq, CommandRan(command="true", exit_code=0)) for seq in range(1, 25_001)
    ]
    verified = (25_001, Verified(command="pytest -q", exit_code=0))
    assert assess_run(iter(flood), b"").grade == "unchecked"
    assert assess_run(iter([*flood, verified]), b"").grade == "proven"
