"""Opening the ledger for a command: up to date, and with the dead told from the living."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from crossrun.cli.globals import Globals
from crossrun.config.settings import Settings
from crossrun.errors import ConfigurationError
from crossrun.store import Store
from crossrun.store.reading import LAST

if TYPE_CHECKING:
    from crossrun.events import EventRecord
    from crossrun.model.runs import Run


def open_ledger(options: Globals, settings: Settings) -> Store:
    """A store to read from. Runs whose process died are ended first, and told of once."""
    store = Store(settings.paths)
    store.open_for_reading()
    try:
        tell_interrupted(options, settings, store)
    except ConfigurationError as error:
        options.say(f"warning: interrupted runs are not marked as such now: {error.message}")
    return store


def tell_interrupted(options: Globals, settings: Settings, store: Store) -> None:
    """Ends what was left behind."""
    if not store.perhaps_left_behind():
        return
    from crossrun.services.assembly import settle

    for run in settle(store, settings):
        options.say(f"run {run.id} was interrupted: its crossrun process is gone")


def events_between(
    store: Store, run_id: str, after: int, last: int | None = None
) -> "Iterator[EventRecord]":
    """The events of a run with a higher number than `after`, up to the last, if it is given."""
    from crossrun.events import EventRecord, decode

    for stored in store.read.events(run_id, after=after):
        if last is not None and stored.seq > last:
            return
        yield EventRecord(run_id, stored.seq, stored.at, decode(stored.body))


def chosen_run(store: Store, reference: str | None, project_id: str | None) -> "Run":
    """The run that a command is about; without a word for it, the newest."""
    return store.read.run(reference or LAST, project_id=project_id)
