"""`crossrun watch`: follows a run of any process."""

import sys
from collections.abc import Callable
from threading import Event
from typing import Annotated

import typer

from crossrun.cli.globals import application, current
from crossrun.cli.suspending import suspendable
from crossrun.model.runs import Run
from crossrun.projections.documents import document, run_object
from crossrun.services import runs
from crossrun.system import streams
from crossrun.system.background import Background
from crossrun.views.live import JsonLinesView, NullView, View, follow, view_for

_POLL = 0.1
_TO_LEAVE = 1.0
"""Seconds to give the terminal back after a signal."""


def watch(
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="Default: the newest.")] = None,
    since: Annotated[
        int, typer.Option(metavar="SEQ", help="Start after the event with this number.")
    ] = 0,
    project_id: Annotated[
        str | None, typer.Option(metavar="NAME", help="Look in this project only.")
    ] = None,
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
    chosen = app.run(run, project_id)
    view: View = NullView() if json else view_for(options.out)
    view = JsonLinesView(options.out) if jsonl else view
    leave = Event()
    events = runs.follow(app, chosen.id, after=since, leave=leave)
    with suspendable() as suspension:
        ended = _followed(
            lambda: follow(events, view, run=chosen),
            lambda: suspension.suspend_if_requested(view.suspended),
            leave,
        )
    if json:
        options.out.emit(document(run_object(ended)))
    raise typer.Exit(ended.exit_code or 0)


def _followed(following: Callable[[], Run], look_up: Callable[[], None], leave: Event) -> Run:
    """Waits for the end or a signal, also while nobody reads the terminal."""
    thread = Background(following, start=False)
    try:
        thread.start()  # a signal may come while it starts, when the view already draws
        while not thread.done(_POLL):
            look_up()
    except BaseException:
        leave.set()
        if not thread.done(_TO_LEAVE):
            streams.abandon(sys.stdout)
        raise
    return thread.value()


watch_app = application("watch", watch)
