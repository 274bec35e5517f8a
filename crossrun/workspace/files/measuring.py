"""Disk usage of trees: in blocks, and without following links."""

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from crossrun.workspace.files.dirfd import opened, opened_below

_BLOCK = 512
_LEFT_OUT = frozenset((errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.EPERM))
"""What has disappeared, is a link now, or may not be read."""


class Meter:
    """Adds up the disk usage of trees. A file with hard links counts once."""

    def __init__(self) -> None:
        self._linked: set[tuple[int, int]] = set()
        self.files = 0

    def below(self, root: Path, parts: Sequence[str] = ()) -> int:
        """The bytes of a file or tree below a folder, not reached through a link. Raises OSError.

        What may not be read, or is mounted there, is left out.
        """
        try:
            with opened(root) as top:
                return self._of(top, tuple(parts))
        except OSError as error:
            if error.errno not in _LEFT_OUT:
                raise
            return 0

    def _of(self, top: int, parts: tuple[str, ...]) -> int:
        if not parts:
            status = os.fstat(top)
            return self._counted(status) + self._in_folders(top, (), status.st_dev)
        with opened_below(top, parts[:-1]) as folder:
            status = os.stat(parts[-1], dir_fd=folder, follow_symlinks=False)
            below = 0
            if stat.S_ISDIR(status.st_mode):
                below = self._in_folders(folder, parts[-1:], status.st_dev)
            return self._counted(status) + below

    def _in_folders(self, top: int, first: tuple[str, ...], device: int) -> int:
        total, pending = 0, [first]
        while pending:
            parts = pending.pop()
            try:
                with opened_below(top, parts) as folder, os.scandir(folder) as entries:
                    for entry in entries:
                        status = entry.stat(follow_symlinks=False)
                        if status.st_dev != device:
                            continue
                        total += self._counted(status)
                        if stat.S_ISDIR(status.st_mode):
                            pending.append((*parts, entry.name))
            except OSError as error:
                if error.errno not in _LEFT_OUT:
                    raise
        return total

    def _counted(self, status: os.stat_result) -> int:
        if not stat.S_ISDIR(status.st_mode):
            self.files += 1
            if status.st_nlink > 1:
                file = status.st_dev, status.st_ino
                if file in self._linked:
                    return 0
                self._linked.add(file)
        return status.st_blocks * _BLOCK
