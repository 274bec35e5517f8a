"""`paths` and `migrate`: where things are, and the store's own state."""

from pathlib import Path
from typing import Annotated

import typer

from crossrun.cli.arguments import Json
from crossrun.cli.globals import application, current
from crossrun.cli.recovery import restore_store
from crossrun.config.settings import Settings
from crossrun.projections.documents import document
from crossrun.services.app import App


def paths(json: Json = False) -> None:
    """Show where everything is.

    \b
    Examples:
      crossrun paths
      crossrun paths --json | jq -r .workspaces
    """
    options = current()
    found = _places(options.settings())
    if json:
        options.out.emit(document({name: str(path) for name, path in found.items()}))
        return
    for name, path in found.items():
        missing = "" if path.exists() else options.out.style("  (not there yet)", "dim")
        options.out.write([f"{options.out.style(f'{name:<11}', 'dim')} {path}{missing}"])


def migrate(
    restore: Annotated[
        bool, typer.Option("--restore", help="Put the newest sound backup in the store's place.")
    ] = False,
    json: Json = False,
) -> None:
    """Make the store or bring it up to date. Every command does so by itself when it has to.

    With --restore, the newest sound backup takes the place of the store, and the store's files are
    kept beside it. What was recorded since then is not in it; workspaces and artifacts stay.

    \b
    Examples:
      crossrun migrate
      crossrun migrate --restore
    """
    options = current()
    settings = options.settings()
    app = App(settings, options.notify)
    if restore:
        restore_store(app, options, json=json)
        return
    store = app.store
    database, applied = settings.paths.database, store.open_for_writing()
    if json:
        told = {"database": str(database), "applied": applied}
        options.out.emit(document({**told, "version": store.version}))
    elif applied:
        options.say(f"applied {', '.join(applied)} to {database}")
    else:
        options.say(f"{database} is up to date")


def _places(settings: Settings) -> dict[str, Path]:
    where = settings.paths
    return {
        "database": where.database,
        "workspaces": where.workspaces,
        "artifacts": where.artifacts,
        "snapshots": where.snapshots,
        "config": where.config,
        "state": where.state,
        "backups": where.backups,
    }


paths_app = application("paths", paths)
migrate_app = application("migrate", migrate)
