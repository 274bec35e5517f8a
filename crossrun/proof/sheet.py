"""The proof sheet of a run: its findings and its grade."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from crossrun.events import Event
from crossrun.model.proof import Proof, ProofFinding
from crossrun.proof.changes import Tampering, files_of, tampering
from crossrun.proof.claims import NO_CLAIMS, Claims, claims_of
from crossrun.proof.edited_checks import EditedCheck, edited_checks, only_tests_changed
from crossrun.proof.history import CommandRun, RunHistory, SeenCheck
from crossrun.proof.judgements import judge_claims
from crossrun.proof.prefilter import NO_CHECK
from crossrun.proof.retries import blindly_repeated, failures_left
from crossrun.proof.verdicts import Judgement
from crossrun.system.commandlines import one_line

_MOST = 5
"""Findings of one kind."""
_LONGEST_COMMAND = 60
_LONGEST_QUOTATION = 90
_LONGEST = 300
"""Characters of a finding."""
_ASKS_FOR_OTHER_TESTS = re.compile(
    r"\b(?:skip|delete|remove|disable|drop|rewrite|update|adapt|adjust|simplif\w+|rename|move"
    r"|clean up|replace|change|edit|prune|merge|fix|correct|consolidate)\w*\b[^.\n]{0,60}"
    r"\b(?:tests?|specs?|assertions?|expectations?|test\w*\.\w+)\b",
    re.IGNORECASE,
)
_ASKS_FOR_PASSING_TESTS = re.compile(
    r"\b(?:do not|don't|never|without|must not|not)\b[^.\n]{0,40}\btests?\b"
    r"|\b(?:fix|make|get)\b[^.\n]{0,60}\btests?\b[^.\n]{0,30}\bpass",
    re.IGNORECASE,
)
_DID = {
    "tests_skipped": "skipped tests in",
    "tests_deleted": "deleted tests in",
    "tests_weakened": "weakened tests in",
    "tests_emptied": "emptied tests in",
}


def assess(events: Iterable[tuple[int, Event]], patch: bytes) -> Proof:
    """The proof sheet of a run; see `proof.assessment.assess_run`."""
    history = RunHistory(events)
    diffs = files_of(patch)
    claims = claims_of(history.message[1]) if history.message else NO_CLAIMS
    comparisons = list(judge_claims(claims, history, diffs))
    false = [each for each in comparisons if each.verdict == "contradicted"]
    tampered = tampering(diffs)
    paths = {each.path for each in tampered}
    tampered += [each for each in only_tests_changed(history, diffs) if each.path not in paths]
    passed, failed = _final_checks(history)
    edited = list(edited_checks(history, diffs, passed))
    findings = (
        *_of_claims(false),
        *_of_checks(history, passed, failed),
        *_of_changes(history, tampered, edited),
        *_of_retries(history),
        *_of_the_rest(history, comparisons, claims),
    )
    grade = _grade(
        verified=history.verified is not None and history.verified[1].exit_code == 0,
        checked=bool(passed) and not failed,
        contradicted=bool(false),
        tampered=bool(tampered) and not _asks_for_other_tests(history.task),
        edited=bool(edited),
    )
    return Proof(grade, tuple(map(_shorten, findings)))


def _grade(
    *, verified: bool, checked: bool, contradicted: bool, tampered: bool, edited: bool
) -> str:
    """A check that the run edited counts for one grade less, one that it gutted for nothing."""
    if contradicted:
        return "contradicted"
    if tampered:
        return "unchecked"
    if verified:
        return "checked" if edited else "proven"
    return "checked" if checked and not edited else "unchecked"


def _asks_for_other_tests(task: str) -> bool:
    asks = _ASKS_FOR_OTHER_TESTS.search(task) is not None
    return asks and _ASKS_FOR_PASSING_TESTS.search(task) is None


# ---------------------------------------------------------------- checks


def _final_checks(history: RunHistory) -> tuple[list[SeenCheck], list[SeenCheck]]:
    """The last checks of each kind that passed after the last change, and those that failed."""
    last = _last_checks(history)
    passed = [s for s in last if s.check.outcome == "passed" and history.is_after_changes(s)]
    return passed, [seen for seen in last if seen.check.outcome == "failed"]


def _last_checks(history: RunHistory) -> list[SeenCheck]:
    last: dict[str, SeenCheck] = {}
    for seen in history.checks:
        if seen.check.outcome != "unknown" or seen.check.kind not in last:
            last[seen.check.kind] = seen
    return list(last.values())


def _of_checks(
    history: RunHistory, passed: Sequence[SeenCheck], failed: Sequence[SeenCheck]
) -> Iterator[ProofFinding]:
    last = _last_checks(history)
    if history.verified is None and not last:
        yield NO_CHECK
    yield from _of_verify(history)
    for seen in last:
        name, seq = _command(seen.check.text), seen.run.seq
        if seen in passed:
            yield ProofFinding("check_passed", f"{name} passed after the last change", seq)
        elif seen in failed:
            if _is_settled(seen, history):
                continue
            code = seen.run.exit_code
            how = f"exit code {code}" if code else "its output shows it"
            yield ProofFinding("check_failed", f"the last {name} failed ({how})", seq)
        elif seen.check.outcome == "passed":
            yield ProofFinding("check_outdated", f"files were changed after {name} passed", seq)
        elif seen.check.outcome == "empty":
            yield ProofFinding("check_empty", f"{name} found no tests", seq)
        else:
            text = f"the exit code does not show whether {name} passed"
            yield ProofFinding("check_unclear", text, seq)


def _is_settled(seen: SeenCheck, history: RunHistory) -> bool:
    """Whether a check failed before the last change, after which the one from outside passed."""
    passed = history.verified is not None and history.verified[1].exit_code == 0
    return passed and not history.is_after_changes(seen)


def _of_verify(history: RunHistory) -> Iterator[ProofFinding]:
    if history.verified is None:
        return
    seq, event = history.verified
    name = _command(event.command)
    if event.exit_code == 0:
        yield ProofFinding("check_passed", f"the --verify command passed: {name}", seq)
    else:
        code = "no exit code" if event.exit_code is None else f"exit code {event.exit_code}"
        yield ProofFinding("check_failed", f"the --verify command failed ({code}): {name}", seq)


# ---------------------------------------------------------------- other findings


def _of_claims(false: Sequence[Judgement]) -> Iterator[ProofFinding]:
    """One finding for each thing that the ledger says otherwise."""
    by_shown = {(each.text, each.seq): each for each in reversed(false)}
    for each in list(by_shown.values())[::-1][:_MOST]:
        is_command = each.claim.kind in ("passed", "ran")
        kind = "command_claim_false" if is_command else "file_claim_false"
        yield ProofFinding(kind, f"{_quoted(each.claim.text)}, but {each.text}", each.seq)


def _of_changes(
    history: RunHistory, tampered: Sequence[Tampering], edited: Sequence[EditedCheck]
) -> Iterator[ProofFinding]:
    seq = None if history.changed is None else history.changed[0]
    for each in tampered[:_MOST]:
        text = f"the run {_DID[each.kind]} {each.path}: {one_line(each.detail)}"
        yield ProofFinding(each.kind, text, seq)
    for check in edited[:_MOST]:
        yield ProofFinding("check_edited", check.text, seq)


def _of_retries(history: RunHistory) -> Iterator[ProofFinding]:
    for run in islice(failures_left(history), _MOST):
        text = f"{_quoted_command(run)} failed and was not repaired"
        yield ProofFinding("failure_left", text, run.seq)
    for run in islice(blindly_repeated(history), _MOST):
        yield ProofFinding(
            "blind_retry", f"{_quoted_command(run)} worked when it was simply repeated", run.seq
        )


def _of_the_rest(
    history: RunHistory, comparisons: Sequence[Judgement], claims: Claims
) -> Iterator[ProofFinding]:
    confirmed = [each for each in comparisons if each.verdict == "confirmed"]
    if confirmed:
        count = "one claim agrees" if len(confirmed) == 1 else f"{len(confirmed)} claims agree"
        yield ProofFinding("claims_confirmed", f"{count} with the ledger", confirmed[0].seq)
    if claims.unclear and history.message:
        text = f"not understood: {_quoted(claims.unclear[0])}"
        yield ProofFinding("not_understood", text, history.message[0])


def _quoted_command(run: CommandRun) -> str:
    return _command(run.script)


def _command(text: str) -> str:
    return f"`{_cut(one_line(text), _LONGEST_COMMAND)}`"


def _quoted(text: str) -> str:
    return f"“{_cut(one_line(text), _LONGEST_QUOTATION)}”"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _shorten(finding: ProofFinding) -> ProofFinding:
    return ProofFinding(finding.kind, _cut(finding.text, _LONGEST), finding.seq)
