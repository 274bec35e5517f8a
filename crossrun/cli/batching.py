"""What commands that carry a batch out share: signals, the terminal, output, the exit code."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import typer

from crossrun.batches.progress import exit_code
from crossrun.cli import signals
from crossrun.cli.announcing import terminal_writer
from crossrun.cli.batch_options import facts_of
from crossrun.cli.detaching import Announce, detached
from crossrun.cli.globals import Globals
from crossrun.cli.run_options import OutputOptions
from crossrun.cli.suspending import Suspension, suspendable
from crossrun.errors import UsageError
from crossrun.executors.survivors import adopting_orphans
from crossrun.model.batches import Batch
from crossrun.model.status import Status
from crossrun.projections.documents import document
from crossrun.services.app import App
from crossrun.services.batches.engine import RowChange, StoppingRule, carry_out, never_stop
from crossrun.services.notices import Notice, Notify
from crossrun.services.notifying import announce_batch
from crossrun.system.cancellation import CancelToken
from crossrun.views.batch_threads import BatchView, BatchViewers
from crossrun.views.batch_views import ClosingBatchView, view_of_batch
from crossrun.views.terminal import Terminal

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


def do_nothing(_batch: Batch) -> None:
    """Does nothing more once a batch has ended."""


class BatchCommand(NamedTuple):
    """Which batch is carried out, and how; see `services.batches.engine.carry_out`.

    `on_end` is called once the batch has ended, before its end is shown.
    """

    batch_id: str
    jobs: int
    retry_failed: bool = False
    stopping_rule: StoppingRule = never_stop
    on_end: Callable[[Batch], None] = do_nothing


class BatchDocuments(NamedTuple):
    """JSON for programs: of the batch as it has ended, and of each row that changes."""

    batch: Callable[[Batch], Mapping[str, Any]]
    change: Callable[[RowChange], Mapping[str, Any]]


def carry_out_batch(
    command: BatchCommand,
    view: Callable[[], BatchView],
    documents: BatchDocuments,
    output: OutputOptions,
    app: App,
    options: Globals,
) -> NoReturn:
    """Carries a batch out that is stored, and ends the command with its exit code.

    Args:
        command: what to do.
        view: makes the view for people, which is on standard error.
        documents: what `--json` and `--jsonl` print.
        output: how it is shown, and whether the command waits for its end.
        app: opened for writing.
        options: the global options.

    Raises:
        CrossrunError: the batch cannot be carried out.
    """
    announce = partial(announce_batch, app, given=output.notify, write=terminal_writer(options))
    if not output.detach:
        data = _data_view(documents, output, options)
        raise typer.Exit(_exit_code(command, BatchViews(data, view()), app, announce))
    if output.jsonl:
        raise UsageError(
            "OPTIONS_CONFLICT",
            "--detach and --jsonl cannot be used together",
            hint="start it, then look at it: crossrun batch show",
        )

    def work(announce_id: Announce) -> int:
        silent = partial(announce_batch, app, given=output.notify)
        return _exit_code(command, BatchViews(_IdView(announce_id), view()), app, silent)

    batch_id, log = detached(work, app.settings.paths.logs)
    options.say(f"running in the background; log: {log}", f"crossrun batch watch {batch_id}")
    stored = app.store.batches.batch(batch_id)
    options.out.emit(document(documents.batch(stored)) if output.json else f"{batch_id}\n")
    raise typer.Exit


def view_for_people(
    batch: Batch,
    output: OutputOptions,
    app: App,
    options: Globals,
    closing: Callable[[Batch], Iterable[str]] | None = None,
) -> BatchView:
    """The view on standard error: a live one, or only how the batch ended.

    Args:
        batch: the batch that is carried out.
        output: whether the live view is wanted.
        app: has the runs that views read.
        options: the global options.
        closing: the lines that show how the batch ended; by default those of a batch of rows.
    """
    facts = facts_of(app, batch.id)
    if options.quiet or output.no_watch:
        return ClosingBatchView(options.err, facts, closing, failures_only=options.quiet)
    return view_of_batch(options.err, facts, closing)


class BatchViews(NamedTuple):
    """Where a batch is shown: to programs on standard output, to people on standard error."""

    data: BatchView
    people: BatchView


def _exit_code(
    command: BatchCommand, views: BatchViews, app: App, announce: Callable[[Batch], None]
) -> int:
    stop = CancelToken()
    app.notify = _notify_outside_view(views.people, app.notify)
    with adopting_orphans(), signals.asking_to_stop(stop), suspendable() as suspension:
        batch = _carry_out_and_show(command, views, app, stop, suspension)
    announce(batch)
    code = signals.signal_code(stop) if batch.state is Status.CANCELLED else None
    return exit_code(batch, app.store.batches.exit_codes(batch.id)) if code is None else code


def _notify_outside_view(view: BatchView, notify: Notify) -> Notify:
    """Presents notices while the view has left the terminal."""

    def present(notice: Notice) -> None:
        with view.suspended():
            notify(notice)

    return present


def _carry_out_and_show(
    command: BatchCommand, views: BatchViews, app: App, stop: CancelToken, suspension: Suspension
) -> Batch:
    changes = carry_out(
        app,
        command.batch_id,
        jobs=command.jobs,
        stop=stop,
        retry_failed=command.retry_failed,
        stopping_rule=command.stopping_rule,
    )
    batch, viewers = None, BatchViewers(*views)
    try:
        with closing(changes):
            next(changes)
            viewers.open(app.store.batches.batch(command.batch_id))
            for change in changes:
                viewers.show(change)
                suspension.suspend_if_requested(views.people.suspended)
        batch = app.store.batches.batch(command.batch_id)
        command.on_end(batch)
    finally:
        viewers.finish(batch, stop)
    return batch


def _data_view(
    documents: BatchDocuments, output: OutputOptions, options: Globals
) -> "NullBatchView":
    if output.jsonl:
        return _RowJsonLinesView(options.out, documents)
    if output.json:
        return _BatchJsonView(options.out, documents)
    if options.quiet or not options.out.on_screen:
        return _IdView(lambda batch_id: options.out.write([batch_id]))
    return NullBatchView()


class NullBatchView:
    """Shows nothing."""

    def open(self, batch: Batch) -> None:
        """Nothing."""

    def show(self, change: RowChange | None) -> None:
        """Nothing."""

    def close(self, batch: Batch | None) -> None:
        """Nothing."""

    def suspended(self) -> "AbstractContextManager[None]":
        """Nothing."""
        return nullcontext()


class _IdView(NullBatchView):
    """Announces the batch's id as soon as this process carries the batch out."""

    def __init__(self, announce: Announce) -> None:
        self._announce = announce

    def open(self, batch: Batch) -> None:
        self._announce(batch.id)


class _RowJsonLinesView(NullBatchView):
    """Writes each change as a line of JSON."""

    def __init__(self, terminal: Terminal, documents: BatchDocuments) -> None:
        self._terminal = terminal
        self._documents = documents

    def show(self, change: RowChange | None) -> None:
        if change is not None:
            self._terminal.emit(document(self._documents.change(change)))


class _BatchJsonView(NullBatchView):
    """Writes the batch in the end."""

    def __init__(self, terminal: Terminal, documents: BatchDocuments) -> None:
        self._terminal = terminal
        self._documents = documents

    def close(self, batch: Batch | None) -> None:
        if batch is not None:
            self._terminal.emit(document(self._documents.batch(batch)))
