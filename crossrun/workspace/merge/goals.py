"""What is to become of the paths of a target, where several names may be only one there."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import NamedTuple, Protocol

from crossrun.workspace.files.spelling import folded
from crossrun.workspace.merge.decisions import Clash, Wish


class Names(Protocol):
    """What a target makes of names."""

    def spelled(self, path: str) -> str:
        """The path as it is listed there; names that are not there stay as they are."""

    @property
    def tells_case(self) -> bool:
        """Whether names of different case are different ones."""

    @property
    def keeps_spelling(self) -> bool:
        """Whether names are listed as they were given."""


class Goal(NamedTuple):
    """What is to become of a path of the target: `at` is how it is listed now."""

    path: str
    at: str
    wish: Wish


def goals(
    wanted: Mapping[str, Wish],
    names: Names,
    *,
    stays: Callable[[str], bool],
) -> tuple[list[Goal], list[Clash]]:
    """What the target is to become, where several names may be only one there.

    A name that goes while another spelling of it comes is a file that is renamed.

    Args:
        wanted: the change, by path.
        names: what the target makes of names.
        stays: whether the change still has a folder in this spelling, so that it keeps its name.
    """
    listed = {path: names.spelled(path) for path in wanted}
    found, clashes = list[Goal](), list[Clash]()
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
        clashes += rest
    return sorted(_in_renamed_folders(found)), clashes


def _in_renamed_folders(goals: Iterable[Goal]) -> Iterator[Goal]:
    """With the names that folders have in the end, also for files that are not renamed."""
    goals = list(goals)
    renamed = {old: name for goal in goals for old, name in _renamed_folders(goal)}
    for goal in goals:
        parts = goal.path.split("/")
        for number in range(1, len(parts)):
            old = "/".join(goal.at.split("/")[:number])
            parts[number - 1] = renamed.get(old, parts[number - 1])
        yield goal if goal.wish.wanted is None else goal._replace(path="/".join(parts))


def _renamed_folders(goal: Goal) -> Iterator[tuple[str, str]]:
    """Folders as they are listed, with the names that they are to have."""
    old, new = goal.at.split("/"), goal.path.split("/")
    for number in range(1, len(old)):
        if old[number - 1] != new[number - 1]:
            yield "/".join(old[:number]), new[number - 1]


def _alone(path: str, at: str, wish: Wish, names: Names) -> Iterator[Goal]:
    """A name that goes and is not listed has gone already; what is there is another one.

    Unless the target lists the name in a form of its own.
    """
    same = unicodedata.normalize("NFC", path) == unicodedata.normalize("NFC", at)
    if wish.wanted is not None or same or not names.keeps_spelling:
        yield Goal(at, at, wish)


def _together(
    wanted: Mapping[str, Wish], at: str, names: Names, stays: Callable[[str], bool]
) -> tuple[list[Goal], list[Clash]]:
    """Names that are one file in the target."""
    coming = sorted(
        (path for path, wish in wanted.items() if wish.wanted is not None),
        key=lambda path: (path != at, path),
    )
    clashes = [Clash(path, f"this folder does not tell it from {coming[0]}") for path in coming[1:]]
    if not coming:
        gone = (_alone(path, at, wish, names) for path, wish in wanted.items())
        return [goal for goals in gone for goal in goals][:1], clashes
    path = coming[0]
    bases = [wanted[path].bases, *(wish.bases for wish in wanted.values())]
    known = next((each for each in bases if each[0] is not None), bases[0])
    renamed = len(wanted) > len(coming)
    spelling = _respelled(at, path, stays) if renamed else at
    return [Goal(spelling, at, Wish(known, wanted[path].wanted))], clashes


def _respelled(at: str, path: str, stays: Callable[[str], bool]) -> str:
    """The path as the change spells it, but for folders that keep their names."""
    here, there, parts = at.split("/"), path.split("/"), list[str]()
    for number, (old, new) in enumerate(zip(here, there, strict=True), 1):
        is_folder = number < len(here)
        parts.append(old if is_folder and old != new and stays("/".join(here[:number])) else new)
    return "/".join(parts)
