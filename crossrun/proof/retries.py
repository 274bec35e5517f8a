"""Commands that failed and were never repaired, and those that were repeated until they worked."""

from collections.abc import Iterator, Sequence

from crossrun.commandlines.intents import Purpose, purpose
from crossrun.commandlines.repairs import Attempt, blind_retries, repairs, words_of
from crossrun.proof.history import CommandRun, RunHistory

_IDLE = ("read", "search", "plan")
_MAY_DIFFER = ("cmp", "diff", "grep", "git diff", "colordiff")
"""Programs whose exit code 1 is an answer."""
_MOST_FAILURES = 200
"""Different commands that failed, the newest."""


def failures_left(history: RunHistory) -> Iterator[CommandRun]:
    """The failed commands that no later command repaired, each once, the newest first."""
    passed = history.verified is not None and history.verified[1].exit_code == 0
    seen: set[str] = set()
    for at in range(len(history.commands) - 1, -1, -1):
        run = history.commands[at]
        if run.exit_code in (0, None) or run.script in seen:
            continue
        seen.add(run.script)
        if len(seen) > _MOST_FAILURES:
            return
        aim = purpose(run.script)
        if aim is None or aim.intent in _IDLE or _is_answer(run, aim):
            continue
        if passed and history.verified is not None and _same(run, history.verified[1].command):
            continue
        if not _is_repaired(run, aim, history.commands[at + 1 :]):
            yield run


def _is_answer(run: CommandRun, aim: Purpose) -> bool:
    return run.exit_code == 1 and aim.command.startswith(_MAY_DIFFER)


def _same(run: CommandRun, verify: str) -> bool:
    checks = {check.kind for check in run.checks}
    aim = purpose(verify)
    return bool(checks) and aim is not None and aim.intent in checks


def _is_repaired(failed: CommandRun, aim: Purpose, later: Sequence[CommandRun]) -> bool:
    kinds = {check.kind for check in failed.checks}
    failed_words = words_of(failed.script)
    for run in later:
        if run.exit_code != 0:
            continue
        if run.command == failed.command or any(
            check.kind in kinds and check.outcome == "passed" for check in run.checks
        ):
            return True
        if failed_words.isdisjoint(words_of(run.script)) and failed.exit_code not in (126, 127):
            continue
        by = purpose(run.script)
        if by is not None and repairs(aim, failed.exit_code, by):
            return True
    return False


def blindly_repeated(history: RunHistory) -> Iterator[CommandRun]:
    """The commands that worked when they were simply repeated after a failure."""
    failed = {run.command for run in history.commands if run.exit_code not in (0, None)}
    again = {run.command for run in history.commands if run.exit_code == 0} & failed
    if not again:
        return
    actions: list[tuple[int, Attempt]] = [
        (run.seq, Attempt(run.command, run.seq, run.exit_code not in (0, None), _is_idle(run)))
        for run in history.commands
        if run.exit_code is not None
    ]
    actions += [(edit.seq, Attempt(edit.path, edit.seq, failed=False)) for edit in history.edits]
    by_seq = {run.seq: run for run in history.commands}
    for attempt in blind_retries([attempt for _, attempt in sorted(actions)]):
        run = by_seq.get(attempt.seq)
        aim = None if run is None else purpose(run.script)
        if run is not None and aim is not None and aim.intent not in _IDLE:
            yield run


def _is_idle(run: CommandRun) -> bool:
    aim = purpose(run.script)
    return aim is not None and aim.intent in _IDLE
