"""Whether a check that failed shows that it does not pass at the end of a run."""

import re

from crossrun.commandlines.shell import parts
from crossrun.proof.checks import kind_of
from crossrun.proof.history import CommandRun, RunHistory, SeenCheck

STOPPED = (124, 130, 137, 143)
"""Exit codes of what was ended from outside, such as a server."""
_PASSED = re.compile(
    r"\b(?P<count>[1-9]\d*) (?:tests? )?(?:passed|passing)\b"
    r"|\bOK \(|^OK$|\b0 failures\b|^ok\s|: ok\.",
    re.MULTILINE,
)
_FAILED = re.compile(
    r"\b[1-9]\d* (?:tests? )?(?:failed|failing|failures?|errors?)\b|^(?:FAILED|not ok|--- FAIL)"
    r"|\bFAILURES!|(?:Failures|Errors): [1-9]|^FAIL\s+(?!Required)|\bTraceback\b",
    re.MULTILINE,
)
_WARNINGS_ONLY = re.compile(r"\b0 errors\b")
_SCRIPT = re.compile(
    r"(?:^|[\s;&|(])\./|\b(?:ba|z)?sh\s+(?!-)\S|\.sh\b"
    r"|(?:^|[\s;&|(])(?:make|just|task|tox|nox|pre-commit|invoke|poe|docker|podman)\s"
)
"""Programs that may run any check."""
_RUNNERS = frozenset(
    [
        "python",
        "python3",
        "cargo",
        "go",
        "npm",
        "npx",
        "pnpm",
        "yarn",
        "bun",
        "uv",
        "uvx",
        "poetry",
        "make",
        "run",
        "exec",
        "bundle",
        "dotnet",
        "-m",
    ]
)
_IMPLIED = {
    "build": ("build", "types", "test"),
    "types": ("types", "build"),
    "lint": ("lint",),
    "test": ("test",),
}
"""Kinds of checks that pass only if the other would."""


def is_certain_failure(last: SeenCheck, text: str, history: RunHistory) -> bool:
    """Whether a check that failed says the contrary of a claim about the final state.

    It does not if it was ended from outside, if its output says that what is claimed passed (a
    limit of coverage was missed), or if it ran on another state than the final one and had passed
    before.

    Args:
        last: the last check that the claim can mean.
        text: the claim in the words of the agent.
        history: what happened in the run.
    """
    run = last.run
    if run.exit_code in STOPPED or _says_so(run.output, last.check.kind, text):
        return False
    same = (seen for seen in history.checks if seen.check.kind == last.check.kind)
    passed = any(seen.check.outcome == "passed" for seen in same if seen.run.seq < run.seq)
    return not passed or history.is_after_changes(last)


def _says_so(output: str, kind: str, text: str) -> bool:
    """Whether the output of a check with another exit code than 0 agrees with the claim."""
    if kind != "test":
        return _WARNINGS_ONLY.search(output) is not None
    counts = {match["count"] for match in _PASSED.finditer(output)}
    if counts and not _FAILED.search(output):
        return True
    whole = re.search(r"(?i)\b(?:all|every\w*|full|whole|entire|green)\b|/", text)
    return not whole and any(re.search(rf"\b{count}\b", text) for count in counts if count)


def passed_later(last: SeenCheck, history: RunHistory) -> bool:
    """Whether another check of the kind passed later, or may have, that from outside included.

    A wider one that passed before counts as well, if nothing was changed since.
    """
    kind, seq = last.check.kind, last.run.seq
    if history.verified is not None and history.verified[1].exit_code == 0:
        kinds = {kind_of(part.text) for part in parts(history.verified[1].command)}
        if kind in kinds:
            return True
    after = [run for run in history.commands if run.seq > seq and run.exit_code == 0]
    if any(_may_have_checked(run, last) for run in after):
        return True
    later = (s for s in history.checks if s.check.kind in _IMPLIED[kind] and s.run.seq > seq)
    others = [seen for seen in history.checks if seen.check.kind == kind]
    wider = (seen for seen in others if len(seen.check.words) < len(last.check.words))
    return any(seen.check.outcome in ("passed", "unknown") for seen in later) or any(
        seen.check.outcome == "passed" and history.is_after_changes(seen) for seen in wider
    )


def _may_have_checked(run: CommandRun, last: SeenCheck) -> bool:
    """Whether a command that is not a check of its kind may have shown that it passes now."""
    if any(check.kind == last.check.kind for check in run.checks):
        return False
    if _SCRIPT.search(run.script) and not run.checks:
        return True
    if last.check.kind == "test":
        return _PASSED.search(run.output) is not None and not run.checks
    words = (word for word in last.check.words if word not in _RUNNERS and not word.startswith("-"))
    return next(words, "\n") in run.script
