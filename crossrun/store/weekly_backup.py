"""The weekly copy of the store. A large store is copied in the background, so that nobody waits.

Run as a program, this module makes the copy: `python -m crossrun.store.weekly_backup DATABASE
BACKUPS STATE`. One process at a time does so. If it fails, the next command says it once.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

from crossrun.errors import ConfigurationError, CrossrunError
from crossrun.store.backups import make_weekly, require_room_for, weekly_is_due
from crossrun.store.opening import BACKUP_FAILURE, log_of, translated
from crossrun.system.detached import start_detached
from crossrun.system.filelocks import is_locked, trying_lock
from crossrun.system.folders import make_private

_SMALL = 2 * 1024 * 1024
"""Bytes of a store that is copied sooner than a process starts."""
_LOWEST_PRIORITY = 19


class WeeklyBackup:
    """The weekly copy of a store.

    Args:
        database: the store.
        folder: where its copies are.
        state: the folder for the lock and the message of a copy that failed.
    """

    def __init__(self, database: Path, *, folder: Path, state: Path) -> None:
        self._database = database
        self._folder = folder
        self._state = state
        self._lock = state / "backup.lock"
        self._failure = state / BACKUP_FAILURE

    def keep(self) -> None:
        """Copies the store if there is no copy of this week; a large one in the background.

        Raises:
            ConfigurationError: there is too little room, or the copy cannot be made or started.
        """
        if not weekly_is_due(self._folder):
            return
        with translated(self._database):
            if is_locked(self._lock):
                return
            make_private(self._folder)
            require_room_for(self._database, self._folder)
            is_small = _size(self._database) <= _SMALL
        if is_small:
            self.make()
        else:
            self._start()

    def make(self) -> None:
        """Copies the store if there is no copy of this week and no other process makes one.

        Raises:
            ConfigurationError: it cannot be copied, or is damaged. Older copies are kept.
        """
        with translated(self._database), trying_lock(self._lock) as tries:
            if next(tries) and weekly_is_due(self._folder):
                make_weekly(self._database, self._folder)

    def make_in_background(self) -> None:
        """As `make`; keeps the message if it fails."""
        os.nice(_LOWEST_PRIORITY)
        try:
            self.make()
        except Exception as error:  # noqa: BLE001  the edge of this process
            message = error.message if isinstance(error, CrossrunError) else repr(error)
            with suppress(OSError):  # nobody else could be told
                self._failure.write_text(message, encoding="utf-8")

    def take_failure(self) -> str | None:
        """Why the last copy in the background failed; None if it did not, or if it was said."""
        try:
            message = self._failure.read_text(encoding="utf-8")
            self._failure.unlink()
        except OSError:
            return None
        return message

    def _start(self) -> None:
        paths = map(str, (self._database, self._folder, self._state))
        try:
            start_detached([sys.executable, "-P", "-m", __name__, *paths])
        except OSError as error:
            raise ConfigurationError(
                "STORE_FAILED",
                f"the process that makes it could not be started: {error.strerror}",
                hint="it is tried again after the next run",
            ) from error


def _size(database: Path) -> int:
    """Bytes of the store with its log."""
    sizes = [file.stat().st_size for file in (database, log_of(database)) if file.exists()]
    return sum(sizes)


if __name__ == "__main__":
    database, folder, state = map(Path, sys.argv[1:])
    WeeklyBackup(database, folder=folder, state=state).make_in_background()
