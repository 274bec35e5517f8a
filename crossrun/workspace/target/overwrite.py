"""A new content for a file that has to stay the same file, since it has other names, for instance.

Such a file cannot be replaced at once. So that it is never lost half-way, its old and its new
content are first in a file of their own beside it. When the process dies, whoever comes next
finishes what was begun, unless somebody else has changed the file since.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha1

from crossrun.workspace.files.attributes import Attributes, attributes_of, give

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_WRITE = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK
_SIZE = 8
"""Bytes of the number that both contents begin with: the length of the old one."""


def overwrite(folder: int, name: str, content: bytes, mark: str, *, executable: bool) -> Attributes:
    """Writes a content into a file; on an error, the file is as it was.

    Args:
        folder: the open folder that the file is in.
        name: the file.
        content: all that it will hold.
        mark: the beginning of names of unfinished files.
        executable: whether the content is a program.

    Returns:
        What the file is besides.

    Raises:
        OSError: the file cannot be written, or there is no room.
    """
    with _opened(folder, name, _WRITE) as file:
        attributes = attributes_of(file, os.fstat(file)).for_content(executable=executable)
        old = _all_of(file)
        both = kept_beside(name, mark)
        _keep_both(folder, both, mark, old, content)
        try:
            if len(content) > len(old) and hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file, 0, len(content))
            _write(file, content)
        except BaseException:
            _write(file, old)
            raise
        finally:
            os.unlink(both, dir_fd=folder)
        give(file, attributes, os.fstat(file))  # writing takes special bits and capabilities away
        return attributes


def finish(folder: int, name: str, mark: str) -> None:
    """Finishes what a killed process began. Raises OSError."""
    both = kept_beside(name, mark)
    with suppress(FileNotFoundError):
        with _opened(folder, both, _READ) as kept:
            contents = _all_of(kept)
        size = int.from_bytes(contents[:_SIZE], "big")
        old, new = contents[_SIZE : _SIZE + size], contents[_SIZE + size :]
        with suppress(FileNotFoundError), _opened(folder, name, _WRITE) as file:
            if _is_between(_all_of(file), old, new):
                _write(file, new)
        os.unlink(both, dir_fd=folder)


def _keep_both(folder: int, both: str, mark: str, old: bytes, new: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    descriptor = os.open(mark, flags, 0o600, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(len(old).to_bytes(_SIZE, "big"))
            file.write(old)
            file.write(new)
        os.rename(mark, both, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        os.unlink(mark, dir_fd=folder)
        raise


def _is_between(now: bytes, old: bytes, new: bytes) -> bool:
    """Whether a file holds the beginning of its new content and the rest of its old one."""
    pairs = enumerate(zip(now, new, strict=False))
    begun = next((at for at, (one, other) in pairs if one != other), min(len(now), len(new)))
    rest = old.ljust(len(new), b"\0")[begun : len(now)]
    return now == new or (len(now) >= len(old) and now[begun:] == rest)


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


def kept_beside(name: str, mark: str) -> str:
    """The name of the file with both contents."""
    return f"{mark}-{sha1(os.fsencode(name), usedforsecurity=False).hexdigest()[:16]}"


@contextmanager
def _opened(folder: int, name: str, flags: int) -> Iterator[int]:
    file = os.open(name, flags, dir_fd=folder)
    try:
        yield file
    finally:
        os.close(file)
