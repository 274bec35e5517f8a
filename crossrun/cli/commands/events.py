"""`crossrun events`: the stored events of one run."""

import json as json_module
from typing import Annotated, Any

import typer

from crossrun.cli.arguments import Json, Pick, ProjectId, RunReference
from crossrun.cli.globals import application, current
from crossrun.cli.picking import chosen_run
from crossrun.projections.documents import (
    document,
    document_parts,
    stored_event,
)
from crossrun.views.terminal import Terminal


def events(
    run: RunReference = None,
    project_id: ProjectId = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Print JSON lines.")] = False,
    pick: Pick = False,
    json: Json = False,
) -> None:
    """Show the stored events of a run.

    \b
    Examples:
      crossrun events k7f3
      crossrun events k7f3 --jsonl | jq -c 'select(.type == "command_ran")'
    """
    options = current()
    app = options.open_app()
    chosen = chosen_run(app, run, project_id, pick=pick)
    stored_events = map(stored_event, app.store.read.events(chosen.id))
    if json:
        options.out.emit_each(document_parts({"run_id": chosen.id}, "events", stored_events))
    elif jsonl:
        options.out.emit_each(map(document, stored_events))
    else:
        options.out.write_each(_event_line(event, options.out) for event in stored_events)


def _event_line(event: dict[str, Any], terminal: Terminal) -> str:
    fields = {k: v for k, v in event.items() if k not in ("run_id", "seq", "at", "type")}
    at = terminal.style(event["at"][11:23], "dim")
    return f"{event['seq']:>5}  {at}  {event['type']:<18}  {json_module.dumps(fields)[:2000]}"


events_app = application("events", events)
