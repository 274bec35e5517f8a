"""`show`, `steps` and `events`: what the ledger says about one run."""

import json as json_module
import os
import shlex
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from crossrun.cli.arguments import Json, ProjectId, RunReference
from crossrun.cli.globals import Globals, application, current
from crossrun.cli.ledger import chosen_run, open_ledger
from crossrun.model.runs import Run
from crossrun.projections.documents import (
    document,
    document_parts,
    plain_object,
    run_object,
    step_objects,
    stored_event,
)
from crossrun.store import Store
from crossrun.system.commandlines import bare_command
from crossrun.views.summary import details
from crossrun.views.terminal import Terminal
from crossrun.views.unseen import clean, printed, visible, visible_command


def show(
    run: RunReference = None,
    project_id: ProjectId = None,
    command: Annotated[
        bool, typer.Option("--command", help="The exact agent commands alone.")
    ] = False,
    answer: Annotated[
        bool, typer.Option("--answer", help="The agent's last message alone.")
    ] = False,
    instructions: Annotated[
        bool, typer.Option("--instructions", help="All that the agent was told.")
    ] = False,
    json: Json = False,
) -> None:
    """Show one run: what was asked, how it ended, the answer, what changed.

    \b
    Examples:
      crossrun show
      crossrun show k7f3 --answer > answer.md
      crossrun show last --project-id thesis --json
    """
    options = current()
    store = open_ledger(options, options.settings())
    chosen = chosen_run(store, run, project_id)
    if not (command or answer or instructions):
        applications = store.read.applications(chosen.id)
        if json:
            brought = list(map(plain_object, applications))
            options.out.emit(document(run_object(chosen) | {"applications": brought}))
        else:
            options.out.write(
                details(
                    chosen,
                    options.out,
                    store.read.artifacts(chosen.id),
                    applications,
                    gone=chosen.status.ended and not os.path.lexists(chosen.workspace),
                )
            )
        return
    told: dict[str, str | list[str] | None] = {"run_id": chosen.id}
    told |= {"answer": chosen.answer} if answer else {}
    told |= {"commands": _commands(store, chosen)} if command else {}
    told |= {"instructions": _instructions(store, chosen)} if instructions else {}
    if json:
        options.out.emit(document(told))
    else:
        for text in list(told.values())[1:]:
            lines = text if isinstance(text, list) else [text] if text else []
            options.out.emit("".join(f"{_for_reader(line, options)}\n" for line in lines))


def steps(run: RunReference = None, project_id: ProjectId = None, json: Json = False) -> None:
    """Show what the agent was asked, said and did, in order, with all output.

    \b
    Examples:
      crossrun steps
      crossrun steps k7f3 --json | jq '.steps[] | select(.exit_code > 0)'
    """
    options = current()
    store = open_ledger(options, options.settings())
    chosen = chosen_run(store, run, project_id)
    transcript = step_objects(store.read.events(chosen.id))
    if json:
        options.out.emit_each(document_parts({"run_id": chosen.id}, "steps", transcript))
    else:
        options.out.write_each(
            line for step in transcript for line in _step_lines(step, options.out)
        )


def events(
    run: RunReference = None,
    project_id: ProjectId = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Print JSON lines.")] = False,
    json: Json = False,
) -> None:
    """Show the raw events of a run.

    \b
    Examples:
      crossrun events k7f3
      crossrun events k7f3 --jsonl | jq -c 'select(.type == "command_ran")'
    """
    options = current()
    store = open_ledger(options, options.settings())
    chosen = chosen_run(store, run, project_id)
    stored_events = map(stored_event, store.read.events(chosen.id))
    if json:
        options.out.emit_each(document_parts({"run_id": chosen.id}, "events", stored_events))
    elif jsonl:
        options.out.emit_each(map(document, stored_events))
    else:
        options.out.write_each(_event_line(event, options.out) for event in stored_events)


def _for_reader(text: str, options: Globals) -> str:
    """As it is for a program; without control characters for a terminal."""
    return clean(text) if options.out.live else text


def _commands(store: Store, run: Run) -> list[str]:
    from crossrun.events import AgentLaunched

    return [shlex.join(event.command) for event in store.read.events_of(run.id, AgentLaunched)]


def _instructions(store: Store, run: Run) -> list[str]:
    from crossrun.events import StepPlanned

    planned = store.read.events_of(run.id, StepPlanned)
    return [text for step in planned for text in (step.instructions, step.prompt) if text]


def _step_lines(step: dict[str, Any], terminal: Terminal) -> Iterator[str]:
    title, text = _step_words(step)
    style = "bad" if step.get("exit_code") not in (0, None) else "bold"
    yield terminal.style(title, style)
    for line in _step_text(step["kind"], text or "").rstrip().split("\n"):
        yield f"  {line}"
    yield ""


def _step_text(kind: str, text: str) -> str:
    return printed(text) if kind in ("command_ran", "verified") else clean(text)


def _step_words(step: dict[str, Any]) -> tuple[str, str | None]:
    match step["kind"]:
        case "step_planned":
            return "asked", step["prompt"]
        case "agent_spoke":
            return "said", step["text"]
        case "agent_reasoned":
            return "thought", step["text"]
        case "command_ran" | "verified":
            verb = "$" if step["kind"] == "command_ran" else "verify:"
            code = step["exit_code"]
            ended = "" if code == 0 else "  (no end)" if code is None else f"  (exit {code})"
            return f"{verb} {visible_command(bare_command(step['command']))}{ended}", step["output"]
        case "command_declined":
            return f"$ {visible_command(bare_command(step['command']))}  (declined)", None
        case "file_changed":
            return f"{step['change']} {visible(step['path'])}", None
        case "tool_called":
            return f"used {visible(step['tool'])}", json_module.dumps(step["arguments"])
        case "plan_updated":
            marks = (("x" if item["completed"] else " ", item["text"]) for item in step["items"])
            return "planned", "\n".join(f"[{mark}] {text}" for mark, text in marks)
        case kind:
            return str(kind).replace("_", " "), step.get("message")


def _event_line(event: dict[str, Any], terminal: Terminal) -> str:
    told = {k: v for k, v in event.items() if k not in ("run_id", "seq", "at", "type")}
    at = terminal.style(event["at"][11:23], "dim")
    return f"{event['seq']:>5}  {at}  {event['type']:<18}  {json_module.dumps(told)[:2000]}"


show_app = application("show", show)
steps_app = application("steps", steps)
events_app = application("events", events)
