"""The way back from a damaged store: copies in good time, and one of them put in its place."""

from datetime import datetime

from crossrun.cli.globals import Globals, current
from crossrun.cli.ledger import tell_interrupted
from crossrun.config.settings import Paths, Settings
from crossrun.errors import ConfigurationError
from crossrun.projections.documents import document
from crossrun.store import Store
from crossrun.store.backups import newest_sound
from crossrun.system.clock import utc


def keep_copy(store: Store) -> None:
    """Makes this week's copy of the store if it is due; a run that went well stays so without."""
    try:
        store.keep_weekly_copy()
    except ConfigurationError as error:
        current().say(f"warning: no weekly backup of the store was made: {error.message}")


def restore_store(store: Store, settings: Settings, options: Globals, *, json: bool) -> None:
    """Puts the newest sound backup in the store's place, if the user agrees, and tells of it."""
    database, backup = settings.paths.database, store.backup
    if backup is None:
        raise ConfigurationError(
            "BACKUP_MISSING",
            f"there is no sound backup in {settings.paths.backups}",
            hint=_without_backup(settings.paths),
        )
    options.confirm(
        f"Replace {database} by its backup of {_moment(backup.made_at)}?"
        " What was recorded since then will not be in it.",
        hint="say --yes; the file that is there now is kept beside it",
    )
    done = store.restore(backup)
    if json:
        told = {
            "database": str(database),
            "restored": str(backup.file),
            "made_at": utc(backup.made_at),
            "kept": list(map(str, done.aside)),
            "applied": done.applied,
        }
        options.out.emit(document({**told, "version": store.version}))
    options.say(
        f"{database} is again as it was at {_moment(backup.made_at)}",
        "what was recorded since then is not in it; workspaces and artifacts are still there",
        *(f"kept: {file}" for file in done.aside),
    )
    tell_interrupted(options, settings, store)


def way_back(code: str, paths: Paths) -> str | None:
    """What can be done about a store that cannot be read; None: what its error says."""
    backup = newest_sound(paths.backups)
    if backup is not None:
        return (
            f"crossrun migrate --restore  puts the backup of {_moment(backup.made_at)}"
            f" in its place: {backup.file}"
        )
    return _without_backup(paths) if code == "STORE_DAMAGED" else None


def _without_backup(paths: Paths) -> str:
    return (
        f"there is no backup; to begin anew, move {paths.database} away with the files"
        f" beside it that end in -wal and -shm; what can be saved:  sqlite3 {paths.database}"
        " .recover"
    )


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
