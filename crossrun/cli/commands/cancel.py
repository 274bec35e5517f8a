"""`crossrun cancel`: stops runs of any terminal."""

from typing import TYPE_CHECKING, Annotated

import typer

from crossrun.cli.arguments import Json, Pick
from crossrun.cli.globals import application, current
from crossrun.cli.picking import chosen_ids
from crossrun.errors import Exit, UsageError
from crossrun.model.status import Status
from crossrun.projections.documents import document, run_object
from crossrun.services import runs as services

if TYPE_CHECKING:
    from crossrun.model.runs import Run

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
        objects = [run_object(run) for run in ended]
        options.out.emit(document({"runs": objects, "total": len(objects)}))
    for run in ended:
        options.say(_outcome(run))
    raise typer.Exit(Exit.OK if all(run.ended for run in ended) else Exit.STILL_RUNNING)


def _outcome(run: "Run") -> str:
    if run.status is Status.CANCELLED:
        return f"{run.id} was cancelled"
    words = str(run.status).replace("_", " ")
    return f"{run.id} had already ended: {words}" if run.ended else f"{run.id} is still {words}"


cancel_app = application("cancel", cancel)
