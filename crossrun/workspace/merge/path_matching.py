"""What is to become of the paths of a target, where several names may be only one there."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import NamedTuple, Protocol

from crossrun.workspace.files.spelling import folded
from crossrun.workspace.merge.decisions import Conflict, DesiredEntry


class NameRules(Protocol):
    """What a target makes of names."""

    def spelled(self, path: str) -> str:
        """The path as it is listed there; names that are not there stay as they are."""

    @property
    def tells_case(self) -> bool:
        """Whether names of different case are different ones."""

    @property
    def keeps_spelling(self) -> bool:
        """Whether names are listed as they were given."""


class MatchedPath(NamedTuple):
    """What is to become of a path of the target: `at` is how it is listed now."""

    path: str
    at: str
    desired: DesiredEntry


def match_paths(
    wanted: Mapping[str, DesiredEntry],
    names: NameRules,
    *,
    stays: Callable[[str], bool],
) -> tuple[list[MatchedPath], list[Conflict]]:
    """What the target is to become, where several names may be only one there.

    A name that goes while another spelling of it comes is a file that is renamed.

    Args:
        wanted: the change, by path.
        names: what the target makes of names.
        stays: whether the change still has a folder in this spelling, so that it keeps its name.
    """
    listed = {path: names.spelled(path) for path in wanted}
    found, conflicts = list[MatchedPath](), list[Conflict]()
    by_name = sorted(wanted, key=lambda path: (folded(listed[path]), listed[path], path))
    for _, group in groupby(by_name, key=lambda path: folded(listed[path])):
        paths = list(group)
        apart = len({listed[path] for path in paths}) > 1 and names.tells_case
        if len(paths) == 1 or apart:
            for path in paths:
                found += _alone(path, listed[path], wanted[path], names)
            continue
        goal, rest = _together(
            {path: wanted[path] for path in paths}, listed[paths[0]], names, stays
        )
        found += goal
        conflicts += rest
    return sorted(_in_renamed_folders(found)), conflicts


def _in_renamed_folders(match_paths: Iterable[MatchedPath]) -> Iterator[MatchedPath]:
    """With the names that folders have in the end, also for files that are not renamed."""
    match_paths = list(match_paths)
    renamed = {old: name for goal in match_paths for old, name in _renamed_folders(goal)}
    for goal in match_paths:
        parts = goal.path.split("/")
        for number in range(1, len(parts)):
            old = "/".join(goal.at.split("/")[:number])
            parts[number - 1] = renamed.get(old, parts[number - 1])
        yield goal if goal.desired.wanted is None else goal._replace(path="/".join(parts))


def _renamed_folders(goal: MatchedPath) -> Iterator[tuple[str, str]]:
    """Folders as they are listed, with the names that they are to have."""
    old, new = goal.at.split("/"), goal.path.split("/")
    for number in range(1, len(old)):
        if old[number - 1] != new[number - 1]:
            yield "/".join(old[:number]), new[number - 1]


def _alone(path: str, at: str, desired: DesiredEntry, names: NameRules) -> Iterator[MatchedPath]:
    """A name that goes and is not listed has gone already; what is there is another one.

    Unless the target lists the name in a form of its own.
    """
    same = unicodedata.normalize("NFC", path) == unicodedata.normalize("NFC", at)
    if desired.wanted is not None or same or not names.keeps_spelling:
        yield MatchedPath(at, at, desired)


def _together(
    wanted: Mapping[str, DesiredEntry], at: str, names: NameRules, stays: Callable[[str], bool]
) -> tuple[list[MatchedPath], list[Conflict]]:
    """Names that are one file in the target."""
    coming = sorted(
        (path for path, desired in wanted.items() if desired.wanted is not None),
        key=lambda path: (path != at, path),
    )
    conflicts = [
        Conflict(path, f"this folder does not tell it from {coming[0]}") for path in coming[1:]
    ]
    if not coming:
        gone = (_alone(path, at, desired, names) for path, desired in wanted.items())
        return [goal for match_paths in gone for goal in match_paths][:1], conflicts
    path = coming[0]
    bases = [wanted[path].bases, *(desired.bases for desired in wanted.values())]
    known = next((each for each in bases if each[0] is not None), bases[0])
    renamed = len(wanted) > len(coming)
    spelling = _respelled(at, path, stays) if renamed else at
    return [MatchedPath(spelling, at, DesiredEntry(known, wanted[path].wanted))], conflicts


def _respelled(at: str, path: str, stays: Callable[[str], bool]) -> str:
    """The path as the change spells it, but for folders that keep their names."""
    here, there, parts = at.split("/"), path.split("/"), list[str]()
    for number, (old, new) in enumerate(zip(here, there, strict=True), 1):
        is_folder = number < len(here)
        parts.append(old if is_folder and old != new and stays("/".join(here[:number])) else new)
    return "/".join(parts)
