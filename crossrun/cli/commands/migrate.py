"""`crossrun migrate`: brings the store up to date, or restores a backup of it."""

from typing import Annotated

import typer

from crossrun.cli.arguments import Json
from crossrun.cli.globals import Globals, application, current
from crossrun.cli.restore_hints import minute, without_backup
from crossrun.errors import ConfigurationError
from crossrun.projections.documents import document
from crossrun.services.app import App
from crossrun.system.clock import utc


def migrate(
    restore: Annotated[
        bool, typer.Option("--restore", help="Replace the store with its newest intact backup.")
    ] = False,
    json: Json = False,
) -> None:
    """Create the store, or bring it up to date. Every command does so itself when needed.

    With --restore, the newest intact backup replaces the store, whose files are kept next to it.
    What was recorded after the backup is then missing; workspaces and artifacts stay.

    \b
    Examples:
      crossrun migrate
      crossrun migrate --restore
    """
    options = current()
    app = options.app()
    if restore:
        _restore(app, options, json=json)
        return
    database, applied = app.settings.paths.database, app.store.open_for_writing()
    if json:
        result = {"database": str(database), "applied": applied, "version": app.store.version}
        options.out.emit(document(result))
    elif applied:
        options.say(f"applied {', '.join(applied)} to {database}")
    else:
        options.say(f"{database} is up to date")


def _restore(app: App, options: Globals, *, json: bool) -> None:
    """Replaces the store with the newest intact backup, if the user agrees."""
    paths, backup = app.settings.paths, app.store.backup
    database = paths.database
    if backup is None:
        raise ConfigurationError(
            "BACKUP_MISSING",
            f"there is no intact backup in {paths.backups}",
            hint=without_backup(paths),
        )
    options.confirm(
        f"Replace {database} with its backup from {minute(backup.made_at)}?"
        " What was recorded since then will be missing.",
        hint="use --yes; the current file is kept next to it",
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
        f"{database} is restored to its state of {minute(backup.made_at)}",
        "what was recorded since then is missing; workspaces and artifacts are still there",
        *(f"kept: {file}" for file in restored.aside),
    )
    app.settle_dead_runs()


migrate_app = application("migrate", migrate)
