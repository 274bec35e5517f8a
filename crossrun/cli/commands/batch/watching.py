"""`crossrun batch watch`: follows a batch of any process."""

from contextlib import suppress
from threading import Event
from typing import TYPE_CHECKING

import typer

from crossrun.cli.arguments import Json
from crossrun.cli.batch_options import facts_of
from crossrun.cli.commands.batch.arguments import KIND, BatchReference
from crossrun.cli.globals import current
from crossrun.projections.documents import document
from crossrun.store.batches import LAST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from crossrun.model.batches import Batch
    from crossrun.services.app import App
    from crossrun.views.batch_threads import BatchView
    from crossrun.views.terminal import Terminal


def watch(batch: BatchReference = None, json: Json = False) -> None:
    """Follow a batch until it ends. Exits with the exit code of the batch.

    \b
    Examples:
      crossrun batch watch
      id=$(crossrun batch tasks.yaml --detach) && crossrun batch watch "$id"
    """
    from crossrun.batches.progress import exit_code
    from crossrun.cli.batching import NullBatchView
    from crossrun.cli.following import until_end
    from crossrun.cli.suspending import suspendable
    from crossrun.services.batches.results import document_of
    from crossrun.views.batch_views import view_of_batch

    options = current()
    app = options.open_app()
    chosen = app.store.batches.batch(batch or LAST, kind=None if batch else KIND)
    facts = facts_of(app, chosen.id)
    closing = _closing_of_experiment(app, options.out) if chosen.kind == "experiment" else None
    view = NullBatchView() if json else view_of_batch(options.out, facts, closing)
    leave = Event()
    with suspendable() as suspension:
        ended = until_end(
            lambda: _shown(app, chosen, view, leave),
            lambda: suspension.suspend_if_requested(view.suspended),
            leave,
        )
    if json:
        options.out.emit(document(document_of(app, ended)))
    raise typer.Exit(exit_code(ended, app.store.batches.exit_codes(ended.id)))


def _closing_of_experiment(app: "App", terminal: "Terminal") -> "Callable[[Batch], Iterator[str]]":
    from crossrun.services.experiments.reading import read_experiment
    from crossrun.views.experiments import experiment_details

    def closing(ended: "Batch") -> "Iterator[str]":
        yield ""
        yield from experiment_details(read_experiment(app, ended), terminal, is_active=False)

    return closing


def _shown(app: "App", batch: "Batch", view: "BatchView", leave: Event) -> "Batch":
    """Shows a batch to its end; the batch as it is then."""
    from crossrun.services.batches.following import follow_batch

    changes = follow_batch(app, batch.id, leave)
    ended = None
    try:
        view.open(batch)
        while True:
            view.show(next(changes))
    except StopIteration as stop:
        ended = stop.value
    finally:
        with suppress(OSError):
            view.close(None if leave.is_set() else ended)
    return ended or batch
