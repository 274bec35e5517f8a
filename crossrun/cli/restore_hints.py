"""Hints for a store that cannot be read. They depend on the backups that exist."""

from datetime import datetime

from crossrun.config.settings import Paths
from crossrun.store.backups import newest_sound


def restore_hint(code: str, paths: Paths) -> str | None:
    """What the user can do about a store that cannot be read; None: what its error says."""
    backup = newest_sound(paths.backups)
    if backup is not None:
        return (
            f"restore the backup from {minute(backup.made_at)}, {backup.file}: "
            "crossrun migrate --restore"
        )
    return without_backup(paths) if code == "STORE_DAMAGED" else None


def without_backup(paths: Paths) -> str:
    """What the user can do without a backup."""
    return (
        f"there is no backup; to start afresh, move {paths.database} away, with the files next "
        f"to it that end in -wal and -shm; to save what can be saved: sqlite3 {paths.database}"
        " .recover"
    )


def minute(at: datetime) -> str:
    """A time for people, to the minute."""
    return f"{at:%Y-%m-%d %H:%M} UTC"
