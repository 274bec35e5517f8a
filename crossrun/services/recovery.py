"""Recovery after a crash: dead runs are settled, and the store is copied each week."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from crossrun.errors import ConfigurationError, NotFoundError
from crossrun.model.failures import Failure
from crossrun.model.runs import Run
from crossrun.model.status import Status
from crossrun.services.app import App
from crossrun.services.notices import Notice

if TYPE_CHECKING:
    from crossrun.executors.process_table import Process

_INTERRUPTED = Failure(
    "INTERRUPTED",
    "crossrun's own process ended without recording an end of the run",
    "what was recorded until then is kept; continue it: crossrun resume",
    retryable=True,
)


def settle(app: App) -> Iterator[Run]:
    """Ends the runs whose process is gone: kills what they left running, and records their end.

    Yields:
        Each run that turned out to be interrupted.
    """
    from crossrun.events import RunFinished

    store = app.store
    for run_id in store.perhaps_left_behind():
        with store.taking_over(run_id) as is_dead:
            if not is_dead:
                continue
            _end_processes(run_id, app)
            ending = RunFinished(status=Status.INTERRUPTED, failure=_INTERRUPTED)
            run = store.record_end(run_id, ending, app.redactor)
        if run is not None:
            yield run


def keep_weekly_copy(app: App) -> None:
    """Makes or starts this week's copy of the store if it is due.

    A failure does not affect the run.
    """
    try:
        app.store.weekly_backup.keep()
    except ConfigurationError as error:
        message = f"no weekly backup of the store was made: {error.message}"
        app.notify(Notice(message, warning=True))


def _end_processes(run_id: str, app: App) -> None:
    """Kills what is left of a run whose own process was killed."""
    from crossrun.executors.descent import lost_in, written_down
    from crossrun.executors.survivors import end_survivors

    process_list = app.settings.paths.processes / run_id
    folder = _own_workspace(run_id, app)

    def descendants() -> "list[Process]":
        lost = [] if folder is None else lost_in(folder, process_list)
        return [*written_down(process_list), *lost]

    end_survivors(run_id, descendants)
    process_list.unlink(missing_ok=True)


def _own_workspace(run_id: str, app: App) -> Path | None:
    """A run's workspace, unless it is a folder of the user's or the run was never recorded."""
    try:
        workspace = Path(app.store.read.run(run_id).workspace)
    except NotFoundError:
        return None
    return workspace if workspace.is_relative_to(app.settings.paths.workspaces) else None
