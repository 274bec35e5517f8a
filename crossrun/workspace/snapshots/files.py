"""The files of a workspace, read without following a link.

Every folder is opened name by name from the top (`dirfd`), so a link that somebody puts on the way
meanwhile leads nowhere.
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
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class WorkspaceEntry(Struct, frozen=True):
    """Something in a workspace. A folder is listed only if it is empty or was not opened.

    `path` is relative, with the exact name; `size` is in bytes; `target` is where a link leads.
    """

    path: str
    kind: Kind
    size: int | None = None
    target: str | None = None
    closed: bool = False
    """A folder whose contents are not listed."""


class Files(Protocol):
    """A tree of files: a workspace, or a recorded state of one."""

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
            hint="give a path relative to the workspace, without `..`",
        )
    return parts


def not_found(parts: Parts) -> NotFoundError:
    """The error for a path at which there is nothing."""
    return NotFoundError(
        "PATH_NOT_FOUND",
        f"there is no {shown('/'.join(parts))!r} in the workspace",
        hint="links are not followed",
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
        with (
            _path_errors(parts),
            opened(self._root) as top,
            opened_below(top, parts[:-1]) as folder,
        ):
            return _entry(folder, parts)

    def below(self, parts: Parts, closed: Callable[[str], bool]) -> Iterator[WorkspaceEntry]:
        """All below a folder. One that vanishes meanwhile or cannot be read is listed as closed."""
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
        """The content of a regular file; its kind is checked again once it is open."""
        descriptor = self._descriptor(parts)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise not_found(parts)
        with os.fdopen(descriptor, "rb") as file:
            yield file

    def _descriptor(self, parts: Parts) -> int:
        if not parts:
            raise not_found(parts)
        with (
            _path_errors(parts),
            opened(self._root) as top,
            opened_below(top, parts[:-1]) as folder,
        ):
            return os.open(parts[-1], _READ, dir_fd=folder)


@contextmanager
def _path_errors(parts: Parts) -> Iterator[None]:
    """Turns errors of the system into errors about the path."""
    try:
        yield
    except PermissionError as error:
        raise ConfigurationError(
            "PATH_UNREADABLE",
            f"{shown('/'.join(parts))!r} cannot be read: {error.strerror}",
            hint="the agent removed the permission; restore it with chmod",
        ) from error
    except (OSError, ValueError) as error:
        raise not_found(parts) from error


def _entries(folder: int, at: Parts) -> dict[str, WorkspaceEntry]:
    """What is in a folder, without what vanishes meanwhile."""
    entries = {}
    with os.scandir(folder) as names:
        for name in [each.name for each in names]:
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
