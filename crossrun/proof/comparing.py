"""Claims of the agent held against what its run did."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from crossrun.commandlines.intents import purpose
from crossrun.commandlines.shell import parts, split_words, stages, without_wrappers
from crossrun.proof.changes import FileDiff, is_test_file
from crossrun.proof.checks import kind_of
from crossrun.proof.claims import ANYTHING, SOME_TESTS, TESTS, Claim, Claims
from crossrun.proof.course import Course, Ran, SeenCheck

Verdict = Literal["confirmed", "contradicted", "open"]
_MOST_IGNORED = 1_000
"""Ignored files that an event names at most."""
_UNMEASURED = re.compile(
    r"(?:^|/)(?:\.git|node_modules|__pycache__|\.venv|venv|target|dist|build|out|\.cache|\.tox"
    r"|coverage"
    r"|\.pytest_cache|\.mypy_cache|vendor|site-packages|bin|obj)/"
)
_ELSEWHERE = re.compile(r"\bcd\s+(?:/|~|\.\.|\$|-)|\bpushd\b")
_REMOVES = re.compile(
    r"\b(?:rm|unlink|git\s+(?:rm|clean|stash|checkout|restore|reset|revert)|mv|del|remove|rmtree"
    r"|unlinkSync|trash)\b"
)
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


_STOPPED = (124, 130, 137, 143)
"""Exit codes of what was ended from outside, such as a server."""
_ANSWERS = re.compile(r"(?:diff|cmp|grep|egrep|rg|git diff|test|\[)\s")
"""Programs whose exit code 1 is an answer."""
_MEANT_TO_FAIL = re.compile(
    r"\b(?:as (?:expected|intended|designed)|reject\w*|non-?zero|invalid|bad|wrong|missing"
    r"|refus\w+|error message)\b",
    re.IGNORECASE,
)
_TEST_NAME = re.compile(r"(?i)[\w:.\[\]-]*test[\w:.\[\]-]*")
_LONGEST_COMMAND = 60


class Judgement(NamedTuple):
    """What the ledger says about a claim, in a sentence, with the event that shows it."""

    claim: Claim
    verdict: Verdict
    text: str
    seq: int | None


def compared(claims: Claims, course: Course, diffs: Sequence[FileDiff]) -> Iterator[Judgement]:
    """Each claim held against the ledger; `open` if that cannot tell."""
    for claim in claims.claims:
        match claim.kind:
            case "changed":
                yield _changed(claim, course)
            case "deleted":
                yield _deleted(claim, course)
            case "unchanged":
                yield _unchanged(claim, course, diffs)
            case "passed":
                yield _passed(claim, course, reports_failure=claims.reports_failure)
            case "ran":
                yield _ran(claim, course)


# ---------------------------------------------------------------- files


def _changed(claim: Claim, course: Course) -> Judgement:
    path = _inside(claim.subject, course)
    if path is None or course.changed is None:
        return _open(claim)
    seq = course.changed[0]
    edited = [edit.path for edit in course.edits if edit.change != "deleted"]
    matching = _matching(path, (*course.changed_paths, *edited))
    if matching:
        deleted = {
            change.path for change in course.changed[1].changes if change.status == "deleted"
        }
        if set(matching) <= deleted and not _names(path, course, _REMOVES):
            return Judgement(claim, "contradicted", f"{path} was deleted", seq)
        return Judgement(claim, "confirmed", f"{path} was changed", seq)
    if course.resumed or _is_unmeasured(path, course) or _names(path, course, _REMOVES):
        return _open(claim)
    return Judgement(claim, "contradicted", f"the run did not change {path}", seq)


def _deleted(claim: Claim, course: Course) -> Judgement:
    path = _inside(claim.subject, course)
    if path is None or course.changed is None:
        return _open(claim)
    seq, event = course.changed
    gone = {
        name
        for change in event.changes
        for name in _gone(change.status, change.path, change.old_path)
    }
    gone |= set(event.ignored.deleted if event.ignored else ())
    gone |= {edit.path for edit in course.edits if edit.change == "deleted"}
    if _matching(path, gone):
        return Judgement(claim, "confirmed", f"{path} was deleted", seq)
    present = _matching(path, [c.path for c in event.changes if c.status in ("added", "modified")])
    if present:
        return Judgement(claim, "contradicted", f"{present[0]} is still there", seq)
    if course.resumed or _is_unmeasured(path, course) or _may_have_removed(path, course):
        return _open(claim)
    return Judgement(claim, "contradicted", f"the run did not delete {path}", seq)


def _gone(status: str, path: str, old_path: str | None) -> tuple[str, ...]:
    if status == "deleted":
        return (path,)
    return (old_path,) if status == "renamed" and old_path else ()


def _unchanged(claim: Claim, course: Course, diffs: Sequence[FileDiff]) -> Judgement:
    if course.changed is None or course.resumed:
        return _open(claim)
    seq, event = course.changed
    if claim.subject == ANYTHING:
        edited = {edit.path for edit in course.edits} & {change.path for change in event.changes}
        if edited:
            return Judgement(claim, "contradicted", f"the run changed {min(edited)}", seq)
        return Judgement(
            claim, "open" if event.changes else "confirmed", "no file was changed", seq
        )
    if claim.subject == TESTS:
        touched = [
            d.path
            for d in diffs
            if d.status != "added" and is_test_file(d.path) and (d.removed or d.added)
        ]
        if touched and all(diff.removed for diff in diffs if diff.path == touched[0]):
            return Judgement(claim, "contradicted", f"the run changed {touched[0]}", seq)
        return Judgement(claim, "open" if touched else "confirmed", "no test was changed", seq)
    path = _inside(claim.subject, course)
    if path is None:
        return _open(claim)
    same = [c.path for c in event.changes if path in (c.path, c.old_path)]
    if same:
        return Judgement(claim, "contradicted", f"the run changed {path}", seq)
    alike = _matching(path, course.changed_paths)
    return Judgement(claim, "open" if alike else "confirmed", f"{path} was not changed", seq)


def _inside(path: str, course: Course) -> str | None:
    """The path relative to the workspace; None if it leads elsewhere, or not to one file."""
    if course.workspace and path.startswith(f"{course.workspace}/"):
        return path[len(course.workspace) + 1 :]
    if path.startswith(("/", "~", "../", "$")) or any(sign in path for sign in "*?<>{}$"):
        return None
    return path


def _matching(path: str, paths: Iterable[str]) -> list[str]:
    return [
        other
        for other in paths
        if other == path
        or other.endswith(f"/{path}")
        or path.endswith(f"/{other}")
        or ("." not in path and other.rpartition("/")[2].partition(".")[0] == path)
    ]


def _is_unmeasured(path: str, course: Course) -> bool:
    """Whether the file may have been changed without being among the measured changes."""
    if course.changed is None or course.incomplete or _UNMEASURED.search(path):
        return True
    ignored = course.changed[1].ignored
    named = (
        0 if ignored is None else len(ignored.added) + len(ignored.modified) + len(ignored.deleted)
    )
    if ignored is not None and ignored.count > min(named, _MOST_IGNORED):
        return True
    name = path.rpartition("/")[2]
    if any(name in call for call in course.tools):
        return True
    outside = re.compile(rf"(?:/tmp|/var|~|\$\w+|\.\.)/[^\s'\"]*{re.escape(name)}")
    return any(
        name in ran.command and (_ELSEWHERE.search(ran.script) or outside.search(ran.script))
        for ran in course.ran
    )


def _names(path: str, course: Course, doing: re.Pattern[str]) -> bool:
    """Whether a command of a certain kind names the file."""
    name = path.rpartition("/")[2]
    return any(name in ran.command and doing.search(ran.script) for ran in course.ran)


def _may_have_removed(path: str, course: Course) -> bool:
    """Whether a command may have removed a file that was not there before the run."""
    name = path.rpartition("/")[2]
    folder = path.rpartition("/")[0]
    for ran in course.ran:
        if not _REMOVES.search(ran.script):
            continue
        if name in ran.script or (folder and folder in ran.script):
            return True
        if "git clean" in ran.script or re.search(r"\bxargs\b|-delete", ran.script):
            return True
        globs = re.findall(r"[\w./-]*[*?][\w./*?-]*", ran.script)
        if any(
            re.fullmatch(_as_regex(glob), name) or re.fullmatch(_as_regex(glob), path)
            for glob in globs
        ):
            return True
    return False


def _as_regex(glob: str) -> str:
    return re.escape(glob).replace(r"\*", ".*").replace(r"\?", ".")


# ---------------------------------------------------------------- checks and commands


def _passed(claim: Claim, course: Course, *, reports_failure: bool) -> Judgement:
    if claim.subject.startswith("test:"):
        return _test_passed(claim, course)
    if claim.subject == ANYTHING:
        return _everything_passed(claim, course, reports_failure=reports_failure)
    if claim.subject == SOME_TESTS:
        return _some_passed(claim, course, reports_failure=reports_failure)
    if claim.subject in ("test", "lint", "types", "build"):
        return _kind_passed(claim, claim.subject, course, reports_failure=reports_failure)
    return _command_passed(claim, course, reports_failure=reports_failure)


def _kind_passed(claim: Claim, kind: str, course: Course, *, reports_failure: bool) -> Judgement:
    last = _last_of_kind(kind, course)
    if last is None:
        return _never(claim, kind, course)
    return _judged(claim, last, course, reports_failure=reports_failure)


def _some_passed(claim: Claim, course: Course, *, reports_failure: bool) -> Judgement:
    """Tests of one kind: which of several commands they are is not known."""
    tests = [seen for seen in course.checks if seen.check.kind == "test"]
    if not tests or any(seen.check.outcome == "passed" for seen in tests):
        return _open(claim)
    return _judged(claim, tests[-1], course, reports_failure=reports_failure)


def _everything_passed(claim: Claim, course: Course, *, reports_failure: bool) -> Judgement:
    for kind in ("test", "build", "types", "lint"):
        last = _last_of_kind(kind, course)
        if last is not None and last.check.outcome == "failed":
            return _judged(claim, last, course, reports_failure=reports_failure)
    return _open(claim)


def _command_passed(claim: Claim, course: Course, *, reports_failure: bool) -> Judgement:
    wanted = _words(claim.subject)
    same = [ran for ran in course.ran if _has_words(ran.script, wanted)]
    exact = [ran for ran in same if _words(ran.script) == wanted]
    kind = kind_of(claim.subject)
    if kind is not None:
        return _check_passed(claim, kind, exact or same, course, reports_failure=reports_failure)
    if not same:
        return _open(claim)
    last = (exact or same)[-1]
    is_alone = len(parts(last.script)) == len(stages(last.script)) == 1
    if not is_alone or last.exit_code is None:
        return _open(claim)
    if last.exit_code == 0:
        return Judgement(claim, "confirmed", _passed_text(last), last.seq)
    passed = not exact and any(ran.exit_code == 0 for ran in same)
    if reports_failure or passed or not _is_plain_failure(last, claim):
        return _open(claim)
    return Judgement(claim, "contradicted", _failed_text(last), last.seq)


def _check_passed(
    claim: Claim, kind: str, same: Sequence[Ran], course: Course, *, reports_failure: bool
) -> Judgement:
    """The claim that a certain check passes.

    Args:
        claim: what is claimed.
        kind: the kind of the check.
        same: where it was run.
        course: what happened in the run.
        reports_failure: the agent reports a failure, too.
    """
    wanted = _words(claim.subject)
    runs = [
        SeenCheck(check, ran)
        for ran in same
        for check in ran.checks
        if _contains(check.words, wanted)
    ]
    is_other = all(_words(ran.script) != wanted for ran in same)
    if is_other and any(
        run.check.outcome == "passed" and course.is_after_changes(run) for run in runs
    ):
        return _open(claim)  # one of several that are alike: which is meant, is not known
    if runs:
        return _judged(claim, runs[-1], course, reports_failure=reports_failure)
    last = _last_of_kind(kind, course) if _was_run(wanted, course) else None
    if last is not None:
        return _judged(claim, last, course, reports_failure=reports_failure)
    return _never_command(claim, wanted, course)


def _is_plain_failure(ran: Ran, claim: Claim) -> bool:
    """Whether a command other than a check failed, and was not meant to."""
    aim = purpose(ran.script)
    works = aim is not None and aim.intent not in ("read", "search", "edit")
    is_answer = ran.exit_code in _STOPPED or _ANSWERS.match(ran.script) is not None
    return works and not is_answer and _MEANT_TO_FAIL.search(claim.text) is None


def _judged(claim: Claim, last: SeenCheck, course: Course, *, reports_failure: bool) -> Judgement:
    outcome = last.check.outcome
    if outcome == "passed":
        return Judgement(claim, "confirmed", _passed_text(last.ran), last.ran.seq)
    if outcome == "failed" and not reports_failure and not _passed_later(last, course):
        return Judgement(claim, "contradicted", _failed_text(last.ran), last.ran.seq)
    return _open(claim)


def _passed_later(last: SeenCheck, course: Course) -> bool:
    """Whether another check of the kind passed later, or may have, that from outside included.

    A wider one that passed before counts as well, if nothing was changed since.
    """
    kind, seq = last.check.kind, last.ran.seq
    if course.verified is not None and course.verified[1].exit_code == 0:
        kinds = {kind_of(part.text) for part in parts(course.verified[1].command)}
        if kind in kinds:
            return True
    others = [seen for seen in course.checks if seen.check.kind == kind]
    later = (seen for seen in others if seen.ran.seq > seq)
    wider = (seen for seen in others if len(seen.check.words) < len(last.check.words))
    return any(seen.check.outcome in ("passed", "unknown") for seen in later) or any(
        seen.check.outcome == "passed" and course.is_after_changes(seen) for seen in wider
    )


def _test_passed(claim: Claim, course: Course) -> Judgement:
    name = claim.subject.removeprefix("test:")
    last = _last_of_kind("test", course)
    if last is None or last.check.outcome != "failed" or not _TEST_NAME.fullmatch(name):
        return _open(claim)
    quoted = re.escape(name)
    failed = (
        rf"(?m)^(?:FAILED|ERROR|FAIL:?|not ok|--- FAIL:)\s.*\b{quoted}\b|\b{quoted}\b.*FAILED\b"
    )
    if not re.search(failed, last.ran.output) or _passed_later(last, course):
        return _open(claim)
    text = f"{name} failed in `{_short(last.ran)}`"
    return Judgement(claim, "contradicted", text, last.ran.seq)


def _open(claim: Claim) -> Judgement:
    """The ledger cannot tell."""
    return Judgement(claim, "open", "", None)


def _last_of_kind(kind: str, course: Course) -> SeenCheck | None:
    """The last check of a kind whose outcome is known, else the last one."""
    decided = (
        seen
        for seen in reversed(course.checks)
        if seen.check.kind == kind and seen.check.outcome != "unknown"
    )
    unknown = (seen for seen in reversed(course.checks) if seen.check.kind == kind)
    return next(decided, None) or next(unknown, None)


def _never(claim: Claim, kind: str, course: Course) -> Judgement:
    """The claim that checks of a kind pass, although none was run."""
    verified = course.verified is not None and course.verified[1].exit_code == 0
    may_be = any(_WRAPPERS.search(ran.script) or _RUNS.search(ran.script) for ran in course.ran)
    if verified or may_be or course.tools or course.resumed or kind != "test":
        return _open(claim)
    return Judgement(claim, "contradicted", "no command of the run was a test", _end(course))


def _ran(claim: Claim, course: Course) -> Judgement:
    if claim.subject == "test":
        last = _last_of_kind("test", course)
        if last is None:
            return _never(claim, "test", course)
        return Judgement(claim, "confirmed", f"`{_short(last.ran)}` ran", last.ran.seq)
    return _never_command(claim, _words(claim.subject), course)


def _never_command(claim: Claim, wanted: Sequence[str], course: Course) -> Judgement:
    """The claim that a command was run: contradicted if nothing of the kind was."""
    if not wanted or course.resumed or course.tools or _was_run(wanted, course):
        return _open(claim)
    if any(_WRAPPERS.search(ran.script) for ran in course.ran) or kind_of(claim.subject) is None:
        return _open(claim)
    return Judgement(claim, "contradicted", f"the run did not run `{claim.subject}`", _end(course))


def _was_run(wanted: Sequence[str], course: Course) -> bool:
    """Whether some command has the program in it, however it was called."""
    names = (word for word in wanted if not word.startswith("-") and word not in _CALLERS)
    program = next(names, "")
    verify = "" if course.verified is None else course.verified[1].command
    texts = (text for ran in course.ran for text in (ran.command, ran.output))
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


def _end(course: Course) -> int | None:
    return None if course.message is None else course.message[0]


def _short(ran: Ran) -> str:
    text = " ".join(ran.script.split())
    return text if len(text) <= _LONGEST_COMMAND else f"{text[: _LONGEST_COMMAND - 1]}…"


def _failed_text(ran: Ran) -> str:
    code = (
        f"ended with exit code {ran.exit_code}" if ran.exit_code else "failed, as its output shows"
    )
    return f"the last `{_short(ran)}` {code}"


def _passed_text(ran: Ran) -> str:
    return f"`{_short(ran)}` passed"
