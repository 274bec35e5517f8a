"""What is to become of the paths of a target, where several names may be only one there."""

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from typing import NamedTuple

from crossrun.workspace.merging import Clash, Wish
from crossrun.workspace.spelling import folded


class Goal(NamedTuple):
    """What is to become of a path of the target: `at` is how it is listed now."""

    path: str
    at: str
    wish: Wish


def goals(
    wanted: Mapping[str, Wish],
    spelled: Callable[[str], str],
    *,
    tells_apart: Callable[[], bool],
    stays: Callable[[str], bool],
) -> tuple[list[Goal], list[Clash]]:
    """What the target is to become, where several names may be only one there.

    A name that goes while another spelling of it comes is a file that is renamed.

    Args:
        wanted: the change, by path.
        spelled: tells how a path is listed in the target.
        tells_apart: whether the target tells apart names that are only spelled differently.
        stays: whether the change still has a folder in this spelling, so that it keeps its name.
    """
    by_name = sorted((folded(spelled(path)), spelled(path), path) for path in wanted)
    found, clashes = list[Goal](), list[Clash]()
    for _, group in groupby(by_name, key=lambda each: each[0]):
        names = [(at, path) for _, at, path in group]
        if len(names) == 1 or (len({at for at, _ in names}) > 1 and tells_apart()):
            found += [goal for at, path in names for goal in _alone(path, at, wanted[path])]
            continue
        goal, rest = _together({path: wanted[path] for _, path in names}, names[0][0], stays)
        found += goal
        clashes += rest
    return sorted(found), clashes


def _alone(path: str, at: str, wish: Wish) -> Iterator[Goal]:
    """A name that goes and is not listed has gone already; what is there is another one."""
    listed = unicodedata.normalize("NFC", path) == unicodedata.normalize("NFC", at)
    if wish.wanted is not None or listed:
        yield Goal(at, at, wish)


def _together(
    wanted: Mapping[str, Wish], at: str, stays: Callable[[str], bool]
) -> tuple[list[Goal], list[Clash]]:
    """Names that are one file in the target."""
    coming = sorted(
        (path for path, wish in wanted.items() if wish.wanted is not None),
        key=lambda path: (path != at, path),
    )
    clashes = [Clash(path, f"this folder does not tell it from {coming[0]}") for path in coming[1:]]
    if not coming:
        return [goal for path, wish in wanted.items() for goal in _alone(path, at, wish)], clashes
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
