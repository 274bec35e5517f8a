"""`crossrun watch`: follows a run of any process."""

from threading import Event
from typing import Annotated

import typer

from crossrun.cli.arguments import Pick
from crossrun.cli.following import until_end
from crossrun.cli.globals import application, current
from crossrun.cli.picking import chosen_run
from crossrun.cli.suspending import suspendable
from crossrun.projections.documents import document, run_object
from crossrun.services import runs
from crossrun.system.inherited import Interrupted
from crossrun.views.live import JsonLinesView, NullView, View, follow, view_for


def watch(
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="Default: the newest.")] = None,
    since: Annotated[
        int, typer.Option(metavar="SEQ", help="Start after the event with this number.")
    ] = 0,
    project_id: Annotated[
        str | None, typer.Option(metavar="NAME", help="Look in this project only.")
    ] = None,
    pick: Pick = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Print the events as JSON lines.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print only the run, as JSON.")] = False,
) -> None:
    """Follow a run from its first event until it ends. Exits with the exit code of the run.

    A run that has ended is shown at once.

    \b
    Examples:
      crossrun watch
      crossrun watch k7f3 --jsonl | jq .type
    """
    options = current()
    app = options.open_app()
    chosen = chosen_run(app, run, project_id, pick=pick)
    view: View = NullView() if json else view_for(options.out)
    view = JsonLinesView(options.out) if jsonl else view
    leave = Event()
    events = runs.follow(app, chosen.id, after=since, leave=leave)
    try:
        with suspendable() as suspension:
            ended = until_end(
                lambda: follow(events, view, run=chosen),
                lambda: suspension.suspend_if_requested(view.suspended),
                leave,
            )
    except (KeyboardInterrupt, Interrupted):
        if not app.run(chosen.id).ended:
            options.say(f"run {chosen.id} continues; stop it: crossrun cancel {chosen.id}")
        raise
    if json:
        options.out.emit(document(run_object(ended)))
    raise typer.Exit(ended.exit_code or 0)


watch_app = application("watch", watch)
