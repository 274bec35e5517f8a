"""Replaces a file by one rename, so that nobody ever reads half of it."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from crossrun.system.folders import make_private

_KEPT = 50
"""Characters of a name that the temporary file begins with, so that it is not too long."""


def replace_file(path: Path, content: bytes, *, mode: int) -> None:
    """Writes a file completely or not at all. Arguments and errors as for `replacing`."""
    with replacing(path, mode=mode) as file:
        file.write(content)


@contextmanager
def replacing(path: Path, *, mode: int) -> Iterator[IO[bytes]]:
    """A new file that takes the place of another, if the block ends without an exception.

    A symbolic link stays one: the file that it leads to is replaced, and keeps its mode and owner.

    Args:
        path: the file; it need not exist, nor its folder.
        mode: of a new file.

    Raises:
        OSError: it cannot be written. The old content is untouched.
    """
    target = Path(os.path.realpath(path))
    make_private(target.parent)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name[:_KEPT]}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _take_after(file.fileno(), target, mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def _take_after(descriptor: int, target: Path, mode: int) -> None:
    """Gives the new file the mode and, if it is allowed, the owner of the old one."""
    try:
        old = target.stat()
    except FileNotFoundError:
        os.fchmod(descriptor, mode)
        return
    with suppress(OSError):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
