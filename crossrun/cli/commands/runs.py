"""`crossrun runs`: the list of runs. It imports little, because people call it all day."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from crossrun.cli.arguments import Json, Limit, ProjectId
from crossrun.cli.globals import application, current
from crossrun.config.values import duration
from crossrun.errors import UsageError
from crossrun.model.queries import RunFilter, RunLine
from crossrun.model.status import Status
from crossrun.projections.documents import document, run_object
from crossrun.views.terminal import Column, Terminal, table
from crossrun.views.words import clock, count, first_line, grade_style, status_style

_ROOM_FOR_PROOF = 72
"""Columns from which on the proof matters more than times and tokens."""


def runs(
    project_id: ProjectId = None,
    status: Annotated[
        str | None,
        typer.Option(metavar="STATUS", help=f"Only with this status: {', '.join(Status)}."),
    ] = None,
    task_type: Annotated[
        str | None, typer.Option(metavar="TYPE", help="Only of this task type.")
    ] = None,
    tag: Annotated[str | None, typer.Option(help="Only with this tag.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only since 2h or 7d ago, or since a date.")
    ] = None,
    search: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only with this text in the task or name.")
    ] = None,
    batch: Annotated[
        str | None, typer.Option(metavar="BATCH", help="Only of this batch or experiment.")
    ] = None,
    limit: Limit = 20,
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
            f"invalid status {status!r}",
            hint=f"choose one of {', '.join(Status)}",
        )
    app = options.open_app()
    filters = RunFilter(
        project_id=project_id,
        status=status,
        task_type=task_type,
        tag=tag,
        since=_since(since),
        search=search,
        limit=limit,
        batch_id=None if batch is None else app.store.batches.id_of(batch),
    )
    if json:
        options.out.emit(document({"runs": list(map(run_object, app.store.read.runs(filters)))}))
    elif lines := app.store.read.lines(filters):
        options.out.write(_run_table(lines, options.out))
    else:
        options.say('no runs found; start one: crossrun run "your task"')


def _since(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        moment = datetime.now(UTC) - timedelta(seconds=duration(text))
    except (ValueError, OverflowError):
        try:
            moment = datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise UsageError(
                "OPTION_INVALID",
                f"--since: {text!r} is neither a duration like 2h or 7d nor a date",
                hint="for example --since 7d, --since 2026-05-01",
            ) from error
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _run_table(lines: Sequence[RunLine], terminal: Terminal) -> Iterator[str]:
    columns = [
        Column("RUN", style="bold"),
        Column("WHEN", essential=False),
        Column("PROJECT", flexible=True),
        Column("STATUS", style=_status_style),
        Column("PROOF", style=grade_style, essential=terminal.width >= _ROOM_FOR_PROOF),
        Column("TIME", align="right", essential=False),
        Column("TOKENS", align="right", essential=False),
        Column("MEMORY", essential=False),
        Column("TASK", flexible=True),
    ]
    return table(columns, [_run_row(run) for run in lines], terminal)


def _run_row(run: RunLine) -> list[str]:
    took = run.seconds
    status = str(run.status).replace("_", " ")
    if run.status is Status.FAILED:
        status += f" ({run.exit_code})"
    return [
        run.id,
        _ago(run.created_at),
        run.project_id,
        status,
        first_line(run.grade or ""),
        "" if took is None else clock(took),
        "" if run.tokens is None else count(run.tokens),
        _memory(run),
        first_line(run.name) if run.name else first_line(run.task),
    ]


def _memory(run: RunLine) -> str:
    """The pattern that the run used, and the one learned from it."""
    used = run.pattern_id if run.decision in ("injected", "forced") else None
    if run.learned_pattern_id is None or run.learned_pattern_id == used:
        return used or ""
    return f"{used or ''}>{run.learned_pattern_id}"


def _status_style(cell: str) -> str:
    return status_style(Status(cell.partition(" (")[0].replace(" ", "_")))


def _ago(at: str) -> str:
    seconds = (datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds()
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds // size)}{unit} ago"
    return "just now"


runs_app = application("runs", runs)
