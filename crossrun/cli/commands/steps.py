"""`crossrun steps`: what the agent did in one run."""

from typing import TYPE_CHECKING, Annotated

import typer

from crossrun.cli.arguments import Json, NoPager, Pick, ProjectId, RunReference
from crossrun.cli.globals import application, current
from crossrun.cli.paging import show
from crossrun.cli.picking import chosen_run
from crossrun.errors import NotFoundError
from crossrun.projections.documents import (
    document_parts,
    step_objects,
)
from crossrun.views.steps import step_lines

if TYPE_CHECKING:
    from crossrun.model.queries import StoredEvent
    from crossrun.services.app import App


def steps(
    run: RunReference = None,
    step: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Only the step with this number, in full."),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Show long prompts and outputs in full.")
    ] = False,
    no_pager: NoPager = False,
    project_id: ProjectId = None,
    pick: Pick = False,
    json: Json = False,
) -> None:
    """Show what the agent was asked, what it said and did, in order.

    On a terminal, long texts are folded. A pipe or a file gets all of them.

    \b
    Examples:
      crossrun steps
      crossrun steps k7f3 --step 12
      crossrun steps k7f3 --json | jq '.steps[] | select(.exit_code > 0)'
    """
    options = current()
    app = options.open_app()
    chosen = chosen_run(app, run, project_id, pick=pick)
    if step is None:
        transcript = step_objects(app.store.read.events(chosen.id))
    else:
        transcript = step_objects([_event(app, chosen.id, step)], every=True)
    if json:
        options.out.emit_each(document_parts({"run_id": chosen.id}, "steps", transcript))
    else:
        folded = options.out.live and not full and step is None
        lines = step_lines(transcript, options.out, folded=folded)
        show(options, lines, pager=not no_pager)


def _event(app: "App", run_id: str, number: int) -> "StoredEvent":
    event = next(iter(app.store.read.events(run_id, after=number - 1)), None)
    if event is None:
        last = app.store.read.last_seq(run_id)
        raise NotFoundError(
            "STEP_NOT_FOUND",
            f"run {run_id} has no step {number}; its last one is {last}",
            hint=f"show all: crossrun steps {run_id}",
        )
    return event


steps_app = application("steps", steps)
