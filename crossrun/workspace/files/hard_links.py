"""Files with several names, in a folder of the user's: which of them are one file."""

import os
import stat
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

Inode = tuple[int, int]
"""The device of a file, and its number there."""


class FileStamp(NamedTuple):
    """What changes when somebody touches a file."""

    device: int
    number: int
    mode: int
    size: int
    modified: int
    changed: int
    links: int

    @property
    def inode(self) -> Inode:
        """The file itself, whatever its names."""
        return (self.device, self.number)


def stamp_of(folder: int, name: str) -> FileStamp | None:
    """A file in an open folder as it is now; None when there is none."""
    try:
        status = os.lstat(name, dir_fd=folder)
    except FileNotFoundError:
        return None
    times = (status.st_mtime_ns, status.st_ctime_ns)
    inode = (status.st_dev, status.st_ino)
    return FileStamp(*inode, status.st_mode, status.st_size, *times, status.st_nlink)


class HardLinks:
    """The names of files that have several, below an open folder, as they were at the first look.

    Args:
        top: the open folder.
    """

    def __init__(self, top: int) -> None:
        self._top = top

    def of(self, inode: Inode) -> Sequence[str]:
        """All paths below the folder that are this file; there may be more outside of it."""
        return self._all.get(inode, ())

    @cached_property
    def _all(self) -> dict[Inode, list[str]]:
        found = dict[Inode, list[str]]()
        for current, folders, files, folder in os.fwalk(".", dir_fd=self._top):
            folders[:] = [name for name in folders if name != ".git"]
            for name in files:
                status = stamp_of(folder, name)
                if status is not None and status.links > 1 and stat.S_ISREG(status.mode):
                    path = os.path.normpath(os.path.join(current, name))  # noqa: PTH118  of an open folder
                    found.setdefault(status.inode, []).append(path)
        return found
