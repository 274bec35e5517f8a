"""What becomes of each path when a change is brought to files that may have changed since.

Pure: from what is known about a path to what is to be done with it.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from crossrun.workspace.files.hard_links import FileStamp
from crossrun.workspace.snapshots.trees import FILE, PROGRAM, Entry

Verdict = Literal["keep", "take", "merge", "clash"]
_REGULAR = (FILE, PROGRAM)


class DesiredEntry(NamedTuple):
    """What a change wants of one path.

    `bases` are states from which the change leads to `wanted`, the one to merge by first. None: the
    path is not there.
    """

    bases: tuple[Entry | None, ...]
    wanted: Entry | None


class TargetEntry(NamedTuple):
    """What is at a path of the target.

    `blocked_by` is a path above it that is no folder. `within` are the files in a folder that is
    there itself. `seen` is what tells later whether it was touched.
    """

    entry: Entry | None = None
    blocked_by: str | None = None
    within: tuple[str, ...] | None = None
    stamp: FileStamp | None = None


class MergeStep(NamedTuple):
    """One path that is to be changed. `content` is that of a merge; else it is that of `after`.

    `old_path` is another spelling that the path has in the target until then.
    """

    path: str
    before: Entry | None
    after: Entry | None
    content: bytes | None = None
    current: TargetEntry = TargetEntry()
    old_path: str | None = None

    @property
    def at(self) -> str:
        """Where the file is before the step."""
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
    """A path where the change and the target do not agree.

    `written` is the file that has the change's version, or both with markers, where it was asked
    for.
    """

    path: str
    reason: str
    written: str | None = None


class MergePlan(NamedTuple):
    """All that is to be done. `already` paths are as the change wants them."""

    steps: tuple[MergeStep, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    already: int = 0


def decide(desired: DesiredEntry, now: Entry | None) -> Verdict:
    """Three-way: what the target does not have as it was in any base is the user's own work."""
    base = desired.bases[0]
    if now == desired.wanted:
        return "keep"
    if now in desired.bases:
        return "take"
    if base == desired.wanted:
        return "keep"
    if is_regular(base) and is_regular(desired.wanted) and is_regular(now):
        return "merge"
    return "clash"


def without_mode(desired: DesiredEntry, now: Entry | None) -> Entry | None:
    """What is there, with the mode that is expected: where there are no modes, none is wrong."""
    if now is None or not is_regular(now):
        return now
    expected = [each for each in (desired.wanted, *desired.bases) if each and is_regular(each)]
    same = (each for each in expected if each.blob == now.blob)
    return next(same, now._replace(mode=expected[-1].mode) if expected else now)


def is_regular(entry: Entry | None) -> bool:
    """Whether there is a file, and no link or something else."""
    return entry is not None and entry.mode in _REGULAR


def merged_mode(base: Entry, wanted: Entry, now: Entry) -> str:
    """The mode after both sides had their way."""
    return now.mode if wanted.mode == base.mode else wanted.mode


def why(desired: DesiredEntry, now: Entry | None) -> str:
    """Why a path clashes, for people."""
    if desired.wanted is None:
        return "it was changed here, and would be deleted"
    if now is None:
        return "it is gone here, and would be changed"
    if desired.bases[0] is None:
        return "there is another one here"
    return "it was changed here, too"


def is_safe(path: str) -> bool:
    """Whether a path stays below the folder that it is taken from, and out of git's own."""
    parts = path.split("/")
    return "\0" not in path and not any(
        part in ("", ".", "..") or part.casefold() == ".git" for part in parts
    )


def blocked_paths(steps: Iterable[MergeStep]) -> dict[str, str]:
    """The paths that cannot be written, since something else stays in their place; and why."""
    steps = list(steps)
    removed = {step.path for step in steps if step.after is None}
    found = {}
    for step in steps:
        current = step.current
        if step.after is None:
            continue
        if current.blocked_by is not None and current.blocked_by not in removed:
            found[step.path] = f"{current.blocked_by} is no folder here"
        elif current.within is not None and not removed.issuperset(current.within):
            found[step.path] = "a folder with other files is there"
    return found


def desired_entries(
    changes: Iterable[Mapping[str, tuple[Entry | None, Entry | None]]],
) -> dict[str, DesiredEntry]:
    """What the change wants, from its differences to all bases, the one to merge by first.

    A path that does not differ from one base is in that base as it is wanted.
    """
    changes = list(changes)
    wanted = {path: pair[1] for change in changes for path, pair in change.items()}
    return {
        path: DesiredEntry(tuple(change.get(path, (entry, entry))[0] for change in changes), entry)
        for path, entry in sorted(wanted.items())
    }
