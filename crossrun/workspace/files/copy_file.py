"""Copies the content of files in the quickest way that the file system offers."""

import errno
import fcntl
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

_FICLONE = 0x40049409
"""The ioctl that shares the blocks of a file with another one, on Linux."""
_SMALL = 128 * 1024
"""Bytes up to which reading and writing is faster than a copy in the kernel."""
_PIECE = 8 * 1024 * 1024
"""Bytes between two progress reports."""
_HOLE = 64 * 1024
"""Bytes of zeros that become a hole in a file."""
_BLOCK = 512
"""Bytes in the unit of `st_blocks`."""
_NEVER_HERE = frozenset((errno.EOPNOTSUPP, errno.ENOTTY, errno.ENOSYS, errno.EXDEV))
_NOT_THESE = frozenset((errno.EINVAL, errno.EPERM, errno.EACCES, errno.EBADF, errno.ETXTBSY))
"""How file systems and sandboxes refuse an operation, in general or for two files."""


class Blocks:
    """Copies contents, and remembers what the file systems do not support.

    Args:
        went_on: called with the size of each piece that was copied; may raise to end the copy.
    """

    def __init__(self, went_on: Callable[[int], None]) -> None:
        self._went_on = went_on
        self._unshared = set[int]()
        self._in_kernel = hasattr(os, "copy_file_range")

    def copy(self, reading: int, writing: int, status: os.stat_result) -> bool:
        """Copies the content that a file had when its status was read. Raises OSError.

        Returns:
            Whether the two files share their blocks.
        """
        size = status.st_size
        if self._shares(reading, writing, status.st_dev):
            self._went_on(size)
            return True
        if size > _SMALL and status.st_blocks * _BLOCK < size:
            self._copy_around_holes(reading, writing, size)
        else:
            self._copy_all(reading, writing, size)
        return False

    def _copy_around_holes(self, reading: int, writing: int, size: int) -> None:
        """Copies only what a file has blocks for, so that the copy takes no more space."""
        os.ftruncate(writing, size)
        end = 0
        while (start := _next_data(reading, end)) < size:
            end = min(os.lseek(reading, start, os.SEEK_HOLE), size)
            for descriptor in (reading, writing):
                os.lseek(descriptor, start, os.SEEK_SET)
            self._copy_all(reading, writing, end - start)

    def _copy_all(self, reading: int, writing: int, size: int) -> None:
        """Copies bytes from the current position of both files."""
        done = 0
        if self._in_kernel and size > _SMALL:
            done = self._copied_in_kernel(reading, writing, size)
        self._read_and_write(reading, writing, size, done)

    def _shares(self, reading: int, writing: int, device: int) -> bool:
        if sys.platform != "linux" or device in self._unshared:
            return False
        try:
            fcntl.ioctl(writing, _FICLONE, reading)
        except OSError as error:
            if error.errno in _NEVER_HERE:
                self._unshared.add(device)
            elif error.errno not in _NOT_THESE:
                raise
            return False
        return True

    def _copied_in_kernel(self, reading: int, writing: int, size: int) -> int:
        """The bytes copied until the end of the file, or until the kernel refused."""
        done = 0
        while done < size:
            try:
                copied = os.copy_file_range(reading, writing, min(size - done, _PIECE))
            except OSError as error:
                if error.errno not in _NEVER_HERE | _NOT_THESE:
                    raise
                self._in_kernel = False
                return done
            if not copied:
                return done
            done += copied
            self._went_on(copied)
        return done

    def _read_and_write(self, reading: int, writing: int, size: int, done: int) -> None:
        """Copies the rest. Files in /proc have content although their size is 0."""
        while done < size or not size:
            piece = os.read(reading, min(size - done, _PIECE) if size else _SMALL)
            if not piece:
                return
            done += len(piece)
            self._went_on(len(piece))
            while piece:
                piece = piece[os.write(writing, piece) :]


def _next_data(file: int, at: int) -> int:
    """Where the next data begins; past the end of the file if there is none."""
    try:
        return os.lseek(file, at, os.SEEK_DATA)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return sys.maxsize


def write_with_holes(file: IO[bytes], content: bytes) -> None:
    """Writes content, with holes in place of long runs of zeros."""
    for start in range(0, len(content), _HOLE):
        piece = content[start : start + _HOLE]
        if piece.count(0) == _HOLE:
            file.seek(_HOLE, os.SEEK_CUR)
        else:
            file.write(piece)
    file.truncate(len(content))


def shares_blocks(folder: Path) -> bool:
    """Whether copies within a folder take no room until they are changed; leaves two files."""
    with (folder / "shared").open("wb") as first:
        first.write(b"x" * 4096)
    with (folder / "shared").open("rb") as reading, (folder / "sharing").open("wb") as writing:
        try:
            fcntl.ioctl(writing.fileno(), _FICLONE, reading.fileno())
        except OSError:
            return False
    return True
