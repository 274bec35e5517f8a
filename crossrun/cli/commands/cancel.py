"""`crossrun cancel`: stops runs of any terminal."""

from typing import Annotated

import typer

from crossrun.cli.arguments import Json, Pick
from crossrun.cli.globals import application, current
from crossrun.cli.picking import chosen_ids
from crossrun.errors import Exit, UsageError
from crossrun.projections.documents import document, run_object
from crossrun.services import runs as services

Runs = Annotated[list[str] | None, typer.Argument(metavar="RUN...", help="Ids or prefixes of ids.")]


def cancel(runs: Runs = None, pick: Pick = False, json: Json = False) -> None:
    """Stop runs, also those of other terminals. Their workspaces and events are kept.

    \b
    Examples:
      crossrun cancel last
      crossrun cancel k7f3 m2q9
    """
    options = current()
    app = options.open_app()
    ids = chosen_ids(app, runs or (), pick=pick)
    if not ids:
        raise UsageError(
            "USAGE",
            "no RUN was given",
            hint="name one, or use last; list active runs: crossrun runs --status running",
        )
    ended = services.cancel(app, ids)
    if json:
        options.out.emit(document({"runs": [run_object(run) for run in ended]}))
    for run in ended:
        options.say(f"{run.id} is {str(run.status).replace('_', ' ')}")
    raise typer.Exit(Exit.OK if all(run.ended for run in ended) else Exit.STILL_RUNNING)


cancel_app = application("cancel", cancel)
