"""Finds out what the file system of an open folder supports, with a temporary file."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_NAME = ".Crossrun-Probe"


def stores_modes(top: int) -> bool:
    """Whether files keep their executable bit."""
    with _file(top) as descriptor:
        if descriptor is None:
            return True
        before = os.fstat(descriptor).st_mode
        with suppress(OSError):
            os.fchmod(descriptor, stat.S_IMODE(before) ^ stat.S_IXUSR)
        return os.fstat(descriptor).st_mode != before


def is_case_sensitive(top: int) -> bool:
    """Whether the file system is case-sensitive."""
    with _probe(top) as name:
        if name is None:
            return True
        with suppress(OSError):
            os.lstat(name.swapcase(), dir_fd=top)
            return False
        return True


def preserves_names(top: int) -> bool:
    """Whether names are listed exactly as they were created."""
    with _probe(top) as name:
        return name is None or name in os.listdir(top)


def sweep(top: int) -> None:
    """Removes the file that a killed process may have left behind."""
    with suppress(OSError):
        os.unlink(_NAME, dir_fd=top)


@contextmanager
def _file(top: int) -> Iterator[int | None]:
    """A new open file, unnamed if that is possible; None if none can be made."""
    try:
        descriptor = os.open(".", os.O_RDWR | os.O_TMPFILE, 0o600, dir_fd=top)
    except (OSError, AttributeError):  # unnamed files are not supported everywhere
        with _probe(top) as name:
            descriptor = -1 if name is None else os.open(name, os.O_RDWR, dir_fd=top)
    try:
        yield None if descriptor < 0 else descriptor
    finally:
        if descriptor >= 0:
            os.close(descriptor)


@contextmanager
def _probe(top: int) -> Iterator[str | None]:
    """A new file; None if none can be made."""
    sweep(top)
    try:
        os.close(os.open(_NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=top))
    except OSError:
        yield None
        return
    try:
        yield _NAME
    finally:
        sweep(top)
