"""Removes trees that an agent could write to, without touching anything outside.

`shutil.rmtree` does not follow links either, but it fails for folders without permissions, and for
trees deeper than Python's stack or the limit on open files.
"""

import errno
import math
import os
import stat
import time

from crossrun.workspace.files.dirfd import NO_FOLDER, allow_all, opened_below

Parts = tuple[str, ...]
_IN_USE = frozenset((errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EISDIR))
"""A folder is not empty, or something else has just taken its place."""


def remove_below(top: int, name: str, *, seconds: float = math.inf) -> bool:
    """Removes a file, a link or a tree in an open folder, if it exists.

    Folders without permissions get them first.

    Args:
        top: the open folder.
        name: of what is removed.
        seconds: about how long it may take.

    Returns:
        False if there was not enough time.

    Raises:
        OSError: something cannot be removed, or is mounted below and so not part of the tree.
    """
    device, until = os.fstat(top).st_dev, time.monotonic() + seconds
    if _remove(top, name, device):
        return True
    pending: list[Parts] = [(name,)]
    visited = set(pending)
    while pending:
        if time.monotonic() > until:
            return False
        below = _empty(top, pending[-1], device)
        if again := visited.intersection(below):
            raise _still_there(*again.pop())
        visited.update(below)
        pending += below
        if not below:
            pending.pop()
    if not _remove(top, name, device):
        raise _still_there(name)
    return True


def _empty(top: int, parts: Parts, device: int) -> list[Parts]:
    """Removes what is in a folder. Returns the folders in it that are not empty."""
    try:
        with opened_below(top, parts) as folder:
            names = [entry.name for entry in os.scandir(folder)]
            return [(*parts, name) for name in names if not _remove(folder, name, device)]
    except OSError as error:
        if error.errno not in NO_FOLDER:
            raise
        return []


def _remove(folder: int, name: str, device: int) -> bool:
    """Removes a file or an empty folder. Returns False for other folders, made accessible to us."""
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISDIR(status.st_mode):
            os.unlink(name, dir_fd=folder)
            return True
        _check_device(status, device, name)
        if status.st_mode & stat.S_IRWXU != stat.S_IRWXU:
            allow_all(folder, name)
        os.rmdir(name, dir_fd=folder)
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno not in _IN_USE:
            raise
        return False
    return True


def _check_device(status: os.stat_result, device: int, name: str) -> None:
    if status.st_dev != device:
        raise OSError(errno.EXDEV, "something is mounted there", name)


def _still_there(*parts: str) -> OSError:
    return OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), "/".join(parts))
