"""Claims about files held against the measured change."""

import re
from collections.abc import Sequence

from crossrun.proof.changes import FileDiff, is_test_file
from crossrun.proof.claimed import ANYTHING, SOURCES, TESTS, Claim
from crossrun.proof.history import RunHistory
from crossrun.proof.measured import (
    REMOVES,
    inside,
    is_named,
    is_unmeasured,
    may_have_removed,
    may_mean_another,
    same_paths,
)
from crossrun.proof.verdicts import Judgement, undecided

_CODE = re.compile(
    r"(?i)\.(?:py|[cm]?[jt]sx?|go|rs|java|kt|c|cc|cpp|h|hpp|rb|php|cs|swift|exs?|scala)$"
)


def judge_changed(claim: Claim, history: RunHistory) -> Judgement:
    """The claim that a file was made or changed."""
    path = inside(claim.subject, history)
    if path is None or history.changed is None:
        return undecided(claim)
    seq = history.changed[0]
    edited = [edit.path for edit in history.edits if edit.change != "deleted"]
    alike = same_paths(path, (*history.changed_paths, *edited))
    if alike:
        deleted = {
            change.path for change in history.changed[1].changes if change.status == "deleted"
        }
        if set(alike) <= deleted and not is_named(path, history, REMOVES):
            return Judgement(claim, "contradicted", f"{path} was deleted", seq)
        return Judgement(claim, "confirmed", f"{path} was changed", seq)
    unknown = is_unmeasured(path, history) or is_named(path, history, REMOVES)
    if unknown or may_mean_another(claim.text, path, history):
        return undecided(claim)
    return Judgement(claim, "contradicted", f"the run did not change {path}", seq)


def judge_deleted(claim: Claim, history: RunHistory) -> Judgement:
    """The claim that a file was deleted."""
    path = inside(claim.subject, history)
    if path is None or history.changed is None:
        return undecided(claim)
    seq, event = history.changed
    gone = {
        name
        for change in event.changes
        for name in _gone(change.status, change.path, change.old_path)
    }
    gone |= set(event.ignored.deleted if event.ignored else ())
    gone |= {edit.path for edit in history.edits if edit.change == "deleted"}
    if same_paths(path, gone):
        return Judgement(claim, "confirmed", f"{path} was deleted", seq)
    present = same_paths(path, [c.path for c in event.changes if c.status in ("added", "modified")])
    if present:
        return Judgement(claim, "contradicted", f"{present[0]} is still there", seq)
    unknown = is_unmeasured(path, history) or may_have_removed(path, history)
    if unknown or may_mean_another(claim.text, path, history):
        return undecided(claim)
    return Judgement(claim, "contradicted", f"the run did not delete {path}", seq)


def _gone(status: str, path: str, old_path: str | None) -> tuple[str, ...]:
    if status == "deleted":
        return (path,)
    return (old_path,) if status == "renamed" and old_path else ()


def judge_only(claim: Claim, history: RunHistory) -> Judgement:
    """The claim that no files but those were changed; what commands changed does not count."""
    named = [inside(path, history) for path in claim.subject.split(" ")]
    if history.changed is None or history.resumed or None in named:
        return undecided(claim)
    edited = _edited(history, only_code=False)
    claimed = {path for name in named if name for path in same_paths(name, edited)}
    if not claimed or edited <= claimed:
        return undecided(claim)
    text = f"the run changed {min(edited - claimed)}, too"
    return Judgement(claim, "contradicted", text, history.changed[0])


def _edited(history: RunHistory, *, only_code: bool) -> set[str]:
    """The files that the agent edited with its patch tool and that differ at the end."""
    changes = history.changed[1].changes if history.changed else ()
    edited = {edit.path for edit in history.edits} & {change.path for change in changes}
    return {path for path in edited if not only_code or _is_code(path)}


def _is_code(path: str) -> bool:
    return _CODE.search(path) is not None and not is_test_file(path)


def judge_unchanged(claim: Claim, history: RunHistory, diffs: Sequence[FileDiff]) -> Judgement:
    """The claim that a file, the tests, or all files were left alone."""
    if history.changed is None or history.resumed:
        return undecided(claim)
    seq, event = history.changed
    if claim.subject in (ANYTHING, SOURCES):
        edited = _edited(history, only_code=claim.subject == SOURCES)
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
    path = inside(claim.subject, history)
    if path is None:
        return undecided(claim)
    same = [c.path for c in event.changes if path in (c.path, c.old_path)]
    if same:
        return Judgement(claim, "contradicted", f"the run changed {path}", seq)
    alike = same_paths(path, history.changed_paths)
    return Judgement(claim, "open" if alike else "confirmed", f"{path} was not changed", seq)
