"""A change brought to files that may have changed since: planned as a whole, then carried out."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from crossrun.workspace.merge.decisions import (
    Conflict,
    DesiredEntry,
    MergePlan,
    MergeStep,
    TargetEntry,
    blocked_paths,
    decide,
    is_regular,
    is_safe,
    merged_mode,
    why,
    without_mode,
)
from crossrun.workspace.merge.drivers import MergeDrivers
from crossrun.workspace.merge.path_matching import MatchedPath, match_paths
from crossrun.workspace.snapshots.trees import Entry, Trees, blob_id

_SNIFFED = 8000
"""Bytes in which git looks for the sign of a binary file."""
_MOST_CONFLICTS = 127
_LONGEST_NAME = 255
"""Bytes, on all common file systems."""


class Target(Protocol):
    """Where a change is brought to."""

    def look(self, path: str) -> TargetEntry:
        """What is at a path."""

    def read(self, path: str, current: TargetEntry) -> bytes:
        """The content of what was looked at."""

    def spelled(self, path: str) -> str:
        """The path as it is listed there; names that are not there stay as they are."""

    @property
    def tells_case(self) -> bool:
        """Whether names of different case are different ones."""

    @property
    def keeps_spelling(self) -> bool:
        """Whether names are listed as they were given."""

    @property
    def keeps_modes(self) -> bool:
        """Whether files have modes that mean something."""


class _Merged(NamedTuple):
    content: bytes
    clean: bool


class MergePlanner:
    """Decides what becomes of each path. Nothing is changed, and nothing kept.

    Args:
        trees: where the states of the change are.
        target: where it is brought to.
        marking: the run whose name conflicts get when they are to be put into the files; None:
            what cannot be merged is left alone.
        unions: whether texts with the attribute `merge=union` get the lines of both sides. An undo
            does without: lines that it has to remove would stay.
    """

    def __init__(
        self, trees: Trees, target: Target, marking: str | None = None, *, unions: bool = False
    ) -> None:
        self._trees = trees
        self._target = target
        self._marking = marking
        self._unions = unions
        self._merge_rules = MergeDrivers(trees, target)

    def plan(self, wanted: Mapping[str, DesiredEntry], *, tree: str | None = None) -> MergePlan:
        """What is to be done. Raises OSError where the target cannot be read.

        Args:
            wanted: the change.
            tree: the state that it leads to; it tells which folders keep their names.
        """
        unsafe = [path for path in wanted if not is_safe(self._spelled(path))]
        wanted = {path: desired for path, desired in wanted.items() if path not in unsafe}
        found, conflicts = match_paths(
            wanted,
            self._target,
            stays=lambda folder: tree is not None and self._trees.has(f"{tree}:{folder}"),
        )
        conflicts += [Conflict(path, "no file may have this name") for path in unsafe]
        steps, already = list[MergeStep](), 0
        for goal in found:
            made = self._decided(goal)
            steps += [part for part in made if isinstance(part, MergeStep)]
            conflicts += [part for part in made if isinstance(part, Conflict)]
            already += not made
        blocked = blocked_paths(steps)
        conflicts += [Conflict(path, reason) for path, reason in blocked.items()]
        free = tuple(step for step in steps if step.path not in blocked)
        return MergePlan(free, tuple(sorted(conflicts)), already)

    def _spelled(self, path: str) -> str:
        return self._target.spelled(path) if is_safe(path) else path

    def _decided(self, goal: MatchedPath) -> list[MergeStep | Conflict]:
        current = self._target.look(goal.at)
        now, verdict = current.entry, decide(goal.desired, current.entry)
        expected = without_mode(goal.desired, now)
        if decide(goal.desired, expected) != verdict and not self._target.keeps_modes:
            now, verdict = expected, decide(goal.desired, expected)
        match verdict:
            case "keep":
                return self._step(goal, current, now, now)
            case "take":
                return self._step(goal, current, now, goal.desired.wanted)
            case "merge":
                return self._merged(goal, current, now)
            case "clash":
                return self._clashed(goal, current)

    def _step(
        self,
        goal: MatchedPath,
        current: TargetEntry,
        before: Entry | None,
        after: Entry | None,
        content: bytes | None = None,
    ) -> list[MergeStep | Conflict]:
        """The step to a state; none where all is as it has to be."""
        old_path = None if before is None or goal.at == goal.path else goal.at
        if before == after and old_path is None:
            return []
        return [MergeStep(goal.path, before, after, content, current, old_path)]

    def _merged(
        self, goal: MatchedPath, current: TargetEntry, now: Entry | None
    ) -> list[MergeStep | Conflict]:
        base, wanted = goal.desired.bases[0], goal.desired.wanted
        assert base is not None  # noqa: S101  all three are files
        assert wanted is not None  # noqa: S101
        assert now is not None  # noqa: S101
        mode = merged_mode(base, wanted, now)
        if base.blob in (wanted.blob, now.blob):
            blob = now.blob if wanted.blob == base.blob else wanted.blob
            same = blob == now.blob
            content = self._target.read(goal.at, current) if same else None
            return self._step(goal, current, now, Entry(mode, blob), content)
        merged = self._merged_text(goal.at, base, wanted, current)
        if merged is None or not merged.clean:
            return self._clashed(goal, current, merged)
        after = Entry(mode, blob_id(merged.content))
        return self._step(goal, current, now, after, merged.content)

    def _clashed(
        self, goal: MatchedPath, current: TargetEntry, merged: _Merged | None = None
    ) -> list[MergeStep | Conflict]:
        """The clash; where conflicts are wanted, what puts both versions into the target."""
        path, desired, now = goal.at, goal.desired, current.entry
        reason, base, wanted = why(desired, now), desired.bases[0], desired.wanted
        if self._marking is None or wanted is None:
            return [Conflict(path, reason)]
        if merged is None and base is None and is_regular(wanted) and is_regular(now):
            merged = self._merged_text(path, None, wanted, current)
        if merged is not None and now is not None:
            mode = merged_mode(base or wanted, wanted, now)
            after = Entry(mode, blob_id(merged.content))
            return [
                Conflict(path, reason, path),
                MergeStep(path, now, after, merged.content, current),
            ]
        for name in _names_beside(goal.path, self._marking):
            beside = self._target.look(name)
            if beside.entry == wanted:
                return [Conflict(path, reason, name)]
            if beside == TargetEntry():
                return [Conflict(path, reason, name), MergeStep(name, None, wanted, current=beside)]
            if beside.blocked_by is not None:
                break
        return [Conflict(path, reason)]

    def _merged_text(
        self, path: str, base: Entry | None, wanted: Entry, current: TargetEntry
    ) -> _Merged | None:
        """Both changes in one text; None where one of the files is binary, or git may not merge."""
        texts = {
            "here": self._target.read(path, current),
            "before": self._trees.content(base.blob) if base else b"",
            "run": self._trees.content(wanted.blob),
        }
        driver = self._merge_rules.driver(path)
        if driver == "not" or any(b"\0" in text[:_SNIFFED] for text in texts.values()):
            return None
        with tempfile.TemporaryDirectory() as folder:
            for name, text in texts.items():
                (Path(folder) / name).write_bytes(text)
            labels = ("-L", "here", "-L", "before", "-L", f"run {self._marking}")
            options = ("--union",) if driver == "union" and self._unions else ()
            conflicts, content = self._trees.merge(Path(folder), *options, *labels, *texts)
        return _Merged(content, conflicts == 0) if conflicts <= _MOST_CONFLICTS else None


def _names_beside(path: str, run_id: str) -> Iterator[str]:
    """Names that tell of the run, as near to the path's own as the length of names allows."""
    folder, slash, name = path.rpartition("/")
    for ending in (f".{run_id}", *(f".{run_id}.{number}" for number in range(2, 10))):
        room = _LONGEST_NAME - len(ending)
        yield f"{folder}{slash}{_fitting(name, room)}{ending}"


def _fitting(name: str, size: int) -> str:
    """The beginning of a name, so many bytes at most and no half of a sign."""
    raw = os.fsencode(name)
    return name if len(raw) <= size else raw[:size].decode("utf-8", "ignore")
