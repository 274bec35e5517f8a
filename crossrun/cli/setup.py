"""`paths` and `migrate`: where things are, and the store's own state."""

from pathlib import Path

from crossrun.cli.arguments import Json
from crossrun.cli.globals import application, current
from crossrun.schema import document
from crossrun.settings import Settings
from crossrun.store import Store


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


def migrate(json: Json = False) -> None:
    """Make the store or bring it up to date. Every command does so by itself when it has to.

    \b
    Examples:
      crossrun migrate
    """
    options = current()
    settings = options.settings()
    store = Store(settings.paths)
    applied = store.open_for_writing()
    if json:
        told = {"database": str(settings.paths.database), "applied": applied}
        options.out.emit(document({**told, "version": store.version}))
    elif applied:
        options.say(f"applied {', '.join(applied)} to {settings.paths.database}")
    else:
        options.say(f"{settings.paths.database} is up to date")


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
