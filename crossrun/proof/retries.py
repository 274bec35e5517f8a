"""Commands that failed and were never repaired, and those that were repeated until they worked."""

from collections.abc import Iterator, Sequence

from crossrun.commandlines.intents import Purpose, purpose
from crossrun.commandlines.repairs import Attempt, blind_retries, repairs, words_of
from crossrun.proof.course import Course, Ran

_IDLE = ("read", "search", "plan")
_MAY_DIFFER = ("cmp", "diff", "grep", "git diff", "colordiff")
"""Programs whose exit code 1 is an answer."""
_MOST_FAILURES = 200
"""Different commands that failed, the newest."""


def failures_left(course: Course) -> Iterator[Ran]:
    """The failed commands that no later command repaired, each once, the newest first."""
    passed = course.verified is not None and course.verified[1].exit_code == 0
    seen: set[str] = set()
    for at in range(len(course.ran) - 1, -1, -1):
        ran = course.ran[at]
        if ran.exit_code in (0, None) or ran.script in seen:
            continue
        seen.add(ran.script)
        if len(seen) > _MOST_FAILURES:
            return
        aim = purpose(ran.script)
        if aim is None or aim.intent in _IDLE or _is_answer(ran, aim):
            continue
        if passed and course.verified is not None and _same(ran, course.verified[1].command):
            continue
        if not _is_repaired(ran, aim, course.ran[at + 1 :]):
            yield ran


def _is_answer(ran: Ran, aim: Purpose) -> bool:
    return ran.exit_code == 1 and aim.command.startswith(_MAY_DIFFER)


def _same(ran: Ran, verify: str) -> bool:
    checks = {check.kind for check in ran.checks}
    aim = purpose(verify)
    return bool(checks) and aim is not None and aim.intent in checks


def _is_repaired(failed: Ran, aim: Purpose, later: Sequence[Ran]) -> bool:
    kinds = {check.kind for check in failed.checks}
    failed_words = words_of(failed.script)
    for ran in later:
        if ran.exit_code != 0:
            continue
        if ran.command == failed.command or any(
            check.kind in kinds and check.outcome == "passed" for check in ran.checks
        ):
            return True
        if failed_words.isdisjoint(words_of(ran.script)) and failed.exit_code not in (126, 127):
            continue
        by = purpose(ran.script)
        if by is not None and repairs(aim, failed.exit_code, by):
            return True
    return False


def retried_blindly(course: Course) -> Iterator[Ran]:
    """The commands that worked when they were simply repeated after a failure."""
    failed = {ran.command for ran in course.ran if ran.exit_code not in (0, None)}
    again = {ran.command for ran in course.ran if ran.exit_code == 0} & failed
    if not again:
        return
    deeds: list[tuple[int, Attempt]] = [
        (ran.seq, Attempt(ran.command, ran.seq, ran.exit_code not in (0, None), _is_idle(ran)))
        for ran in course.ran
        if ran.exit_code is not None
    ]
    deeds += [(edit.seq, Attempt(edit.path, edit.seq, failed=False)) for edit in course.edits]
    by_seq = {ran.seq: ran for ran in course.ran}
    for attempt in blind_retries([attempt for _, attempt in sorted(deeds)]):
        ran = by_seq.get(attempt.seq)
        aim = None if ran is None else purpose(ran.script)
        if ran is not None and aim is not None and aim.intent not in _IDLE:
            yield ran


def _is_idle(ran: Ran) -> bool:
    aim = purpose(ran.script)
    return aim is not None and aim.intent in _IDLE
