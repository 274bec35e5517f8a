"""Hard links in one of the user's folders: which names belong to the same file."""

import os
import stat
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

Inode = tuple[int, int]
"""The device of a file and its inode number there."""


class FileStamp(NamedTuple):
    """The parts of a file's status that change when somebody touches it."""

    device: int
    number: int
    mode: int
    size: int
    modified: int
    changed: int
    links: int

    @property
    def inode(self) -> Inode:
        """Identifies the file, under any of its names."""
        return (self.device, self.number)


def stamp_of(folder: int, name: str) -> FileStamp | None:
    """The current stamp of a file in an open folder; None if there is no such file."""
    try:
        status = os.lstat(name, dir_fd=folder)
    except FileNotFoundError:
        return None
    times = (status.st_mtime_ns, status.st_ctime_ns)
    inode = (status.st_dev, status.st_ino)
    return FileStamp(*inode, status.st_mode, status.st_size, *times, status.st_nlink)


class LinkedNames:
    """Names of files with several hard links below an open folder, as of the first lookup.

    Args:
        top: the open folder.
    """

    def __init__(self, top: int) -> None:
        self._top = top

    def of(self, inode: Inode) -> Sequence[str]:
        """All paths of this file below the folder; there may be more outside it."""
        return self._all.get(inode, ())

    @cached_property
    def _all(self) -> Mapping[Inode, Sequence[str]]:
        names_by_inode = defaultdict[Inode, list[str]](list)
        for place, folders, files, folder in os.fwalk(".", dir_fd=self._top):
            folders[:] = [name for name in folders if name != ".git"]
            for name in files:
                stamp = stamp_of(folder, name)
                if stamp is not None and stamp.links > 1 and stat.S_ISREG(stamp.mode):
                    path = os.path.normpath(os.path.join(place, name))  # noqa: PTH118  below top
                    names_by_inode[stamp.inode].append(path)
        return names_by_inode
