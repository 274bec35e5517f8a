"""`crossrun rm`: removes runs."""

from typing import Annotated

import typer

from crossrun.cli.arguments import Json
from crossrun.cli.globals import application, current
from crossrun.cli.picking import chosen_ids
from crossrun.projections.documents import document
from crossrun.services.cleanup.run_removal import plan_removal, remove_runs
from crossrun.views.words import disk_size, plural

Runs = Annotated[list[str], typer.Argument(metavar="RUN...", help="Ids or prefixes of ids.")]


def rm(
    runs: Runs,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Also runs that others depend on, with all runs in their workspaces."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be removed; remove nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Remove runs with their workspaces, artifacts and records. What they taught stays.

    Active runs are never removed. Runs that others depend on stay unless you give --force: those
    that were resumed or cloned, and those whose change is applied and could no longer be undone.
    Folders given with --workspace are not touched.

    \b
    Examples:
      crossrun rm k7f3
      crossrun rm k7f3 m2q9 --yes
      crossrun rm k7f3 --dry-run
    """
    options = current()
    app = options.open_app()
    chosen = [app.store.read.run(run_id) for run_id in chosen_ids(app, runs)]
    paths = app.settings.paths
    removal = plan_removal(app.store, paths, chosen, force=force)
    if not dry_run:
        what = plural(len(removal.run_ids), "run")
        own = "its workspace" if len(removal.run_ids) == 1 else "their workspaces"
        options.confirm(
            f"Remove {what}, with {own} and artifacts ({disk_size(removal.size)})?",
            hint="use --yes, or look first with --dry-run",
            declined="nothing was removed",
        )
        remove_runs(app.store, paths, removal)
    if json:
        output = {"dry_run": dry_run, "runs": removal.run_ids, "size": removal.size}
        options.out.emit(document(output))
    done = "would be removed" if dry_run else "removed"
    options.say(*(f"{run_id} {done}" for run_id in removal.run_ids))


rm_app = application("rm", rm)
