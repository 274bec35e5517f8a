"""Checks that the run changed itself: scripts, their configuration, and expectations of tests."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from crossrun.commandlines.shell import parts
from crossrun.proof.changes import (
    FileDiff,
    Tampering,
    changed_expectations,
    is_configuration,
    is_test_file,
)
from crossrun.proof.checks import kind_of
from crossrun.proof.history import RunHistory, SeenCheck

_CHECK_NAME = re.compile(r"(?i)check|test|verif|valid|lint|spec|assert|ci\b")
_SCRIPT = re.compile(r"\.(?:sh|bash|py|js|mjs|rb|pl|ps1)$")
_SHELL = re.compile(r"\b(?:ba|z)?sh\b")
_NODE = re.compile(r"\b(?:npm|yarn|pnpm|bun)\b")
_NODE_SCRIPT = re.compile(r"\"(?:pre|post)?(?:test|lint|build|check)[\w:-]*\"\s*:")
_MAKE = re.compile(r"g?make\b")
_PROSE = re.compile(r"(?i)\.(?:md|rst|txt)$")
_FIRST_WORDS = 3
"""Among so many words of a command stands the script that it runs."""


class EditedCheck(NamedTuple):
    """A file that the run changed and a check depends on, in a sentence."""

    path: str
    text: str


def edited_checks(
    history: RunHistory, diffs: Sequence[FileDiff], passed: Sequence[SeenCheck]
) -> Iterator[EditedCheck]:
    """What the run changed of the checks that its grade rests on.

    Args:
        history: what happened in the run.
        diffs: its change.
        passed: its own checks that passed at the end; they count without a check from outside.
    """
    if history.changed is None:
        return
    outside = history.verified is not None
    commands = [history.verified[1].command] if history.verified else [s.check.text for s in passed]
    for change in history.changed[1].changes:
        for command in commands:
            is_own = not outside and change.status == "added"
            if not is_own and _runs(command, change.path, change.status, diffs):
                yield EditedCheck(
                    change.path, f"the run changed {change.path}, which `{command}` runs"
                )
                break
    if _source_changed(history):
        for path in _expectations_after_failure(history, diffs):
            yield EditedCheck(path, f"the run changed assertions in {path} after they had failed")


def only_tests_changed(history: RunHistory, diffs: Sequence[FileDiff]) -> Iterator[Tampering]:
    """Tests that were changed after they had failed, while the code stayed as it was."""
    if not _source_changed(history):
        for path in _expectations_after_failure(history, diffs):
            yield Tampering("tests_weakened", path, "other expectations, and the same code")


def _expectations_after_failure(history: RunHistory, diffs: Sequence[FileDiff]) -> Iterator[str]:
    failed = [
        seen.run.seq
        for seen in history.checks
        if (seen.check.kind, seen.check.outcome) == ("test", "failed")
    ]
    if failed:
        yield from (
            p for p in changed_expectations(diffs) if _is_edited_after(p, failed[0], history)
        )


def _is_edited_after(path: str, seq: int, history: RunHistory) -> bool:
    name = path.rpartition("/")[2]
    return any(edit.seq > seq and edit.path.endswith(name) for edit in history.edits) or any(
        run.seq > seq and name in run.script and not run.checks for run in history.commands
    )


def _source_changed(history: RunHistory) -> bool:
    return any(not is_test_file(p) and not _PROSE.search(p) for p in history.changed_paths)


def _runs(command: str, path: str, status: str, diffs: Sequence[FileDiff]) -> bool:
    """Whether a check runs a changed file, or one that says what the check does."""
    name = path.rpartition("/")[2]
    is_test = is_test_file(path) and kind_of(command) == "test" and not _SHELL.search(command)
    if _SCRIPT.search(name) and _CHECK_NAME.search(name) and not is_test:
        words = [word for part in parts(command) for word in part.text.split()]
        named = (word.strip("\"'$()").removeprefix("./") for word in words[:_FIRST_WORDS])
        return any(word in (path, name) for word in named)
    if not is_configuration(path) or status == "added":
        return False
    mine = [diff for diff in diffs if diff.path == path]
    if name == "package.json":
        lines = [line for diff in mine for line in (*diff.removed, *diff.added)]
        return bool(_NODE.search(command)) and any(map(_NODE_SCRIPT.search, lines))
    is_makefile = name.lower() in ("makefile", "gnumakefile")
    return is_makefile and bool(_MAKE.match(command)) and any(diff.removed for diff in mine)
