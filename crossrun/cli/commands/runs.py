"""`crossrun runs`: the list of runs. It imports little, because people call it all day."""

from typing import TYPE_CHECKING, Annotated

import typer

from crossrun.cli.arguments import Json, ProjectId, Since
from crossrun.cli.globals import application, current
from crossrun.cli.parsing import require_status, since_moment
from crossrun.model.queries import RunFilter
from crossrun.model.status import Status
from crossrun.projections.documents import document, run_object
from crossrun.views.runs import run_table

if TYPE_CHECKING:
    from crossrun.services.app import App


def runs(
    project_id: ProjectId = None,
    status: Annotated[
        str | None,
        typer.Option(metavar="STATUS", help=f"Only with this status: {', '.join(Status)}."),
    ] = None,
    task_type: Annotated[
        str | None, typer.Option(metavar="TYPE", help="Only with this task type.")
    ] = None,
    tag: Annotated[str | None, typer.Option(help="Only with this tag.")] = None,
    since: Since = None,
    search: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Only with this text in the task, the name or a step."),
    ] = None,
    batch: Annotated[
        str | None, typer.Option(metavar="BATCH", help="Only from this batch or experiment.")
    ] = None,
    limit: Annotated[
        int,
        typer.Option("--limit", "-n", min=0, metavar="N", help="Show at most this many; 0: all."),
    ] = 20,
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
    require_status(status)
    app = options.open_app()
    filters = RunFilter(
        project_id=project_id,
        status=status,
        task_type=task_type,
        tag=tag,
        since=since_moment(since),
        search=search,
        limit=limit,
        batch_id=None if batch is None else app.store.batches.id_of(batch),
    )
    if search is not None:
        from crossrun.cli.catching_up import CatchUpLine
        from crossrun.services.search import with_matches

        with CatchUpLine(options) as line:
            filters = with_matches(app, filters, line)
    if json:
        listed = app.store.read.runs(filters)
        total = _total(len(listed), filters, app)
        options.out.emit(document({"runs": list(map(run_object, listed)), "total": total}))
        return
    lines = app.store.read.lines(filters)
    if not lines:
        options.say(_nothing(app))
        return
    options.out.write(run_table(lines, options.out))
    total = _total(len(lines), filters, app)
    if total > len(lines):
        options.say(f"{len(lines)} of {total} · --limit 0 for all")


def _total(listed: int, filters: RunFilter, app: "App") -> int:
    """The number of runs that match, also of those beyond the limit."""
    return app.store.read.count(filters) if listed == filters.limit else listed


def _nothing(app: "App") -> str:
    if app.store.read.count(RunFilter()):
        return "no runs match"
    return 'no runs yet; start one: crossrun run "your task"'


runs_app = application("runs", runs)
