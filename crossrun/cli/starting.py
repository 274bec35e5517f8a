"""What commands that carry a run out share: where it is carried out, and its views."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import NamedTuple, NoReturn

import typer

from crossrun.cli import signals
from crossrun.cli.announcing import terminal_writer
from crossrun.cli.detaching import Announce, detached
from crossrun.cli.globals import Globals
from crossrun.cli.run_options import OutputOptions
from crossrun.cli.suspending import Suspension, suspendable
from crossrun.engine.context import RunDependencies
from crossrun.errors import Exit, UsageError
from crossrun.events import EventRecord
from crossrun.executors.survivors import adopting_orphans
from crossrun.model.runs import Run
from crossrun.projections.documents import document, run_object
from crossrun.services.app import App
from crossrun.services.assembly import gather_dependencies
from crossrun.services.lineage import PreparedRun
from crossrun.services.notifying import announce_run
from crossrun.services.runs import carrying_out, clean_up_after, events_between
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

Prepared = Callable[[], AbstractContextManager[PreparedRun]]
"""Makes the request; what it holds is released when the run has ended."""


class Views(NamedTuple):
    """Where a run is shown: to programs on standard output, to people on standard error."""

    data: View
    people: View


def start(prepared: Prepared, output: OutputOptions, app: App, options: Globals) -> NoReturn:
    """Carries a run out and ends the command with its exit code.

    Raises:
        CrossrunError: the run cannot begin; nothing has been recorded.
    """
    if not output.detach:
        raise typer.Exit(_exit_code(prepared, output, app, options, _data_view(output, options)))
    if output.jsonl:
        raise UsageError(
            "OPTIONS_CONFLICT",
            "--detach and --jsonl cannot be used together",
            hint="start it, then follow it: crossrun watch RUN --jsonl",
        )

    def work(announce: Announce) -> int:
        return _exit_code(prepared, output, app, options, _IdFirst(announce))

    run_id, log = detached(work, app.settings.paths.logs)
    options.say(f"running in the background; log: {log}", f"crossrun watch {run_id}")
    options.out.emit(document(run_object(app.run(run_id))) if output.json else f"{run_id}\n")
    raise typer.Exit


def carry_out(
    prepared: PreparedRun, dependencies: RunDependencies, app: App, views: Views, stop: CancelToken
) -> Run:
    """Carries a run out to its end, and shows it.

    Returns:
        The run as its last event left it.
    """
    with adopting_orphans(), signals.asking_to_stop(stop), suspendable() as suspension:
        ended = _shown(prepared, dependencies, app, views, stop, suspension)
    clean_up_after(app, ended.id)
    return ended


def _shown(
    prepared: PreparedRun,
    dependencies: RunDependencies,
    app: App,
    views: Views,
    stop: CancelToken,
    suspension: Suspension,
) -> Run:
    with ExitStack() as after, carrying_out(app, prepared, dependencies, stop) as active:
        viewers = Viewers(*views, partial(events_between, app, active.id))
        after.callback(viewers.finish, stop)
        for recorded in active.events:
            viewers.show(recorded)
            suspension.suspend_if_requested(views.people.suspended)
    if viewers.run is None:
        raise ValueError("there was no event to follow")
    return viewers.run


def _exit_code(
    prepared: Prepared, output: OutputOptions, app: App, options: Globals, data_view: View
) -> int:
    stop = CancelToken()
    with prepared() as run:
        dependencies = gather_dependencies(run.request, app)
        views = Views(data_view, _view_for_people(output, options))
        ended = carry_out(run, dependencies, app, views, stop)
    announce_run(app, ended, output.notify, terminal_writer(options))
    code = signals.exit_code(ended, stop)
    is_applied = ended.applied is None or ended.applied.is_complete
    return code if code or is_applied else int(Exit.RUN_FAILED)


def _data_view(output: OutputOptions, options: Globals) -> View:
    views: list[View] = []
    if output.jsonl:
        views.append(JsonLinesView(options.out))
    if output.json:
        views.append(RunView(options.out))
    if not views and (options.quiet or not options.out.on_screen):
        views.append(_IdFirst(lambda run_id: options.out.write([run_id])))
    return MultiView(views)


def _view_for_people(output: OutputOptions, options: Globals) -> View:
    if options.quiet or output.no_watch:
        return SummaryView(options.err, failures_only=options.quiet)
    return view_for(options.err)


class _IdFirst(NullView):
    """Announces the run's id as soon as the run exists."""

    def __init__(self, announce: Announce) -> None:
        self._announce = announce
        self._announced = False

    def show(self, recorded: EventRecord | None) -> None:
        if recorded is not None and not self._announced:
            self._announce(recorded.run_id)
            self._announced = True
