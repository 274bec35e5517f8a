"""Three-way merge rules: what happens to each path when files may have changed since.

Pure functions and the values that they work on.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from crossrun.workspace.files.hard_links import FileStamp
from crossrun.workspace.snapshots.trees import FILE, PROGRAM, TreeEntry

Verdict = Literal["keep", "take", "merge", "conflict"]
_REGULAR = (FILE, PROGRAM)


class DesiredEntry(NamedTuple):
    """What a change wants at one path.

    `bases` are the entries that the change may start from; merges use the first. None stands for a
    path that does not exist.
    """

    bases: tuple[TreeEntry | None, ...]
    entry: TreeEntry | None


class TargetEntry(NamedTuple):
    """What the target has at a path.

    `blocked_by` is a parent path that is not a folder. If the path itself is a folder, `within`
    lists the files in it. `stamp` shows later whether somebody touched the file.
    """

    entry: TreeEntry | None = None
    blocked_by: str | None = None
    within: tuple[str, ...] | None = None
    stamp: FileStamp | None = None


class MergeStep(NamedTuple):
    """A change to one path.

    `content` is the result of a merge; without it, the content is the blob of `after`. `old_path`
    is how the target spells the path before the step, if differently.
    """

    path: str
    before: TreeEntry | None
    after: TreeEntry | None
    content: bytes | None = None
    current: TargetEntry = TargetEntry()
    old_path: str | None = None

    @property
    def at(self) -> str:
        """The path of the file before the step."""
        return self.path if self.old_path is None else self.old_path

    @property
    def status(self) -> Literal["added", "modified", "deleted", "renamed"]:
        """What happens to the path."""
        if self.old_path is not None:
            return "renamed"
        if self.before is None:
            return "added"
        return "deleted" if self.after is None else "modified"


class Conflict(NamedTuple):
    """A path that cannot be merged.

    `written` is the file that got the run's version, or both versions with markers, if the user
    asked for that.
    """

    path: str
    reason: str
    written: str | None = None


class MergePlan(NamedTuple):
    """Everything to be done. `already` counts the paths that need no change."""

    steps: tuple[MergeStep, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    already: int = 0


def decide(desired: DesiredEntry, now: TreeEntry | None) -> Verdict:
    """Decides by three-way comparison: what matches no base is the user's own work."""
    base = desired.bases[0]
    if now == desired.entry:
        return "keep"
    if now in desired.bases:
        return "take"
    if base == desired.entry:
        return "keep"
    if is_regular(base) and is_regular(desired.entry) and is_regular(now):
        return "merge"
    return "conflict"


def without_mode(desired: DesiredEntry, now: TreeEntry | None) -> TreeEntry | None:
    """The current entry with the expected mode, for file systems that do not keep modes."""
    if now is None or not is_regular(now):
        return now
    expected = [each for each in (desired.entry, *desired.bases) if each and is_regular(each)]
    same = (each for each in expected if each.blob == now.blob)
    return next(same, now._replace(mode=expected[-1].mode) if expected else now)


def is_regular(entry: TreeEntry | None) -> bool:
    """Whether the entry is a regular file, not a link or missing."""
    return entry is not None and entry.mode in _REGULAR


def merged_mode(base: TreeEntry, wanted: TreeEntry, now: TreeEntry) -> str:
    """The mode with the changes of both sides."""
    return now.mode if wanted.mode == base.mode else wanted.mode


def conflict_reason(desired: DesiredEntry, now: TreeEntry | None) -> str:
    """Why a path cannot be merged, for people."""
    if desired.entry is None:
        return "changed here, deleted by the run"
    if now is None:
        return "deleted here, changed by the run"
    if desired.bases[0] is None:
        return "a different file is already here"
    return "also changed here"


def is_safe(path: str) -> bool:
    """Whether a path stays inside its folder and outside `.git`."""
    parts = path.split("/")
    return "\0" not in path and not any(
        part in ("", ".", "..") or part.casefold() == ".git" for part in parts
    )


def blocked_paths(steps: Iterable[MergeStep]) -> dict[str, str]:
    """The paths that cannot be written because something else stays there, with the reasons."""
    steps = list(steps)
    removed = {step.path for step in steps if step.after is None}
    reasons = {}
    for step in steps:
        current = step.current
        if step.after is None:
            continue
        if current.blocked_by is not None and current.blocked_by not in removed:
            reasons[step.path] = f"{current.blocked_by} is not a folder here"
        elif current.within is not None and not removed.issuperset(current.within):
            reasons[step.path] = "a folder with other files is there"
    return reasons


def desired_entries(
    changes: Iterable[Mapping[str, tuple[TreeEntry | None, TreeEntry | None]]],
) -> dict[str, DesiredEntry]:
    """What a change wants at each path.

    Args:
        changes: how the result differs from each base; merges use the first base. A path that is
            missing from one of them is the same there as in the result.
    """
    changes = list(changes)
    wanted = {path: pair[1] for change in changes for path, pair in change.items()}
    return {
        path: DesiredEntry(tuple(change.get(path, (entry, entry))[0] for change in changes), entry)
        for path, entry in sorted(wanted.items())
    }
