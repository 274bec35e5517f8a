"""Matches the paths of a change with those of a target, where several names may be one file."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, groupby
from typing import NamedTuple, Protocol

from crossrun.workspace.files.spelling import folded
from crossrun.workspace.merge.decisions import Conflict, DesiredEntry


class NameRules(Protocol):
    """How a target treats names."""

    def spelling_of(self, path: str) -> str:
        """The path as the target lists it; names that do not exist there stay the same."""

    @property
    def is_case_sensitive(self) -> bool:
        """Whether the target is case-sensitive."""

    @property
    def preserves_names(self) -> bool:
        """Whether the target lists names exactly as they were created."""


class MatchedPath(NamedTuple):
    """A path of the target and what the change wants there; the target lists it as `at` now."""

    path: str
    at: str
    desired: DesiredEntry


def match_paths(
    wanted: Mapping[str, DesiredEntry],
    names: NameRules,
    *,
    stays: Callable[[str], bool],
) -> tuple[list[MatchedPath], list[Conflict]]:
    """Matches each path of a change with one of the target.

    If the change removes one spelling of a name and adds another, the file is renamed.

    Args:
        wanted: the change, by path.
        names: how the target treats names.
        stays: whether the change still has a folder in this spelling, so that it keeps its name.
    """
    listed = {path: names.spelling_of(path) for path in wanted}
    matches, conflicts = list[MatchedPath](), list[Conflict]()
    by_name = sorted(wanted, key=lambda path: (folded(listed[path]), listed[path], path))
    for _, group in groupby(by_name, key=lambda path: folded(listed[path])):
        paths = list(group)
        apart = len({listed[path] for path in paths}) > 1 and names.is_case_sensitive
        if len(paths) == 1 or apart:
            for path in paths:
                matches += _match_alone(path, listed[path], wanted[path], names)
            continue
        same_file = {path: wanted[path] for path in paths}
        merged, refused = _match_together(same_file, listed[paths[0]], names, stays)
        matches += merged
        conflicts += refused
    return sorted(_in_renamed_folders(matches)), conflicts


def _in_renamed_folders(matches: Iterable[MatchedPath]) -> Iterator[MatchedPath]:
    """Gives all paths the final names of their folders, even if the file itself keeps its name."""
    matches = list(matches)
    renamed = {old: name for match in matches for old, name in _renamed_folders(match)}
    for match in matches:
        parts = match.path.split("/")
        for number in range(1, len(parts)):
            old = "/".join(match.at.split("/")[:number])
            parts[number - 1] = renamed.get(old, parts[number - 1])
        yield match if match.desired.entry is None else match._replace(path="/".join(parts))


def _renamed_folders(match: MatchedPath) -> Iterator[tuple[str, str]]:
    """Parent folders as they are listed now, with their new names."""
    old, new = match.at.split("/"), match.path.split("/")
    for number in range(1, len(old)):
        if old[number - 1] != new[number - 1]:
            yield "/".join(old[:number]), new[number - 1]


def _match_alone(
    path: str, at: str, desired: DesiredEntry, names: NameRules
) -> Iterator[MatchedPath]:
    """Matches a path that shares its name with no other.

    A removed name that is not listed is gone already, and what is there is another file, unless
    the target lists names in its own form.
    """
    same = unicodedata.normalize("NFC", path) == unicodedata.normalize("NFC", at)
    if desired.entry is not None or same or not names.preserves_names:
        yield MatchedPath(at, at, desired)


def _match_together(
    wanted: Mapping[str, DesiredEntry], at: str, names: NameRules, stays: Callable[[str], bool]
) -> tuple[list[MatchedPath], list[Conflict]]:
    """Matches several names that are one file in the target."""
    coming = sorted(
        (path for path, desired in wanted.items() if desired.entry is not None),
        key=lambda path: (path != at, path),
    )
    conflicts = [
        Conflict(path, f"here this is the same file as {coming[0]}") for path in coming[1:]
    ]
    if not coming:
        removed = (_match_alone(path, at, desired, names) for path, desired in wanted.items())
        return list(chain.from_iterable(removed))[:1], conflicts
    path = coming[0]
    candidates = [wanted[path].bases, *(desired.bases for desired in wanted.values())]
    bases = next((each for each in candidates if each[0] is not None), candidates[0])
    renamed = len(wanted) > len(coming)
    spelling = _spell_as(at, path, stays) if renamed else at
    return [MatchedPath(spelling, at, DesiredEntry(bases, wanted[path].entry))], conflicts


def _spell_as(at: str, path: str, stays: Callable[[str], bool]) -> str:
    """The path as the change spells it, except for folders that keep their names."""
    here, there, parts = at.split("/"), path.split("/"), list[str]()
    for number, (old, new) in enumerate(zip(here, there, strict=True), 1):
        is_folder = number < len(here)
        parts.append(old if is_folder and old != new and stays("/".join(here[:number])) else new)
    return "/".join(parts)
