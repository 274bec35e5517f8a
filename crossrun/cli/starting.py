"""What all commands share that have a run carried out: here or in the background, and how shown."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, closing
from functools import partial
from typing import Any, NamedTuple, NoReturn

import typer

from crossrun.cli import signals
from crossrun.cli.detaching import Announce, detached
from crossrun.cli.globals import Globals
from crossrun.cli.ledger import events_between
from crossrun.cli.recovery import keep_copy
from crossrun.cli.retaining import keep_bounded
from crossrun.cli.suspending import Suspension, suspendable
from crossrun.config.settings import Settings
from crossrun.engine import conduct
from crossrun.engine.context import Crew
from crossrun.errors import UsageError
from crossrun.model.runs import Run
from crossrun.projections.documents import document, run_object
from crossrun.redaction import Redactor
from crossrun.services.assembly import open_crew, redactor_for
from crossrun.services.lineage import Descent
from crossrun.store import Store
from crossrun.system.cancellation import CancelToken
from crossrun.views.live import (
    JsonLinesView,
    MultiView,
    NullView,
    RunView,
    SummaryView,
    View,
    view_for,
)
from crossrun.views.threads import Viewers

Given = Mapping[str, Any]
"""The words of the command line by the names of the function's arguments."""
Prepared = Callable[[], AbstractContextManager[Descent]]
"""Makes the request; what it holds is let go when the run is over."""


class Views(NamedTuple):
    """Where a run is shown: to programs on standard output, to people on standard error."""

    data: View
    people: View


def start(
    prepared: Prepared, given: Given, settings: Settings, store: Store, options: Globals
) -> NoReturn:
    """Has a run carried out and ends the command with its exit code.

    Raises:
        CrossrunError: something is missing; nothing has been recorded.
    """
    if not given["detach"]:
        data = _data_view(given, options)
        raise typer.Exit(_carried_out(prepared, given, settings, store, options, data))
    if given["jsonl"]:
        raise UsageError(
            "OPTIONS_CONFLICT",
            "--detach and --jsonl contradict each other",
            hint="start it, then follow it: crossrun watch RUN --jsonl",
        )

    def work(announce: Announce) -> int:
        return _carried_out(prepared, given, settings, store, options, _IdFirst(announce))

    run_id, log = detached(work, settings.paths.logs)
    options.say(f"goes on in the background; its log: {log}", f"crossrun watch {run_id}")
    options.out.emit(
        document(run_object(store.read.run(run_id))) if given["json"] else f"{run_id}\n"
    )
    raise typer.Exit


def carry_out(
    descent: Descent, crew: Crew, settings: Settings, store: Store, views: Views, stop: CancelToken
) -> Run:
    """Runs a request to its end, whatever end that is, and lets everybody see it.

    Returns:
        The run as its last event left it.
    """
    with signals.asking_to_stop(stop), suspendable() as suspension:
        ended = _shown(descent, crew, store, redactor_for(settings), views, stop, suspension)
    keep_copy(store)
    keep_bounded(settings, store, ended)
    return ended


def _shown(
    descent: Descent,
    crew: Crew,
    store: Store,
    redactor: Redactor,
    views: Views,
    stop: CancelToken,
    suspension: Suspension,
) -> Run:
    with ExitStack() as after, store.owning() as run_id:
        stop.cancelled = store.is_asked_to_stop(run_id)
        facts = conduct(run_id, descent.request, crew, stop, descent.origin)
        recording = store.recording(run_id, facts, redactor, hurry=lambda: stop.urgent)
        viewers = Viewers(*views, partial(events_between, store, run_id))
        after.callback(viewers.finish, stop)
        with closing(recording) as recorded:
            for item in recorded:
                viewers.show(item)
                suspension.suspend_if_requested(views.people.suspended)
        stop.cancelled = None
    if viewers.run is None:
        raise ValueError("there was no event to follow")
    return viewers.run


def _carried_out(
    prepared: Prepared,
    given: Given,
    settings: Settings,
    store: Store,
    options: Globals,
    data: View,
) -> int:
    stop = CancelToken()
    with prepared() as descent:
        crew = open_crew(descent.request, settings, store)
        views = Views(data, _view_for_people(given, options))
        ended = carry_out(descent, crew, settings, store, views, stop)
    return signals.exit_code(ended, stop)


def _data_view(given: Given, options: Globals) -> View:
    views: list[View] = []
    if given["jsonl"]:
        views.append(JsonLinesView(options.out))
    if given["json"]:
        views.append(RunView(options.out))
    if not views and (options.quiet or not options.out.live):
        views.append(_IdFirst(lambda run_id: options.out.write([run_id])))
    return MultiView(views)


def _view_for_people(given: Given, options: Globals) -> View:
    if options.quiet or given["no_watch"]:
        return SummaryView(options.err, failures_only=options.quiet)
    return view_for(options.err)


class _IdFirst(NullView):
    """Tells the run's id as soon as the run exists."""

    def __init__(self, announce: Announce) -> None:
        self._announce = announce
        self._told = False

    def show(self, recorded: Any) -> None:  # noqa: ANN401
        if recorded is not None and not self._told:
            self._announce(recorded.run_id)
            self._told = True
