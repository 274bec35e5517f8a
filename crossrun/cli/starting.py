"""What all commands share that have a run carried out: here or in the background, and how shown."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing
from typing import Any, NoReturn

import typer

from crossrun.assembly import open_crew, redactor_for
from crossrun.cli import signals
from crossrun.cli.detaching import Announce, detached
from crossrun.cli.globals import Globals
from crossrun.cli.recovery import keep_copy
from crossrun.cli.retaining import keep_bounded
from crossrun.conduct import conduct
from crossrun.conduct.course import Crew
from crossrun.errors import UsageError
from crossrun.lineage import Descent
from crossrun.runs import Run
from crossrun.schema import document, run_object
from crossrun.settings import Settings
from crossrun.stopping import Stop
from crossrun.store import Store
from crossrun.views.live import Brief, JsonLinesView, Silent, Together, View, follow, view_for

Given = Mapping[str, Any]
"""The words of the command line by the names of the function's arguments."""
Prepared = Callable[[], AbstractContextManager[Descent]]
"""Makes the request; what it holds is let go when the run is over."""


def start(
    prepared: Prepared, given: Given, settings: Settings, store: Store, options: Globals
) -> NoReturn:
    """Has a run carried out and ends the command with its exit code.

    Raises:
        CrossrunError: something is missing; nothing has been recorded.
    """
    if not given["detach"]:
        views = _data_views(given, options)
        raise typer.Exit(_carried_out(prepared, given, settings, store, options, views))
    if given["jsonl"]:
        raise UsageError(
            "OPTIONS_CONFLICT",
            "--detach and --jsonl contradict each other",
            hint="start it, then follow it: crossrun watch RUN --jsonl",
        )

    def work(announce: Announce) -> int:
        silent = {**given, "json": False}
        return _carried_out(prepared, silent, settings, store, options, [_IdFirst(announce)])

    store.close()  # a connection must not live on in two processes
    run_id, log = detached(work, settings.paths.logs)
    options.say(f"goes on in the background; its log: {log}", f"crossrun watch {run_id}")
    options.out.emit(
        document(run_object(store.read.run(run_id))) if given["json"] else f"{run_id}\n"
    )
    raise typer.Exit


def carry_out(
    descent: Descent, crew: Crew, settings: Settings, store: Store, view: View, stop: Stop
) -> Run:
    """Runs a request to its end, whatever end that is.

    Returns:
        The run as its last event left it.
    """
    redactor = redactor_for(settings)
    with store.owning() as run_id, signals.asking_to_stop(stop):
        stop.cancelled = store.is_asked_to_stop(run_id)
        facts = conduct(run_id, descent.request, crew, stop, descent.origin)
        recording = store.recording(run_id, facts, redactor, hurry=lambda: stop.urgent)
        with closing(recording) as recorded:
            ended = follow(recorded, view)
        stop.cancelled = None
    store.close()
    keep_copy(store)
    keep_bounded(settings, store, ended)
    return ended


def _carried_out(
    prepared: Prepared,
    given: Given,
    settings: Settings,
    store: Store,
    options: Globals,
    views: list[View],
) -> int:
    stop = Stop()
    with prepared() as descent:
        crew = open_crew(descent.request, settings, store)
        view = Together([*views, _view_for_people(given, options)])
        ended = carry_out(descent, crew, settings, store, view, stop)
    if given["json"]:
        options.out.emit(document(run_object(ended)))
    return signals.exit_code(ended, stop)


def _data_views(given: Given, options: Globals) -> list[View]:
    if given["jsonl"]:
        return [JsonLinesView(options.out)]
    if not given["json"] and (options.quiet or not options.out.live):
        return [_IdFirst(lambda run_id: options.out.write([run_id]))]
    return []


def _view_for_people(given: Given, options: Globals) -> View:
    if options.quiet or given["no_watch"]:
        return Brief(options.err, failures_only=options.quiet)
    return view_for(options.err)


class _IdFirst(Silent):
    """Tells the run's id as soon as the run exists."""

    def __init__(self, announce: Announce) -> None:
        self._announce = announce
        self._told = False

    def show(self, recorded: Any) -> None:  # noqa: ANN401
        if recorded is not None and not self._told:
            self._announce(recorded.run_id)
            self._told = True
