"""Plans how a run's change is merged with files that may have changed since."""

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
    conflict_reason,
    decide,
    is_regular,
    is_safe,
    merged_mode,
    without_mode,
)
from crossrun.workspace.merge.drivers import MergeDrivers
from crossrun.workspace.merge.path_matching import MatchedPath, match_paths
from crossrun.workspace.snapshots.trees import TreeEntry, Trees, blob_id

_SNIFFED = 8000
"""Bytes in which git looks for a NUL, which makes a file binary."""
_MOST_CONFLICTS = 127
"""Exit codes of `git merge-file` above this are errors."""
_LONGEST_NAME = 255
"""Bytes, on all common file systems."""


class Target(Protocol):
    """The files that a change is merged with: a folder, or a commit."""

    def look(self, path: str) -> TargetEntry:
        """What is at a path."""

    def read(self, path: str, current: TargetEntry) -> bytes:
        """The content of an entry."""

    def spelling_of(self, path: str) -> str:
        """The path as the target lists it; names that do not exist there stay the same."""

    @property
    def is_case_sensitive(self) -> bool:
        """Whether the target is case-sensitive."""

    @property
    def preserves_names(self) -> bool:
        """Whether the target lists names exactly as they were created."""

    @property
    def stores_modes(self) -> bool:
        """Whether the target stores which files are executable."""


class _MergedText(NamedTuple):
    content: bytes
    clean: bool


class MergePlanner:
    """Decides what happens to each path. Changes and stores nothing.

    Args:
        trees: the states of the change.
        target: the files that it is merged with.
        conflicts_for: the run that conflict markers name; None leaves conflicts out of the files.
        union_merge: whether files with the attribute `merge=union` get the lines of both sides. Not
            for an undo: the lines that it has to remove would stay.
    """

    def __init__(
        self,
        trees: Trees,
        target: Target,
        conflicts_for: str | None = None,
        *,
        union_merge: bool = False,
    ) -> None:
        self._trees = trees
        self._target = target
        self._run_id = conflicts_for
        self._union_merge = union_merge
        self._drivers = MergeDrivers(trees, target)

    def plan(self, wanted: Mapping[str, DesiredEntry], *, tree: str | None = None) -> MergePlan:
        """Plans a change. Raises OSError if the target cannot be read.

        Args:
            wanted: the change, by path.
            tree: the state after the change; it shows which folders keep their names.
        """
        unsafe = [path for path in wanted if not is_safe(self._spelling_of(path))]
        wanted = {path: desired for path, desired in wanted.items() if path not in unsafe}
        matches, conflicts = match_paths(
            wanted,
            self._target,
            stays=lambda folder: tree is not None and self._trees.has(f"{tree}:{folder}"),
        )
        conflicts += [Conflict(path, "not allowed as a file name") for path in unsafe]
        steps, already = list[MergeStep](), 0
        for match in matches:
            made = self._resolve(match)
            steps += [part for part in made if isinstance(part, MergeStep)]
            conflicts += [part for part in made if isinstance(part, Conflict)]
            already += not made
        blocked = blocked_paths(steps)
        conflicts += [Conflict(path, reason) for path, reason in blocked.items()]
        free = tuple(step for step in steps if step.path not in blocked)
        return MergePlan(free, tuple(sorted(conflicts)), already)

    def _spelling_of(self, path: str) -> str:
        return self._target.spelling_of(path) if is_safe(path) else path

    def _resolve(self, match: MatchedPath) -> list[MergeStep | Conflict]:
        current = self._target.look(match.at)
        now, verdict = current.entry, decide(match.desired, current.entry)
        expected = without_mode(match.desired, now)
        if decide(match.desired, expected) != verdict and not self._target.stores_modes:
            now, verdict = expected, decide(match.desired, expected)
        match verdict:
            case "keep":
                return self._step_to(match, current, now, now)
            case "take":
                return self._step_to(match, current, now, match.desired.entry)
            case "merge":
                return self._merge(match, current, now)
            case "conflict":
                return self._conflict(match, current)

    def _step_to(
        self,
        match: MatchedPath,
        current: TargetEntry,
        before: TreeEntry | None,
        after: TreeEntry | None,
        content: bytes | None = None,
    ) -> list[MergeStep | Conflict]:
        """The step to a state; none if the path is in that state already."""
        old_path = None if before is None or match.at == match.path else match.at
        if before == after and old_path is None:
            return []
        return [MergeStep(match.path, before, after, content, current, old_path)]

    def _merge(
        self, match: MatchedPath, current: TargetEntry, now: TreeEntry | None
    ) -> list[MergeStep | Conflict]:
        base, wanted = match.desired.bases[0], match.desired.entry
        assert base is not None  # noqa: S101  all three are files
        assert wanted is not None  # noqa: S101
        assert now is not None  # noqa: S101
        mode = merged_mode(base, wanted, now)
        if base.blob in (wanted.blob, now.blob):
            blob = now.blob if wanted.blob == base.blob else wanted.blob
            same = blob == now.blob
            content = self._target.read(match.at, current) if same else None
            return self._step_to(match, current, now, TreeEntry(mode, blob), content)
        merged = self._merge_texts(match.at, base, wanted, current)
        if merged is None or not merged.clean:
            return self._conflict(match, current, merged)
        after = TreeEntry(mode, blob_id(merged.content))
        return self._step_to(match, current, now, after, merged.content)

    def _conflict(
        self, match: MatchedPath, current: TargetEntry, merged: _MergedText | None = None
    ) -> list[MergeStep | Conflict]:
        """The conflict and, if the user asked for it, the step that writes both versions."""
        path, desired, now = match.at, match.desired, current.entry
        reason, base, wanted = conflict_reason(desired, now), desired.bases[0], desired.entry
        if self._run_id is None or wanted is None:
            return [Conflict(path, reason)]
        if merged is None and base is None and is_regular(wanted) and is_regular(now):
            merged = self._merge_texts(path, None, wanted, current)
        if merged is not None and now is not None:
            mode = merged_mode(base or wanted, wanted, now)
            after = TreeEntry(mode, blob_id(merged.content))
            return [
                Conflict(path, reason, path),
                MergeStep(path, now, after, merged.content, current),
            ]
        for name in _names_beside(match.path, self._run_id):
            beside = self._target.look(name)
            if beside.entry == wanted:
                return [Conflict(path, reason, name)]
            if beside == TargetEntry():
                return [Conflict(path, reason, name), MergeStep(name, None, wanted, current=beside)]
            if beside.blocked_by is not None:
                break
        return [Conflict(path, reason)]

    def _merge_texts(
        self, path: str, base: TreeEntry | None, wanted: TreeEntry, current: TargetEntry
    ) -> _MergedText | None:
        """Merges the changes of both sides; None if that is not possible, as in binary files."""
        texts = {
            "here": self._target.read(path, current),
            "before": self._trees.content(base.blob) if base else b"",
            "run": self._trees.content(wanted.blob),
        }
        driver = self._drivers.driver(path)
        if driver == "binary" or any(b"\0" in text[:_SNIFFED] for text in texts.values()):
            return None
        with tempfile.TemporaryDirectory() as folder:
            for name, text in texts.items():
                (Path(folder) / name).write_bytes(text)
            labels = ("-L", "here", "-L", "before", "-L", f"run {self._run_id}")
            options = ("--union",) if driver == "union" and self._union_merge else ()
            conflicts, content = self._trees.merge(Path(folder), *options, *labels, *texts)
        return _MergedText(content, conflicts == 0) if conflicts <= _MOST_CONFLICTS else None


def _names_beside(path: str, run_id: str) -> Iterator[str]:
    """Names for the run's version of a file, beside it."""
    folder, slash, name = path.rpartition("/")
    for ending in (f".{run_id}", *(f".{run_id}.{number}" for number in range(2, 10))):
        room = _LONGEST_NAME - len(ending)
        yield f"{folder}{slash}{_shortened(name, room)}{ending}"


def _shortened(name: str, size: int) -> str:
    """The beginning of a name, at most so many bytes of whole characters."""
    raw = os.fsencode(name)
    return name if len(raw) <= size else raw[:size].decode("utf-8", "ignore")
