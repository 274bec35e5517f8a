"""`crossrun show`: one run."""

import os
import shlex
from typing import Annotated

import typer

from crossrun.cli.arguments import Json, Pick, ProjectId, RunReference
from crossrun.cli.globals import Globals, application, current
from crossrun.cli.picking import chosen_run
from crossrun.model.runs import Run
from crossrun.projections.documents import (
    document,
    plain_object,
    run_object,
)
from crossrun.services.app import App
from crossrun.views.markdown import answer_lines
from crossrun.views.summary import details
from crossrun.views.unseen import clean


def show(
    run: RunReference = None,
    project_id: ProjectId = None,
    command: Annotated[
        bool, typer.Option("--command", help="Show only the exact commands that started the agent.")
    ] = False,
    answer: Annotated[
        bool, typer.Option("--answer", help="Show only the agent's last message.")
    ] = False,
    instructions: Annotated[
        bool,
        typer.Option(
            "--instructions", help="Show only the instructions and prompts that the agent got."
        ),
    ] = False,
    pick: Pick = False,
    json: Json = False,
) -> None:
    """Show one run: the task, how it ended, the answer and the changes.

    \b
    Examples:
      crossrun show
      crossrun show k7f3 --answer > answer.md
      crossrun show last --project-id thesis --json
    """
    options = current()
    app = options.open_app()
    chosen = chosen_run(app, run, project_id, pick=pick)
    if not (command or answer or instructions):
        _show_run(chosen, app, options, json=json)
        return
    if answer and not (command or instructions or json) and options.out.live:
        options.out.write(answer_lines(chosen.answer or "", options.out))
        return
    parts: dict[str, str | list[str] | None] = {}
    parts |= {"answer": chosen.answer} if answer else {}
    parts |= {"commands": _commands(app, chosen)} if command else {}
    parts |= {"instructions": _instructions(app, chosen)} if instructions else {}
    if json:
        options.out.emit(document({"run_id": chosen.id, **parts}))
        return
    for part in parts.values():
        lines = part if isinstance(part, list) else [part] if part else []
        options.out.emit("".join(f"{_for_reader(line, options)}\n" for line in lines))


def _show_run(run: Run, app: App, options: Globals, *, json: bool) -> None:
    applications = app.store.read.applications(run.id)
    if json:
        objects = list(map(plain_object, applications))
        options.out.emit(document(run_object(run) | {"applications": objects}))
        return
    artifacts = app.store.read.artifacts(run.id)
    gone = run.ended and not run.imported_from and not os.path.lexists(run.workspace)
    options.out.write(details(run, options.out, artifacts, applications, gone=gone))


def _for_reader(text: str, options: Globals) -> str:
    """Unchanged for a program; without control characters for a terminal."""
    return clean(text) if options.out.live else text


def _commands(app: App, run: Run) -> list[str]:
    from crossrun.events import AgentLaunched

    return [shlex.join(event.command) for event in app.store.read.events_of(run.id, AgentLaunched)]


def _instructions(app: App, run: Run) -> list[str]:
    from crossrun.events import StepPlanned

    planned = app.store.read.events_of(run.id, StepPlanned)
    return [text for step in planned for text in (step.instructions, step.prompt) if text]


show_app = application("show", show)
