"""The way back from a damaged store: the newest backup is put in its place."""

from datetime import datetime

from crossrun.cli.globals import Globals
from crossrun.config.settings import Paths
from crossrun.errors import ConfigurationError
from crossrun.projections.documents import document
from crossrun.services.app import App
from crossrun.store.backups import newest_sound
from crossrun.system.clock import utc


def restore_store(app: App, options: Globals, *, json: bool) -> None:
    """Replaces the store by the newest sound backup, if the user agrees."""
    paths, backup = app.settings.paths, app.store.backup
    database = paths.database
    if backup is None:
        raise ConfigurationError(
            "BACKUP_MISSING",
            f"there is no sound backup in {paths.backups}",
            hint=_without_backup(paths),
        )
    options.confirm(
        f"Replace {database} by its backup of {_moment(backup.made_at)}?"
        " What was recorded since then will not be in it.",
        hint="say --yes; the file that is there now is kept beside it",
    )
    restored = app.store.restore(backup)
    if json:
        result = {
            "database": str(database),
            "restored": str(backup.file),
            "made_at": utc(backup.made_at),
            "kept": list(map(str, restored.aside)),
            "applied": restored.applied,
        }
        options.out.emit(document({**result, "version": app.store.version}))
    options.say(
        f"{database} is again as it was at {_moment(backup.made_at)}",
        "what was recorded since then is not in it; workspaces and artifacts are still there",
        *(f"kept: {file}" for file in restored.aside),
    )
    app.settle_dead_runs()


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
