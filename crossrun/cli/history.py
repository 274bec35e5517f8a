"""`runs`, `show`, `steps` and `events`: what the ledger says."""

import json as json_module
import shlex
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from crossrun.cli.globals import application, current
from crossrun.cli.ledger import chosen_run, open_ledger
from crossrun.errors import UsageError
from crossrun.runs import Run, Status
from crossrun.schema import STEP_TYPES, document, run_object, step_objects, stored_event
from crossrun.settings import duration
from crossrun.store import Store
from crossrun.store.reading import RunFilter
from crossrun.views.summary import details, elapsed, status_style
from crossrun.views.terminal import Column, Terminal, table
from crossrun.views.words import bare_command, clean, clock, count, first_line

RunReference = Annotated[
    str | None, typer.Argument(metavar="[RUN]", help="An id, the beginning of one, or last.")
]
ProjectId = Annotated[str | None, typer.Option(metavar="NAME", help="Look in this project only.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def runs(
    project_id: ProjectId = None,
    status: Annotated[
        str | None, typer.Option(metavar="STATUS", help=f"One of {', '.join(Status)}.")
    ] = None,
    task_type: Annotated[
        str | None, typer.Option(metavar="TYPE", help="Of this task type.")
    ] = None,
    tag: Annotated[str | None, typer.Option(help="With this tag.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Not older than 2h, 7d, or a date.")
    ] = None,
    search: Annotated[str | None, typer.Option(metavar="TEXT", help="Task or name has it.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    json: Json = False,
) -> None:
    """List runs, the newest first.

    \b
    Examples:
      crossrun runs
      crossrun runs --status failed --since 7d
      crossrun runs --json | jq -r '.runs[].id'
    """
    options = current()
    if status is not None and status not in set(Status):
        raise UsageError(
            "OPTION_INVALID",
            f"--status: {status!r} is no status",
            hint=f"choose one of {', '.join(Status)}",
        )
    store = open_ledger(options, options.settings())
    found = store.read.runs(
        RunFilter(
            project_id=project_id,
            status=status,
            task_type=task_type,
            tag=tag,
            since=_since(since),
            search=search,
            limit=limit,
        )
    )
    if json:
        options.out.write([document({"runs": [run_object(run) for run in found]})])
    elif found:
        options.out.write(_run_table(found, options.out))
    else:
        options.say('no runs found; start one: crossrun run "your task"')


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
    if command:
        options.out.write(_commands(store, chosen))
    elif answer:
        options.out.write([chosen.answer] if chosen.answer else [])
    elif instructions:
        options.out.write(_instructions(store, chosen))
    elif json:
        options.out.write([document(run_object(chosen))])
    else:
        options.out.write(details(chosen, options.out))


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
    transcript = step_objects(store.read.events(chosen.id, types=STEP_TYPES))
    if json:
        options.out.write([document({"run_id": chosen.id, "steps": transcript})])
    else:
        for step in transcript:
            options.out.write(_step_lines(step, options.out))


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
    found = store.read.events(chosen.id)
    if json:
        told = {"run_id": chosen.id, "events": [stored_event(event) for event in found]}
        options.out.write([document(told)])
    elif jsonl:
        for event in found:
            options.out.write([document(stored_event(event))])
    else:
        for event in found:
            options.out.write([_event_line(stored_event(event), options.out)])


def _since(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        moment = datetime.now(UTC) - timedelta(seconds=duration(text))
    except ValueError:
        try:
            moment = datetime.fromisoformat(text).astimezone(UTC)
        except ValueError as error:
            raise UsageError(
                "OPTION_INVALID",
                f"--since: {text!r} is neither a time like 2h or 7d nor a date",
                hint="for example --since 7d, --since 2026-05-01",
            ) from error
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _run_table(found: Sequence[Run], terminal: Terminal) -> Iterator[str]:
    columns = [
        Column("RUN", style="bold"),
        Column("WHEN"),
        Column("PROJECT", flexible=True),
        Column("STATUS"),
        Column("TIME", align="right"),
        Column("TOKENS", align="right"),
        Column("TASK", flexible=True),
    ]
    return table(columns, [_run_row(run, terminal) for run in found], terminal)


def _run_row(run: Run, terminal: Terminal) -> list[str]:
    took = elapsed(run)
    status = str(run.status).replace("_", " ")
    if run.status is Status.FAILED:
        status += f" ({run.exit_code})"
    return [
        run.id,
        _ago(run.created_at),
        run.project_id,
        terminal.style(status, status_style(run.status)),
        "" if took is None else clock(took),
        "" if run.tokens is None else count(run.tokens.total),
        clean(run.name) if run.name else first_line(run.task),
    ]


def _ago(at: str) -> str:
    seconds = (datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds()
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds // size)}{unit} ago"
    return "just now"


def _commands(store: Store, run: Run) -> list[str]:
    launched = store.read.events(run.id, types=["agent_launched"])
    return [shlex.join(json_module.loads(event.body)["command"]) for event in launched]


def _instructions(store: Store, run: Run) -> list[str]:
    told = []
    for event in store.read.events(run.id, types=["step_planned"]):
        step = json_module.loads(event.body)
        told += [text for text in (step["instructions"], step["prompt"]) if text]
    return told


def _step_lines(step: dict[str, Any], terminal: Terminal) -> Iterator[str]:
    title, text = _step_words(step)
    style = "bad" if step.get("exit_code") not in (0, None) else "bold"
    yield terminal.style(title, style)
    for line in clean(text or "").rstrip().splitlines():
        yield f"  {line}"
    yield ""


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
            return f"{verb} {clean(bare_command(step['command']))}{ended}", step["output"]
        case "file_changed":
            return f"{step['change']} {clean(step['path'])}", None
        case "tool_called":
            return f"used {clean(step['tool'])}", json_module.dumps(step["arguments"])
        case "plan_updated":
            marks = (("x" if item["completed"] else " ", item["text"]) for item in step["items"])
            return "planned", "\n".join(f"[{mark}] {text}" for mark, text in marks)
        case kind:
            return str(kind).replace("_", " "), step.get("message")


def _event_line(event: dict[str, Any], terminal: Terminal) -> str:
    told = {k: v for k, v in event.items() if k not in ("run_id", "seq", "at", "type")}
    at = terminal.style(event["at"][11:23], "dim")
    return f"{event['seq']:>5}  {at}  {event['type']:<18}  {json_module.dumps(told)[:2000]}"


runs_app = application("runs", runs)
show_app = application("show", show)
steps_app = application("steps", steps)
events_app = application("events", events)
