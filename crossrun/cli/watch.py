"""`crossrun watch`: a run from another terminal, from its start to its end."""

import time
from collections.abc import Iterator
from typing import Annotated

import typer

from crossrun.cli.globals import Globals, application, current
from crossrun.cli.ledger import chosen_run, open_ledger, tell_interrupted
from crossrun.events import Recorded, RunFinished, decode
from crossrun.schema import document, run_object
from crossrun.settings import Settings
from crossrun.store import Store
from crossrun.views.live import JsonLinesView, Silent, View, follow, view_for

_POLL = 0.1
_CHECK_ALIVE = 20
"""How many polls without an event until somebody looks whether the run's process still lives."""


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
    view: View = Silent() if json else view_for(options.out)
    view = JsonLinesView(options.out) if jsonl else view
    before = chosen if since else None
    ended = follow(_events(chosen.id, since, store, settings, options), view, run=before)
    if json:
        options.out.emit(document(run_object(ended)))
    raise typer.Exit(ended.exit_code or 0)


def _events(
    run_id: str, since: int, store: Store, settings: Settings, options: Globals
) -> Iterator[Recorded | None]:
    quiet = 0
    while True:
        for stored in store.read.events(run_id, after=since):
            since, quiet = stored.seq, 0
            recorded = Recorded(run_id, stored.seq, stored.at, decode(stored.body))
            yield recorded
            if isinstance(recorded.event, RunFinished):
                return
        if not quiet and store.read.run(run_id).status.ended:
            return
        yield None
        quiet += 1
        if quiet % _CHECK_ALIVE == 0:
            tell_interrupted(options, settings, store)
        time.sleep(_POLL)


watch_app = application("watch", watch)
