"""Opens folders name by name, so that no link below a certain folder can lead out of it."""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

NO_FOLDER = frozenset((errno.ENOENT, errno.ENOTDIR, errno.ELOOP))
"""Errors from opening a folder that is gone, or that something else has taken the place of."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


@contextmanager
def opened(folder: Path) -> Iterator[int]:
    """Opens a folder that the user or crossrun named; links on the way are followed.

    Raises OSError.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def opened_below(top: int, parts: Sequence[str]) -> Iterator[int]:
    """Opens a folder below an open one, without following links. Raises OSError.

    Only the last part stays open, so that deep or wide trees do not reach the limit on open files.
    """
    descriptor = os.open(parts[0] if parts else ".", _FOLDER, dir_fd=top)
    try:
        for part in parts[1:]:
            below = os.open(part, _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def read_file(file: Path, size: int) -> bytes | None:
    """The beginning of a regular file; None for a link or anything else in its place."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as content:
        return content.read(size) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None


def shown(path: str) -> str:
    """A path as text for people and for JSON: bytes that are not UTF-8 are replaced."""
    return os.fsencode(path).decode("utf-8", "replace")


def reason(error: OSError) -> str:
    """Why the system refused, and for which file if that is known."""
    why = error.strerror or str(error)
    return f"{why} ({shown(str(error.filename))})" if error.filename else why


def allow_all(folder: int, name: str) -> None:
    """Gives the user all permissions on a folder, without following a link. Raises OSError."""
    if os.chmod in os.supports_follow_symlinks:
        os.chmod(name, 0o700, dir_fd=folder, follow_symlinks=False)
        return
    descriptor = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    try:
        os.chmod(f"/proc/self/fd/{descriptor}", 0o700)  # noqa: PTH101  it is a link to follow
    finally:
        os.close(descriptor)
