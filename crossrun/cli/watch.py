"""`crossrun watch`: a run from another terminal, from its start to its end."""

import sys
from collections.abc import Callable, Iterator
from threading import Event
from typing import Annotated

import typer

from crossrun.cli.globals import Globals, application, current
from crossrun.cli.ledger import chosen_run, events_between, open_ledger, tell_interrupted
from crossrun.cli.suspending import suspendable
from crossrun.config.settings import Settings
from crossrun.events import EventRecord, RunFinished
from crossrun.model.runs import Run
from crossrun.projections.documents import document, run_object
from crossrun.store import Store
from crossrun.system import streams
from crossrun.system.background import Background
from crossrun.views.live import JsonLinesView, NullView, View, follow, view_for

_POLL = 0.1
_CHECK_ALIVE = 20
"""How many polls without an event until somebody looks whether the run's process still lives."""
_TO_LEAVE = 1.0
"""Seconds to give the terminal back after a signal."""


def watch(
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="Default: the newest.")] = None,
    since: Annotated[int, typer.Option(metavar="SEQ", help="Begin after this event.")] = 0,
    project_id: Annotated[
        str | None, typer.Option(metavar="NAME", help="Where `last` is looked for.")
    ] = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Print the events as JSON lines.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print only the run, as JSON.")] = False,
) -> None:
    """Follow a run until it ends, from its first event on; exits with the run's exit code.

    A run that is over is shown at once.

    \b
    Examples:
      crossrun watch
      crossrun watch k7f3 --jsonl | jq .type
    """
    options = current()
    settings = options.settings()
    store = open_ledger(options, settings)
    chosen = chosen_run(store, run, project_id)
    view: View = NullView() if json else view_for(options.out)
    view = JsonLinesView(options.out) if jsonl else view
    left = Event()
    events = _events(chosen.id, since, store, settings, options, left)
    with suspendable() as suspension:
        ended = _followed(
            lambda: follow(events, view, run=chosen),
            lambda: suspension.suspend_if_requested(view.suspended),
            left,
        )
    if json:
        options.out.emit(document(run_object(ended)))
    raise typer.Exit(ended.exit_code or 0)


def _followed(following: Callable[[], Run], look_up: Callable[[], None], left: Event) -> Run:
    """Waits for the end or a signal, also while nobody reads the terminal."""
    thread = Background(following, start=False)
    try:
        thread.start()  # a signal may come while it starts, when the view already draws
        while not thread.done(_POLL):
            look_up()
    except BaseException:
        left.set()
        if not thread.done(_TO_LEAVE):
            streams.abandon(sys.stdout)
        raise
    return thread.value()


def _events(
    run_id: str, since: int, store: Store, settings: Settings, options: Globals, left: Event
) -> Iterator[EventRecord | None]:
    """The events from the ledger as they come, until the run has ended or the user leaves."""
    quiet = 0
    while not left.is_set():
        for recorded in events_between(store, run_id, since):
            since, quiet = recorded.seq, 0
            yield recorded
            if isinstance(recorded.event, RunFinished) or left.is_set():
                return
        if not quiet and store.read.run(run_id).status.ended:
            return
        yield None
        quiet += 1
        if quiet % _CHECK_ALIVE == 0:
            tell_interrupted(options, settings, store)
        left.wait(_POLL)


watch_app = application("watch", watch)
