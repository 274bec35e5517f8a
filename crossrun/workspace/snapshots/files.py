"""The files of a workspace as others left them, looked at without following a link.

Every folder is opened name by name from the top (`descriptors`), so a link that is put somewhere on
the way while crossrun looks leads nowhere.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Literal, Protocol

from msgspec import Struct

from crossrun.errors import ConfigurationError, NotFoundError, UsageError
from crossrun.workspace.files.dirfd import opened, opened_below, shown

Parts = tuple[str, ...]
Kind = Literal["file", "link", "folder", "special"]
_LOOKED_AT = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class WorkspaceEntry(Struct, frozen=True):
    """Something in a workspace; a folder is only listed where it is empty or was not looked into.

    `path` is relative, as the system has it; `size` in bytes; `target` is what a link says.
    """

    path: str
    kind: Kind
    size: int | None = None
    target: str | None = None
    closed: bool = False
    """A folder that was not looked into."""


class Files(Protocol):
    """A tree of files: a workspace, or a state of one that is remembered."""

    def entry(self, parts: Parts) -> WorkspaceEntry:
        """What there is at a path. Raises NotFoundError, PATH_NOT_FOUND."""

    def below(self, parts: Parts, closed: Callable[[str], bool]) -> Iterator[WorkspaceEntry]:
        """All below a folder but what is in folders whose name is `closed`."""

    def reading(self, parts: Parts) -> AbstractContextManager[IO[bytes]]:
        """The content of a regular file. Raises NotFoundError, PATH_NOT_FOUND."""


def inside(path: str) -> Parts:
    """The names on the way to a path that a user named within a workspace.

    Raises:
        UsageError: it would lead out of it, or cannot be a path.
    """
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if path.startswith("/") or ".." in parts or "\0" in path:
        raise UsageError(
            "PATH_OUTSIDE",
            f"{shown(path)!r} is not a path within a workspace",
            hint="give it relative to the workspace, without `..`, as  crossrun files  lists it",
        )
    return parts


def not_found(parts: Parts) -> NotFoundError:
    """That there is nothing to look at, at a path."""
    return NotFoundError(
        "PATH_NOT_FOUND",
        f"there is no {shown('/'.join(parts))!r} in the workspace",
        hint="see what there is: crossrun files RUN --all · links are not followed",
    )


class OnDisk:
    """A workspace as it is now.

    Args:
        root: its folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def entry(self, parts: Parts) -> WorkspaceEntry:
        """What there is at a path; of links themselves, not of what they lead to."""
        if not parts:
            return WorkspaceEntry("", "folder")
        with _telling(parts), opened(self._root) as top, opened_below(top, parts[:-1]) as folder:
            return _entry(folder, parts)

    def below(self, parts: Parts, closed: Callable[[str], bool]) -> Iterator[WorkspaceEntry]:
        """All below a folder; one that vanishes meanwhile or may not be read is not looked into."""
        with opened(self._root) as top:
            pending = [parts]
            while pending:
                at = pending.pop()
                try:
                    with opened_below(top, at) as folder:
                        entries = _entries(folder, at)
                except OSError:
                    yield WorkspaceEntry("/".join(at), "folder", closed=True)
                    continue
                if at and not entries:
                    yield WorkspaceEntry("/".join(at), "folder")
                for name, entry in entries.items():
                    if entry.kind != "folder":
                        yield entry
                    elif closed(name):
                        yield WorkspaceEntry(entry.path, "folder", closed=True)
                    else:
                        pending.append((*at, name))

    @contextmanager
    def reading(self, parts: Parts) -> Iterator[IO[bytes]]:
        """The content of a regular file, which is looked at again once it is open."""
        descriptor = self._descriptor(parts)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise not_found(parts)
        with os.fdopen(descriptor, "rb") as file:
            yield file

    def _descriptor(self, parts: Parts) -> int:
        with _telling(parts), opened(self._root) as top, opened_below(top, parts[:-1]) as folder:
            return os.open(parts[-1], _LOOKED_AT, dir_fd=folder)


@contextmanager
def _telling(parts: Parts) -> Iterator[None]:
    """Makes the system's errors ours."""
    try:
        yield
    except PermissionError as error:
        raise ConfigurationError(
            "PATH_UNREADABLE",
            f"{shown('/'.join(parts))!r} may not be looked at: {error.strerror}",
            hint="the agent took the permission away; chmod gives it back",
        ) from error
    except (OSError, ValueError) as error:
        raise not_found(parts) from error


def _entries(folder: int, at: Parts) -> dict[str, WorkspaceEntry]:
    """What is in a folder, without what vanishes while it is looked at."""
    entries = {}
    with os.scandir(folder) as names:
        for name in [one.name for one in names]:
            with suppress(FileNotFoundError):
                entries[name] = _entry(folder, (*at, name))
    return entries


def _entry(folder: int, parts: Parts) -> WorkspaceEntry:
    name, path = parts[-1], "/".join(parts)
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if stat.S_ISREG(status.st_mode):
        return WorkspaceEntry(path, "file", status.st_size)
    if stat.S_ISDIR(status.st_mode):
        return WorkspaceEntry(path, "folder")
    if stat.S_ISLNK(status.st_mode):
        return WorkspaceEntry(path, "link", target=os.readlink(name, dir_fd=folder))
    return WorkspaceEntry(path, "special")
