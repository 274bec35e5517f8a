"""Overwrites files that cannot be replaced by a rename, for instance because of hard links.

An overwrite is not atomic, so both the old and the new content are first saved to a journal file
beside it. If the process dies, the next one finishes the job, unless somebody else has changed the
file since.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha1

from crossrun.workspace.files.attributes import Attributes, attributes_of, give

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_WRITE = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK
_SIZE = 8
"""Bytes of the number that a journal file begins with: the length of the old content."""


def overwrite(folder: int, name: str, content: bytes, mark: str, *, executable: bool) -> Attributes:
    """Overwrites a file; on an error, its old content is restored.

    Args:
        folder: the open folder that the file is in.
        name: the file.
        content: its new content.
        mark: the prefix of the names of unfinished files.
        executable: whether the new content is a program.

    Returns:
        The attributes of the file.

    Raises:
        OSError: the file cannot be written, or the disk is full.
    """
    with _opened(folder, name, _WRITE) as file:
        attributes = attributes_of(file, os.fstat(file)).for_content(executable=executable)
        old = _all_of(file)
        journal = journal_name(name, mark)
        _write_journal(folder, journal, mark, old, content)
        try:
            if len(content) > len(old) and hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file, 0, len(content))
            _write(file, content)
        except BaseException:
            _write(file, old)
            raise
        finally:
            os.unlink(journal, dir_fd=folder)
        give(file, attributes, os.fstat(file))  # writing removes set-ID bits and capabilities
        return attributes


def finish(folder: int, name: str, mark: str) -> None:
    """Finishes an overwrite that a killed process began. Raises OSError."""
    journal = journal_name(name, mark)
    with suppress(FileNotFoundError):
        with _opened(folder, journal, _READ) as file:
            contents = _all_of(file)
        size = int.from_bytes(contents[:_SIZE], "big")
        old, new = contents[_SIZE : _SIZE + size], contents[_SIZE + size :]
        with suppress(FileNotFoundError), _opened(folder, name, _WRITE) as file:
            if _is_between(_all_of(file), old, new):
                _write(file, new)
        os.unlink(journal, dir_fd=folder)


def _write_journal(folder: int, journal: str, mark: str, old: bytes, new: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    descriptor = os.open(mark, flags, 0o600, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(len(old).to_bytes(_SIZE, "big"))
            file.write(old)
            file.write(new)
        os.rename(mark, journal, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        os.unlink(mark, dir_fd=folder)
        raise


def _is_between(now: bytes, old: bytes, new: bytes) -> bool:
    """Whether a file has the beginning of its new content and the rest of its old content."""
    pairs = enumerate(zip(now, new, strict=False))
    written = next((at for at, (ours, theirs) in pairs if ours != theirs), min(len(now), len(new)))
    rest = old.ljust(len(new), b"\0")[written : len(now)]
    return now == new or (len(now) >= len(old) and now[written:] == rest)


def _write(file: int, content: bytes) -> None:
    os.lseek(file, 0, os.SEEK_SET)
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]
    os.ftruncate(file, len(content))


def _all_of(file: int) -> bytes:
    with os.fdopen(os.dup(file), "rb") as content:
        content.seek(0)
        return content.read()


def journal_name(name: str, mark: str) -> str:
    """The name of the journal file with both contents."""
    return f"{mark}-{sha1(os.fsencode(name), usedforsecurity=False).hexdigest()[:16]}"


@contextmanager
def _opened(folder: int, name: str, flags: int) -> Iterator[int]:
    file = os.open(name, flags, dir_fd=folder)
    try:
        yield file
    finally:
        os.close(file)
