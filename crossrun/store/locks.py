"""A run, or a batch, belongs to the process that holds the lock on its file.

The kernel lets go of the lock when the process dies, however it dies, so nobody has to guess from
process ids whether a run is active.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from crossrun.system.filelocks import is_locked
from crossrun.system.folders import make_private


class RunLocks:
    """The lock files of runs or of batches, one for each that is active or was left behind."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, run_id: str) -> int:
        """Takes a new run's lock.

        Returns:
            The file descriptor that holds it.

        Raises:
            FileExistsError: there is a run of this id.
        """
        make_private(self._folder)
        file = self._file(run_id)
        held = os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        fcntl.flock(held, fcntl.LOCK_EX)
        if not _has_name(held, file):
            os.close(held)
            raise FileExistsError(file)  # somebody took it for left behind in the meantime
        return held

    def take(self, batch_id: str) -> int | None:
        """Takes the lock of a batch, which may have been left behind and asked to stop before.

        Returns:
            The file descriptor that holds it; None: another process does.
        """
        held = self._taken(batch_id)
        if held is not None:
            os.ftruncate(held, 0)
        return held

    def ask(self, run_id: str) -> None:
        """Writes a request to stop into a run's lock file, for the process that holds it.

        A file that is gone belongs to a run that has ended.
        """
        with suppress(FileNotFoundError):
            file = os.open(self._file(run_id), os.O_WRONLY | os.O_APPEND)
            os.write(file, b"stop\n")
            os.close(file)

    def release(self, run_id: str, held: int) -> None:
        """Lets a run go that has ended."""
        self._file(run_id).unlink(missing_ok=True)
        os.close(held)

    @contextmanager
    def claim(self, run_id: str) -> Iterator[bool]:
        """Takes the lock of a run that its process left, and removes the file in the end.

        Yields:
            True when nobody holds it: the run's process is gone.
        """
        held = self._taken(run_id)
        if held is None:
            yield False
            return
        try:
            yield True
            self._file(run_id).unlink(missing_ok=True)
        finally:
            os.close(held)

    @contextmanager
    def share(self, run_id: str) -> Iterator[bool]:
        """Keeps a run that has ended as it is, together with others that want the same.

        Yields:
            False when its process lives, or another command resumes or removes it.
        """
        held = self._taken(run_id, fcntl.LOCK_SH)
        try:
            yield held is not None
        finally:
            if held is not None:
                self._let_go(run_id, held)

    def _let_go(self, run_id: str, held: int) -> None:
        """Releases a shared lock; the last holder removes the file."""
        with suppress(OSError):
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _has_name(held, self._file(run_id)):
                self._file(run_id).unlink(missing_ok=True)
        os.close(held)

    def held(self) -> list[str]:
        """The ids of active runs."""
        return sorted(run_id for run_id in self.names() if self.is_held(run_id))

    def names(self) -> set[str]:
        """The ids of all runs that have a lock file, held or not."""
        try:
            return {entry.name.removesuffix(".lock") for entry in os.scandir(self._folder)}
        except OSError:
            return set()

    def _taken(self, run_id: str, kind: int = fcntl.LOCK_EX) -> int | None:
        """A descriptor that holds the lock; None when it cannot be had."""
        file = self._file(run_id)
        try:
            make_private(self._folder)
            held = os.open(file, os.O_CREAT | os.O_RDWR, 0o600)
        except OSError:
            return None
        try:
            fcntl.flock(held, kind | fcntl.LOCK_NB)
            if _has_name(held, file):
                return held  # else its holder just released it, and the next one has a new file
        except OSError:
            pass
        os.close(held)
        return None

    def is_held(self, run_id: str) -> bool:
        """Whether a process is at work with it."""
        return is_locked(self._file(run_id))

    def _file(self, run_id: str) -> Path:
        return self._folder / f"{run_id}.lock"


def _has_name(held: int, file: Path) -> bool:
    """Whether an open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(held), file.stat())
    except FileNotFoundError:
        return False
