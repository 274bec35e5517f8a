"""`crossrun paths`: where everything is."""

from pathlib import Path

from crossrun.cli.arguments import Json
from crossrun.cli.globals import application, current
from crossrun.config.settings import Paths
from crossrun.projections.documents import document


def paths(json: Json = False) -> None:
    """Show where everything is.

    \b
    Examples:
      crossrun paths
      crossrun paths --json | jq -r .workspaces
    """
    options = current()
    shown = _shown_paths(options.settings().paths)
    if json:
        options.out.emit(document({name: str(path) for name, path in shown.items()}))
        return
    for name, path in shown.items():
        missing = "" if path.exists() else options.out.style("  (does not exist yet)", "dim")
        options.out.write([f"{options.out.style(f'{name:<11}', 'dim')} {path}{missing}"])


def _shown_paths(paths: Paths) -> dict[str, Path]:
    return {
        "database": paths.database,
        "workspaces": paths.workspaces,
        "artifacts": paths.artifacts,
        "snapshots": paths.snapshots,
        "config": paths.config,
        "state": paths.state,
        "backups": paths.backups,
        "cache": paths.cache,
    }


paths_app = application("paths", paths)
