"""Removal of trees that an agent had in its hands: nothing outside of them is touched.

The library's `shutil.rmtree` follows no link either, but it stops at folders without permissions,
and at trees deeper than Python's stack or the limit of open files.
"""

import errno
import os
import stat

from crossrun.workspace.files.dirfd import NO_FOLDER, allow_all, opened_below

Parts = tuple[str, ...]
_IN_USE = frozenset((errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EISDIR))
"""A folder holds something, or something else has just taken its place."""


def remove_below(top: int, name: str) -> None:
    """Removes what has a name in an open folder: a file, a link, or a tree, folder by folder.

    Folders without permissions get them first. What is gone already is fine.

    Raises:
        OSError: something cannot be removed, or a folder is on another device: what is mounted
            there is not part of the tree.
    """
    device = os.fstat(top).st_dev
    if _removed(top, name, device):
        return
    pending: list[Parts] = [(name,)]
    looked_into = set(pending)
    while pending:
        below = _emptied(top, pending[-1], device)
        if again := looked_into.intersection(below):
            raise _still_there(*again.pop())
        looked_into.update(below)
        pending += below
        if not below:
            pending.pop()
    if not _removed(top, name, device):
        raise _still_there(name)


def _emptied(top: int, parts: Parts, device: int) -> list[Parts]:
    """Removes what is in a folder; returns the folders in it that hold something."""
    try:
        with opened_below(top, parts) as folder:
            names = [entry.name for entry in os.scandir(folder)]
            return [(*parts, name) for name in names if not _removed(folder, name, device)]
    except OSError as error:
        if error.errno not in NO_FOLDER:
            raise
        return []


def _removed(folder: int, name: str, device: int) -> bool:
    """Whether a name is gone now. A folder that holds something stays, with all rights for us."""
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
