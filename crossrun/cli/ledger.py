"""Opens the store for commands that read, and finds runs in it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crossrun.cli.globals import Globals
from crossrun.config.settings import Settings
from crossrun.services.app import App
from crossrun.store.reading import LAST

if TYPE_CHECKING:
    from crossrun.model.runs import Run
    from crossrun.store import Store


def open_app(options: Globals, settings: Settings) -> App:
    """An `App` to read with. Dead runs are marked as interrupted, and the user learns of them."""
    app = App(settings, options.notify)
    app.open_for_reading()
    return app


def open_ledger(options: Globals, settings: Settings) -> "Store":
    """The store of `open_app`."""
    return open_app(options, settings).store


def chosen_run(store: "Store", reference: str | None, project_id: str | None) -> "Run":
    """The run that a command is about; by default the newest."""
    return store.read.run(reference or LAST, project_id=project_id)


def run_ids(references: Sequence[str], app: App) -> list[str]:
    """The ids of several runs, each once."""
    return list(dict.fromkeys(app.run(reference).id for reference in references))
