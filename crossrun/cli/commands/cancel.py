"""`crossrun cancel`: stops runs of any terminal."""

from typing import Annotated

import typer

from crossrun.cli.arguments import Json
from crossrun.cli.earlier_runs import run_ids
from crossrun.cli.globals import application, current
from crossrun.errors import Exit
from crossrun.projections.documents import document, run_object
from crossrun.services import runs as services

Runs = Annotated[list[str], typer.Argument(metavar="RUN...", help="Ids, or the beginning of them.")]


def cancel(runs: Runs, json: Json = False) -> None:
    """Stop runs, also those of other terminals. Their workspaces and events are kept.

    \b
    Examples:
      crossrun cancel last
      crossrun cancel k7f3 m2q9
    """
    options = current()
    app = options.open_app()
    ended = services.cancel(app, run_ids(runs, app))
    if json:
        options.out.emit(document({"runs": [run_object(run) for run in ended]}))
    for run in ended:
        options.say(f"{run.id} is {str(run.status).replace('_', ' ')}")
    raise typer.Exit(Exit.OK if all(run.ended for run in ended) else Exit.STILL_RUNNING)


cancel_app = application("cancel", cancel)
