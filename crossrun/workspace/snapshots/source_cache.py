"""What is known of the files of a source, so that its next copy need not be read again.

Files of copies have the sizes and times of their originals. If the original is what it was when its
content was recorded, by its size, both times, inode and device, and its copy has its size and time,
the copy has that content.
"""

import os
from contextlib import suppress
from pathlib import Path

from msgspec import DecodeError, Struct, ValidationError, msgpack

from crossrun.workspace.files.filenames import path_bytes

RACY_NS = 2_000_000_000
"""A file that was changed less than this before it was looked at may change again without a trace:
file systems tell times apart by their ticks, the coarsest of which are two seconds."""


class FileStat(Struct, frozen=True, array_like=True, gc=False):
    """What changes with the content of a file. Times in nanoseconds."""

    size: int
    modified: int
    changed: int
    inode: int
    device: int

    def is_settled(self, now: int) -> bool:
        """Whether every later change would show."""
        return max(self.modified, self.changed) < now - RACY_NS

    def has_copy(self, copy: "FileStat") -> bool:
        """Whether another file may be a copy of this one."""
        return (self.size, self.modified) == (copy.size, copy.modified)


class _KnownFile(Struct, frozen=True, array_like=True, gc=False):
    stat: FileStat
    blob: bytes


def stat_of(status: os.stat_result) -> FileStat:
    """The part of a status that tells whether a file has changed."""
    return FileStat(
        status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev
    )


def write_whole(file: Path, content: bytes) -> None:
    """Writes a file, complete or not at all. Raises OSError."""
    temporary = file.with_name(f"{file.name}.{os.urandom(4).hex()}")
    try:
        temporary.write_bytes(content)
        temporary.rename(file)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


class SourceCache:
    """The contents of a source's files.

    Args:
        file: where it is kept. Two runs may write it at once; the later one wins.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._files: dict[bytes, _KnownFile] = {}
        with suppress(OSError, DecodeError, ValidationError):
            self._files = msgpack.decode(file.read_bytes(), type=dict[bytes, _KnownFile])
        self._is_changed = False

    def blob(self, path: str, original: FileStat) -> bytes | None:
        """The content of a file, if it is known and the file is unchanged since."""
        file = self._files.get(path_bytes(path))
        return file.blob if file is not None and file.stat == original else None

    def learn(self, path: str, original: FileStat, blob: bytes) -> None:
        """Remembers the content of a file."""
        self._files[path_bytes(path)] = _KnownFile(original, blob)
        self._is_changed = True

    def keep_only(self, blobs: set[bytes]) -> None:
        """Forgets contents that are no longer stored. Raises OSError."""
        stored = {path: file for path, file in self._files.items() if file.blob in blobs}
        self._is_changed = len(stored) < len(self._files)
        self._files = stored
        self.save()

    def save(self) -> None:
        """Writes what was learned. Raises OSError."""
        if not self._is_changed:
            return
        if not self._files:
            self._file.unlink(missing_ok=True)
            return
        write_whole(self._file, msgpack.encode(self._files))
