"""File locks. The kernel releases them when the process dies, however it dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crossrun.system.folders import make_private


@contextmanager
def file_locked(lock: Path) -> Iterator[None]:
    """Waits for a lock file and holds it."""
    make_private(lock.parent)
    file = os.open(lock, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


@contextmanager
def trying_lock(lock: Path) -> Iterator[Iterator[bool]]:
    """Tries to take a lock file without blocking.

    Yields:
        An iterator: each `next` tries once and returns whether the lock is held.
    """
    make_private(lock.parent)
    file = os.open(lock, os.O_CREAT | os.O_RDWR, 0o600)

    def tries() -> Iterator[bool]:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    try:
        yield tries()
    finally:
        os.close(file)


def is_locked(lock: Path) -> bool:
    """Whether a process holds a lock file. A file that cannot be opened is not locked.

    Several processes may ask at once: none of them takes the others for the holder.
    """
    try:
        file = os.open(lock, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False
