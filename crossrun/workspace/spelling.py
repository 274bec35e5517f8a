"""Names as a folder lists them, where its file system takes other spellings of them for the same.

Some file systems do not tell upper from lower case (exFAT, NTFS, APFS), or one Unicode form from
another (HFS+, APFS). There a name seems to be there that no listing has, so the listing decides.
"""

import os
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from typing import NamedTuple

from crossrun.workspace.descriptors import NO_FOLDER, opened_below
from crossrun.workspace.merging import Clash, Wish


class Goal(NamedTuple):
    """What is to become of a path of the target: `at` is how it is listed now."""

    path: str
    at: str
    wish: Wish


class Listings:
    """How paths below an open folder are spelled there. Each folder is listed only once.

    Args:
        top: the open folder.
    """

    def __init__(self, top: int) -> None:
        self._top = top
        self._names: dict[tuple[str, ...], frozenset[str]] = {}

    def spelled(self, path: str) -> str:
        """A path in the spelling that is there; names that are not there stay as they are."""
        parts: tuple[str, ...] = ()
        for name in path.split("/"):
            parts = (*parts, self._spelled_in(parts, name))
        return "/".join(parts)

    def tells_case(self) -> bool | None:
        """Whether names of different case are different ones; None: there are no names to try."""
        names = self._names_in(())
        for name in sorted(names):
            other = name.swapcase()
            if other not in names:
                return not _answers(self._top, (), other)
        return None

    def _spelled_in(self, folder: tuple[str, ...], name: str) -> str:
        names = self._names_in(folder)
        if name in names or not names or not _answers(self._top, folder, name):
            return name
        alike = [each for each in names if folded(each) == folded(name)]
        return min(alike or self._same_file(folder, name), default=name)

    def _same_file(self, folder: tuple[str, ...], name: str) -> list[str]:
        """What else may have this name: short names of NTFS, signs that HFS+ leaves out."""
        with opened_below(self._top, folder) as opened:
            status = os.lstat(name, dir_fd=opened)
            return [
                each
                for each in self._names_in(folder)
                if os.path.samestat(os.lstat(each, dir_fd=opened), status)
            ]

    def _names_in(self, folder: tuple[str, ...]) -> frozenset[str]:
        if folder not in self._names:
            self._names[folder] = frozenset(_listed(self._top, folder))
        return self._names[folder]


def folded(name: str) -> str:
    """The same for all spellings that a file system may take for one name."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


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


def _answers(top: int, folder: tuple[str, ...], name: str) -> bool:
    try:
        with opened_below(top, folder) as opened:
            os.lstat(name, dir_fd=opened)
    except (OSError, ValueError):
        return False
    return True


def _listed(top: int, folder: tuple[str, ...]) -> list[str]:
    """The names in a folder; none where it is not there. Raises OSError."""
    try:
        with opened_below(top, folder) as opened:
            return os.listdir(opened)  # noqa: PTH208  of a descriptor
    except OSError as error:
        if error.errno not in NO_FOLDER:
            raise
        return []
