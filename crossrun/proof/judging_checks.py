"""Claims about checks and commands held against those that ran."""

import re
from collections.abc import Sequence

from crossrun.commandlines.intents import purpose
from crossrun.commandlines.shell import parts, split_words, stages, without_wrappers
from crossrun.proof.checks import kind_of
from crossrun.proof.claimed import ANYTHING, SOME_TESTS, Claim
from crossrun.proof.failures import STOPPED, is_certain_failure, passed_later
from crossrun.proof.history import PROSE, CommandRun, RunHistory, SeenCheck
from crossrun.proof.verdicts import Judgement, undecided

_WRAPPERS = re.compile(
    r"\b(?:make|just|task|tox|nox|pre-commit|npm|yarn|pnpm|bun|npx|mvn|gradlew?|docker|podman|rake"
    r"|invoke|hatch|poe|cargo|bazel"
    r"|composer|uv|poetry|pdm|nix|act)\b|\b(?:python[\d.]*|node|ruby|perl|php)\s+\S*"
    r"(?:test|check|lint|verif|valid|run_|ci)\w*\.\w+|(?:^|[\s;&|(])\./"
    r"|\b(?:ba|z)?sh\s+(?!-)\S|(?:^|[;&|(]\s*)[\w./-]+\.sh\b"
)
_CALLERS = frozenset(["python", "python3", "npx", "run"])
_RUNS = re.compile(
    r"(?:^|[\s;&|(/])(?:python[\d.]*|node|deno|bun|ruby|perl|php|java|Rscript|julia|go|dotnet"
    r"|swift|mix|lua)\s"
)
_ANSWERS = re.compile(r"(?:diff|cmp|grep|egrep|rg|git diff|test|\[)\s")
"""Programs whose exit code 1 is an answer."""
_MEANT_TO_FAIL = re.compile(
    r"\b(?:as (?:expected|intended|designed)|reject\w*|non-?zero|invalid|bad|wrong|missing"
    r"|refus\w+|error message)\b",
    re.IGNORECASE,
)
_TEST_NAME = re.compile(r"(?i)[\w:.\[\]-]*test[\w:.\[\]-]*")
_LONGEST_COMMAND = 60


def judge_passed(claim: Claim, history: RunHistory, *, reports_failure: bool) -> Judgement:
    """The claim that a check or a command passed."""
    if claim.subject.startswith("test:"):
        return _judge_test(claim, history)
    if claim.subject.startswith("count:"):
        return _judge_count(claim, history, reports_failure=reports_failure)
    if claim.subject.startswith("tool:"):
        return _judge_tool(claim, history, reports_failure=reports_failure)
    if claim.subject == ANYTHING:
        return _judge_everything(claim, history, reports_failure=reports_failure)
    if claim.subject == SOME_TESTS:
        return _judge_some_tests(claim, history, reports_failure=reports_failure)
    if claim.subject in ("test", "lint", "types", "build"):
        return _judge_kind(claim, claim.subject, history, reports_failure=reports_failure)
    return _judge_command(claim, history, reports_failure=reports_failure)


def _judge_kind(
    claim: Claim, kind: str, history: RunHistory, *, reports_failure: bool
) -> Judgement:
    last = _last_of_kind(kind, history)
    if last is None:
        return _judge_never_checked(claim, kind, history)
    return _judge_by_check(claim, last, history, reports_failure=reports_failure)


def _judge_count(claim: Claim, history: RunHistory, *, reports_failure: bool) -> Judgement:
    """The claim that a number of tests passed: false only if no output has that number."""
    count = re.compile(rf"\b{claim.subject.removeprefix('count:')}\b")
    last = _last_of_kind("test", history)
    if last is None or any(count.search(run.output) for run in history.commands):
        return undecided(claim)
    if last.check.outcome != "failed":
        return undecided(claim)
    return _judge_by_check(claim, last, history, reports_failure=reports_failure)


def _judge_tool(claim: Claim, history: RunHistory, *, reports_failure: bool) -> Judgement:
    """The claim that a program such as ESLint passes, also if a script of the project called it."""
    name = claim.subject.removeprefix("tool:")
    direct = [seen for seen in history.checks if name in seen.check.text.lower()]
    runs = direct or [seen for seen in history.checks if name in seen.run.output.lower()]
    if not runs:
        return undecided(claim)
    return _judge_by_check(claim, runs[-1], history, reports_failure=reports_failure)


def _judge_some_tests(claim: Claim, history: RunHistory, *, reports_failure: bool) -> Judgement:
    """Tests of one kind: which of several commands they are is not known."""
    tests = [seen for seen in history.checks if seen.check.kind == "test"]
    if not tests or any(seen.check.outcome == "passed" for seen in tests):
        return undecided(claim)
    return _judge_by_check(claim, tests[-1], history, reports_failure=reports_failure)


def _judge_everything(claim: Claim, history: RunHistory, *, reports_failure: bool) -> Judgement:
    for kind in ("test", "build", "types", "lint"):
        last = _last_of_kind(kind, history)
        if last is not None and last.check.outcome == "failed":
            return _judge_by_check(claim, last, history, reports_failure=reports_failure)
    return undecided(claim)


def _judge_command(claim: Claim, history: RunHistory, *, reports_failure: bool) -> Judgement:
    wanted = _words(claim.subject)
    same = [run for run in history.commands if _has_words(run.script, wanted)]
    exact = [run for run in same if _words(run.script) == wanted]
    kind = kind_of(claim.subject)
    if kind is not None:
        return _judge_check(claim, kind, exact or same, history, reports_failure=reports_failure)
    if not same:
        return undecided(claim)
    last = (exact or same)[-1]
    is_alone = len(parts(last.script)) == len(stages(last.script)) == 1
    if not is_alone or last.exit_code is None:
        return undecided(claim)
    if last.exit_code == 0:
        return Judgement(claim, "confirmed", _passed_text(last), last.seq)
    passed = not exact and any(run.exit_code == 0 for run in same)
    if reports_failure or passed or not _is_plain_failure(last, claim):
        return undecided(claim)
    return Judgement(claim, "contradicted", _failed_text(last), last.seq)


def _judge_check(
    claim: Claim,
    kind: str,
    same: Sequence[CommandRun],
    history: RunHistory,
    *,
    reports_failure: bool,
) -> Judgement:
    """The claim that a certain check passes.

    Args:
        claim: what is claimed.
        kind: the kind of the check.
        same: where it was run.
        history: what happened in the run.
        reports_failure: the agent reports a failure, too.
    """
    wanted = _words(claim.subject)
    runs = [
        SeenCheck(check, run)
        for run in same
        for check in run.checks
        if _contains(check.words, wanted)
    ]
    is_other = all(_words(run.script) != wanted for run in same)
    if is_other and any(
        run.check.outcome == "passed" and history.is_after_changes(run) for run in runs
    ):
        return undecided(claim)  # one of several that are alike: which is meant, is not known
    if runs:
        return _judge_by_check(claim, runs[-1], history, reports_failure=reports_failure)
    last = _last_of_kind(kind, history) if _was_run(wanted, history) else None
    if last is not None:
        return _judge_by_check(claim, last, history, reports_failure=reports_failure)
    return _judge_never_run(claim, wanted, history)


def _is_plain_failure(run: CommandRun, claim: Claim) -> bool:
    """Whether a command other than a check failed, and was not meant to."""
    aim = purpose(run.script)
    works = aim is not None and aim.intent not in ("read", "search", "edit")
    is_answer = run.exit_code in STOPPED or _ANSWERS.match(run.script) is not None
    return works and not is_answer and _MEANT_TO_FAIL.search(claim.text) is None


def _judge_by_check(
    claim: Claim, last: SeenCheck, history: RunHistory, *, reports_failure: bool
) -> Judgement:
    outcome = last.check.outcome
    if outcome == "passed":
        return Judgement(claim, "confirmed", _passed_text(last.run), last.run.seq)
    certain = outcome == "failed" and is_certain_failure(last, claim.text, history)
    if certain and not reports_failure and not passed_later(last, history):
        return Judgement(claim, "contradicted", _failed_text(last.run), last.run.seq)
    return undecided(claim)


def _judge_test(claim: Claim, history: RunHistory) -> Judgement:
    name = claim.subject.removeprefix("test:")
    last = _last_of_kind("test", history)
    if last is None or last.check.outcome != "failed" or not _TEST_NAME.fullmatch(name):
        return undecided(claim)
    quoted = re.escape(name)
    failed = (
        rf"(?m)^(?:FAILED|ERROR|FAIL:?|not ok|--- FAIL:)\s.*\b{quoted}\b|\b{quoted}\b.*FAILED\b"
    )
    if not re.search(failed, last.run.output) or passed_later(last, history):
        return undecided(claim)
    text = f"{name} failed in `{_short(last.run)}`"
    return Judgement(claim, "contradicted", text, last.run.seq)


def _last_of_kind(kind: str, history: RunHistory) -> SeenCheck | None:
    """The last check of a kind whose outcome is known, else the last one."""
    decided = (
        seen
        for seen in reversed(history.checks)
        if seen.check.kind == kind and seen.check.outcome != "unknown"
    )
    unknown = (seen for seen in reversed(history.checks) if seen.check.kind == kind)
    return next(decided, None) or next(unknown, None)


def _judge_never_checked(claim: Claim, kind: str, history: RunHistory) -> Judgement:
    """The claim that checks of a kind pass, although none was run."""
    verified = history.verified is not None and history.verified[1].exit_code == 0
    may_be = any(
        _WRAPPERS.search(run.script) or _RUNS.search(run.script) for run in history.commands
    )
    only_prose = all(PROSE.search(path) for path in history.changed_paths)
    elsewhere = may_be or history.tools or history.resumed or only_prose
    if verified or elsewhere or kind != "test":
        return undecided(claim)
    return Judgement(claim, "contradicted", "no command of the run was a test", _end(history))


def judge_ran(claim: Claim, history: RunHistory) -> Judgement:
    """The claim that a check or a command was run."""
    if claim.subject == "test":
        last = _last_of_kind("test", history)
        if last is None:
            return _judge_never_checked(claim, "test", history)
        return Judgement(claim, "confirmed", f"`{_short(last.run)}` ran", last.run.seq)
    return _judge_never_run(claim, _words(claim.subject), history)


def _judge_never_run(claim: Claim, wanted: Sequence[str], history: RunHistory) -> Judgement:
    """The claim that a command was run: contradicted if nothing of the kind was."""
    if not wanted or history.resumed or history.tools or _was_run(wanted, history):
        return undecided(claim)
    if (
        any(_WRAPPERS.search(run.script) for run in history.commands)
        or kind_of(claim.subject) is None
    ):
        return undecided(claim)
    return Judgement(claim, "contradicted", f"the run did not run `{claim.subject}`", _end(history))


def _was_run(wanted: Sequence[str], history: RunHistory) -> bool:
    """Whether some command has the program in it, however it was called."""
    names = (word for word in wanted if not word.startswith("-") and word not in _CALLERS)
    program = next(names, "")
    verify = "" if history.verified is None else history.verified[1].command
    texts = (text for run in history.commands for text in (run.command, run.output))
    return bool(program) and (program in verify or any(program in text for text in texts))


def _words(command: str) -> list[str]:
    first = next(iter(parts(command)), None)
    stage = stages(first.text)[:1] if first else ()
    return without_wrappers(split_words(stage[0])) if stage else []


def _has_words(script: str, wanted: Sequence[str]) -> bool:
    return (
        bool(wanted)
        and wanted[0] in script
        and any(
            _contains(without_wrappers(split_words(stage)), wanted)
            for part in parts(script)
            for stage in stages(part.text)[:1]
        )
    )


def _contains(words: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether the wanted words stand in the words one after another."""
    size = len(wanted)
    return any(list(words[at : at + size]) == list(wanted) for at in range(len(words) - size + 1))


def _end(history: RunHistory) -> int | None:
    return None if history.message is None else history.message[0]


def _short(run: CommandRun) -> str:
    text = " ".join(run.script.split())
    return text if len(text) <= _LONGEST_COMMAND else f"{text[: _LONGEST_COMMAND - 1]}…"


def _failed_text(run: CommandRun) -> str:
    code = (
        f"ended with exit code {run.exit_code}" if run.exit_code else "failed, as its output shows"
    )
    return f"the last `{_short(run)}` {code}"


def _passed_text(run: CommandRun) -> str:
    return f"`{_short(run)}` passed"
