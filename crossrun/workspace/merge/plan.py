"""A change brought to files that may have changed since: planned as a whole, then carried out."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from crossrun.workspace.merge.decisions import (
    Clash,
    Place,
    Plan,
    Step,
    Wish,
    decide,
    in_the_way,
    is_regular,
    is_safe,
    merged_mode,
    why,
    without_mode,
)
from crossrun.workspace.merge.goals import Goal, goals
from crossrun.workspace.merge.merge_rules import MergeRules
from crossrun.workspace.merge.target import TargetFolder, naming
from crossrun.workspace.snapshots.trees import Entry, Trees, blob_id

_SNIFFED = 8000
"""Bytes in which git looks for the sign of a binary file."""
_MOST_CONFLICTS = 127
_LONGEST_NAME = 255
"""Bytes, on all common file systems."""


class Target(Protocol):
    """Where a change is brought to."""

    def look(self, path: str) -> Place:
        """What is at a path."""

    def read(self, path: str, place: Place) -> bytes:
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


class Planner:
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
        self._merge_rules = MergeRules(trees, target)

    def plan(self, wanted: Mapping[str, Wish], *, tree: str | None = None) -> Plan:
        """What is to be done. Raises OSError where the target cannot be read.

        Args:
            wanted: the change.
            tree: the state that it leads to; it tells which folders keep their names.
        """
        unsafe = [path for path in wanted if not is_safe(self._spelled(path))]
        wanted = {path: wish for path, wish in wanted.items() if path not in unsafe}
        found, clashes = goals(
            wanted,
            self._target,
            stays=lambda folder: tree is not None and self._trees.has(f"{tree}:{folder}"),
        )
        clashes += [Clash(path, "no file may have this name") for path in unsafe]
        steps, already = list[Step](), 0
        for goal in found:
            made = self._decided(goal)
            steps += [part for part in made if isinstance(part, Step)]
            clashes += [part for part in made if isinstance(part, Clash)]
            already += not made
        blocked = in_the_way(steps)
        clashes += [Clash(path, reason) for path, reason in blocked.items()]
        free = tuple(step for step in steps if step.path not in blocked)
        return Plan(free, tuple(sorted(clashes)), already)

    def _spelled(self, path: str) -> str:
        return self._target.spelled(path) if is_safe(path) else path

    def _decided(self, goal: Goal) -> list[Step | Clash]:
        place = self._target.look(goal.at)
        now, verdict = place.entry, decide(goal.wish, place.entry)
        expected = without_mode(goal.wish, now)
        if decide(goal.wish, expected) != verdict and not self._target.keeps_modes:
            now, verdict = expected, decide(goal.wish, expected)
        match verdict:
            case "keep":
                return self._step(goal, place, now, now)
            case "take":
                return self._step(goal, place, now, goal.wish.wanted)
            case "merge":
                return self._merged(goal, place, now)
            case "clash":
                return self._clashed(goal, place)

    def _step(
        self,
        goal: Goal,
        place: Place,
        before: Entry | None,
        after: Entry | None,
        content: bytes | None = None,
    ) -> list[Step | Clash]:
        """The step to a state; none where all is as it has to be."""
        old_path = None if before is None or goal.at == goal.path else goal.at
        if before == after and old_path is None:
            return []
        return [Step(goal.path, before, after, content, place, old_path)]

    def _merged(self, goal: Goal, place: Place, now: Entry | None) -> list[Step | Clash]:
        base, wanted = goal.wish.bases[0], goal.wish.wanted
        assert base is not None  # noqa: S101  all three are files
        assert wanted is not None  # noqa: S101
        assert now is not None  # noqa: S101
        mode = merged_mode(base, wanted, now)
        if base.blob in (wanted.blob, now.blob):
            blob = now.blob if wanted.blob == base.blob else wanted.blob
            same = blob == now.blob
            content = self._target.read(goal.at, place) if same else None
            return self._step(goal, place, now, Entry(mode, blob), content)
        merged = self._merged_text(goal.at, base, wanted, place)
        if merged is None or not merged.clean:
            return self._clashed(goal, place, merged)
        after = Entry(mode, blob_id(merged.content))
        return self._step(goal, place, now, after, merged.content)

    def _clashed(
        self, goal: Goal, place: Place, merged: _Merged | None = None
    ) -> list[Step | Clash]:
        """The clash; where conflicts are wanted, what puts both versions into the target."""
        path, wish, now = goal.at, goal.wish, place.entry
        reason, base, wanted = why(wish, now), wish.bases[0], wish.wanted
        if self._marking is None or wanted is None:
            return [Clash(path, reason)]
        if merged is None and base is None and is_regular(wanted) and is_regular(now):
            merged = self._merged_text(path, None, wanted, place)
        if merged is not None and now is not None:
            mode = merged_mode(base or wanted, wanted, now)
            after = Entry(mode, blob_id(merged.content))
            return [Clash(path, reason, path), Step(path, now, after, merged.content, place)]
        for name in _names_beside(goal.path, self._marking):
            beside = self._target.look(name)
            if beside.entry == wanted:
                return [Clash(path, reason, name)]
            if beside == Place():
                return [Clash(path, reason, name), Step(name, None, wanted, place=beside)]
            if beside.blocked_by is not None:
                break
        return [Clash(path, reason)]

    def _merged_text(
        self, path: str, base: Entry | None, wanted: Entry, place: Place
    ) -> _Merged | None:
        """Both changes in one text; None where one of the files is binary, or git may not merge."""
        texts = {
            "here": self._target.read(path, place),
            "before": self._trees.content(base.blob) if base else b"",
            "run": self._trees.content(wanted.blob),
        }
        way = self._merge_rules.way(path)
        if way == "not" or any(b"\0" in text[:_SNIFFED] for text in texts.values()):
            return None
        with tempfile.TemporaryDirectory() as folder:
            for name, text in texts.items():
                (Path(folder) / name).write_bytes(text)
            labels = ("-L", "here", "-L", "before", "-L", f"run {self._marking}")
            options = ("--union",) if way == "union" and self._unions else ()
            conflicts, content = self._trees.merge(Path(folder), *options, *labels, *texts)
        return _Merged(content, conflicts == 0) if conflicts <= _MOST_CONFLICTS else None


def keep_contents(plan: Plan, trees: Trees, target: Target) -> tuple[str, str]:
    """Keeps what a plan replaces and what it makes, so that it can be taken back.

    Returns:
        The trees of all paths that the plan changes, before and after.

    Raises:
        TouchedError: a file was changed in the meantime.
    """
    for step in plan.steps:
        if step.before is not None:
            trees.keep(target.read(step.at, step.place))
        if step.content is not None:
            trees.keep(step.content)
    before = trees.write({step.at: step.before for step in plan.steps if step.before})
    return before, trees.write({step.path: step.after for step in plan.steps if step.after})


def carry_out(plan: Plan, trees: Trees, folder: TargetFolder) -> None:
    """Changes the files: what goes makes room for what comes.

    Raises:
        TouchedError: a file was changed in the meantime; it stays as it is.
        RefusedError: the file system does not let one be changed.
    """
    folder.expect({step.at: step.after and step.after.blob for step in plan.steps})
    for step in plan.steps:
        if step.after is None:
            with naming(step.path):
                folder.remove(step.path, step.place)
    for step in plan.steps:
        if step.after is not None and step.after != step.before:
            content = trees.content(step.after.blob) if step.content is None else step.content
            with naming(step.path):
                folder.put(step.at, step.after, content, step.place)
    for step in plan.steps:
        if step.old_path is not None:
            with naming(step.path):
                folder.respell(step.old_path, step.path)
    folder.settle()


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
