"""A change brought to files that may have changed since: planned as a whole, then carried out."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from crossrun.workspace.merging import (
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
)
from crossrun.workspace.target_folder import TargetFolder
from crossrun.workspace.trees import Entry, Trees, blob_id

_SNIFFED = 8000
"""Bytes in which git looks for the sign of a binary file."""
_MOST_CONFLICTS = 127


class Target(Protocol):
    """Where a change is brought to."""

    def look(self, path: str) -> Place:
        """What is at a path."""

    def read(self, path: str, place: Place) -> bytes:
        """The content of what was looked at."""


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
    """

    def __init__(self, trees: Trees, target: Target, marking: str | None = None) -> None:
        self._trees = trees
        self._target = target
        self._marking = marking

    def plan(self, wanted: Mapping[str, Wish]) -> Plan:
        """What is to be done. Raises OSError where the target cannot be read."""
        steps, clashes, already = list[Step](), list[Clash](), 0
        for path, wish in wanted.items():
            made = self._decided(path, wish)
            steps += [part for part in made if isinstance(part, Step)]
            clashes += [part for part in made if isinstance(part, Clash)]
            already += not made
        blocked = in_the_way(steps)
        clashes += [Clash(path, reason) for path, reason in blocked.items()]
        free = tuple(step for step in steps if step.path not in blocked)
        return Plan(free, tuple(sorted(clashes)), already)

    def _decided(self, path: str, wish: Wish) -> list[Step | Clash]:
        if not is_safe(path):
            return [Clash(path, "no file may have this name")]
        place = self._target.look(path)
        match decide(wish, place.entry):
            case "keep":
                return []
            case "take":
                return [Step(path, place.entry, wish.wanted, place=place)]
            case "merge":
                return self._merged(path, wish, place)
            case "clash":
                return self._clashed(path, wish, place)

    def _merged(self, path: str, wish: Wish, place: Place) -> list[Step | Clash]:
        base, wanted, now = wish.bases[0], wish.wanted, place.entry
        assert base is not None  # noqa: S101  all three are files
        assert wanted is not None  # noqa: S101
        assert now is not None  # noqa: S101
        mode = merged_mode(base, wanted, now)
        if base.blob in (wanted.blob, now.blob):
            blob = now.blob if wanted.blob == base.blob else wanted.blob
            same = blob == now.blob
            content = self._target.read(path, place) if same else None
            return _unless_same(Step(path, now, Entry(mode, blob), content, place))
        merged = self._merged_text(path, base, wanted, place)
        if merged is None or not merged.clean:
            return self._clashed(path, wish, place, merged)
        after = Entry(mode, blob_id(merged.content))
        return _unless_same(Step(path, now, after, merged.content, place))

    def _clashed(
        self, path: str, wish: Wish, place: Place, merged: _Merged | None = None
    ) -> list[Step | Clash]:
        """The clash; where conflicts are wanted, what puts both versions into the target."""
        reason, wanted, now = why(wish, place.entry), wish.wanted, place.entry
        if self._marking is None or wanted is None:
            return [Clash(path, reason)]
        if merged is None and wish.bases[0] is None and is_regular(wanted) and is_regular(now):
            merged = self._merged_text(path, None, wanted, place)
        if merged is not None and now is not None:
            after = Entry(now.mode, blob_id(merged.content))
            return [Clash(path, reason, path), Step(path, now, after, merged.content, place)]
        for name in _names_beside(path, self._marking):
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
        """Both changes in one text; None where one of the files is binary."""
        texts = {
            "here": self._target.read(path, place),
            "before": self._trees.content(base.blob) if base else b"",
            "run": self._trees.content(wanted.blob),
        }
        if any(b"\0" in text[:_SNIFFED] for text in texts.values()):
            return None
        with tempfile.TemporaryDirectory() as folder:
            for name, text in texts.items():
                (Path(folder) / name).write_bytes(text)
            labels = ("-L", "here", "-L", "before", "-L", f"run {self._marking}")
            conflicts, content = self._trees.merge(Path(folder), *labels, *texts)
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
            trees.keep(target.read(step.path, step.place))
        if step.content is not None:
            trees.keep(step.content)
    before = trees.write({step.path: step.before for step in plan.steps if step.before})
    return before, trees.write({step.path: step.after for step in plan.steps if step.after})


def carry_out(plan: Plan, trees: Trees, folder: TargetFolder) -> None:
    """Changes the files: what goes makes room for what comes.

    Raises:
        TouchedError: a file was changed in the meantime; it stays as it is.
        OSError: the file system refused.
    """
    for step in _in_order(plan):
        if step.after is None:
            folder.remove(step.path, step.place)
        else:
            content = trees.content(step.after.blob) if step.content is None else step.content
            folder.put(step.path, step.after, content, step.place)


def _in_order(plan: Plan) -> Iterator[Step]:
    yield from (step for step in plan.steps if step.after is None)
    yield from (step for step in plan.steps if step.after is not None)


def _unless_same(step: Step) -> list[Step | Clash]:
    return [] if step.before == step.after else [step]


def _names_beside(path: str, run_id: str) -> Iterator[str]:
    yield f"{path}.{run_id}"
    yield from (f"{path}.{run_id}.{number}" for number in range(2, 10))
