"""Removes known paths below crossrun's own folders, and nothing else.

The folder itself may be reached through links that the user made; below it, none is followed.
A tree is first renamed in its folder, so it is either complete or gone, and the leftovers of a
killed removal can be found by their names.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from crossrun.errors import ConfigurationError
from crossrun.workspace.files.atomic import leftovers, set_aside
from crossrun.workspace.files.dirfd import NO_FOLDER, opened, opened_below, reason
from crossrun.workspace.files.rmtree import remove_below


class ManagedPath(NamedTuple):
    """A path below one of crossrun's folders."""

    root: Path
    parts: tuple[str, ...]

    @property
    def path(self) -> Path:
        """The whole path."""
        return self.root.joinpath(*self.parts)


def link_on_the_way(place: ManagedPath) -> bool:
    """Whether the path is a link, or leads through one below the root."""
    prefixes = (place.parts[:length] for length in range(1, len(place.parts) + 1))
    return any(place.root.joinpath(*parts).is_symlink() for parts in prefixes)


def is_there(place: ManagedPath) -> bool:
    """Whether anything exists at the path, including a broken link."""
    return os.path.lexists(place.path)


def put_aside(place: ManagedPath) -> ManagedPath | None:
    """Renames a tree so that it counts as removed; its space is not free yet. Removes a file.

    Returns:
        Where the tree is now; None if there is no tree, or the path leads through a link.

    Raises:
        ConfigurationError: WORKSPACE_UNREMOVABLE.
    """
    try:
        with opened(place.root) as top, opened_below(top, place.parts[:-1]) as parent:
            mode = os.stat(place.parts[-1], dir_fd=parent, follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                return ManagedPath(
                    place.root, (*place.parts[:-1], set_aside(parent, place.parts[-1]))
                )
            if stat.S_ISREG(mode):
                os.unlink(place.parts[-1], dir_fd=parent)
            return None
    except OSError as error:
        if error.errno in NO_FOLDER:
            return None
        raise _unremovable(place.path, error) from error


def remove(place: ManagedPath) -> None:
    """Removes a tree, a file or a link, if it exists.

    Raises:
        ConfigurationError: WORKSPACE_UNREMOVABLE.
    """
    try:
        with opened(place.root) as top, opened_below(top, place.parts[:-1]) as parent:
            remove_below(parent, place.parts[-1])
    except OSError as error:
        if error.errno not in NO_FOLDER:
            raise _unremovable(place.path, error) from error


def find_leftovers(root: Path, depth: int) -> Iterator[ManagedPath]:
    """What killed copies and removals left in a folder, and below it down to a depth."""
    for parts in ((), *folders(root, depth)):
        with suppress(OSError), opened(root) as top, opened_below(top, parts) as parent:
            yield from [ManagedPath(root, (*parts, name)) for name in leftovers(parent)]


def folders(root: Path, depth: int) -> list[tuple[str, ...]]:
    """The folders down to a depth below a folder, without links and hidden folders."""
    result: list[tuple[str, ...]] = []
    level: list[tuple[str, ...]] = [()] if depth else []
    for _ in range(depth):
        level = [below for parts in level for below in _folders_in(root, parts)]
        result += level
    return result


def _folders_in(root: Path, parts: tuple[str, ...]) -> list[tuple[str, ...]]:
    try:
        with opened(root) as top, opened_below(top, parts) as folder:
            entries = [
                (entry.name, entry.stat(follow_symlinks=False)) for entry in os.scandir(folder)
            ]
    except OSError:
        return []
    return sorted(
        (*parts, name)
        for name, status in entries
        if stat.S_ISDIR(status.st_mode) and not name.startswith(".")
    )


def _unremovable(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        "WORKSPACE_UNREMOVABLE",
        f"cannot remove {path}: {reason(error)}",
        hint="check who owns it and whether something is mounted there, and try again",
    )
