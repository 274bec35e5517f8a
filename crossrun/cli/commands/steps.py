"""`crossrun steps`: what the agent did in one run."""

import json as json_module
from collections.abc import Iterator
from typing import Any

from crossrun.cli.arguments import Json, Pick, ProjectId, RunReference
from crossrun.cli.globals import application, current
from crossrun.cli.picking import chosen_run
from crossrun.projections.documents import (
    document_parts,
    step_objects,
)
from crossrun.system.commandlines import bare_command
from crossrun.views.terminal import Terminal
from crossrun.views.unseen import clean, printed, visible, visible_command


def steps(
    run: RunReference = None, project_id: ProjectId = None, pick: Pick = False, json: Json = False
) -> None:
    """Show what the agent was asked, what it said and did, in order, with all output.

    \b
    Examples:
      crossrun steps
      crossrun steps k7f3 --json | jq '.steps[] | select(.exit_code > 0)'
    """
    options = current()
    app = options.open_app()
    chosen = chosen_run(app, run, project_id, pick=pick)
    transcript = step_objects(app.store.read.events(chosen.id))
    if json:
        options.out.emit_each(document_parts({"run_id": chosen.id}, "steps", transcript))
    else:
        options.out.write_each(
            line for step in transcript for line in _step_lines(step, options.out)
        )


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


steps_app = application("steps", steps)
