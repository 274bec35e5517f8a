"""Recovery after a crash: dead runs are settled, and the store is copied each week."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from crossrun.config.settings import Paths
from crossrun.errors import ConfigurationError, NotFoundError
from crossrun.model.failures import Failure
from crossrun.model.runs import Run
from crossrun.model.status import Status
from crossrun.redaction import Redactor
from crossrun.services.notices import Notice
from crossrun.store import Store

if TYPE_CHECKING:
    from crossrun.executors.process_table import Process

_INTERRUPTED = Failure(
    "INTERRUPTED",
    "crossrun's own process ended without recording an end of the run",
    "what was recorded so far is kept; continue it: crossrun resume RUN",
    retryable=True,
)


def settle(store: Store, paths: Paths, redactor: Redactor) -> Iterator[Run]:
    """Ends the runs whose process is gone: kills what they left running, and records their end.

    Yields:
        Each run that turned out to be interrupted.
    """
    from crossrun.events import RunFinished

    for run_id in store.perhaps_left_behind():
        with store.taking_over(run_id) as is_dead:
            if not is_dead:
                continue
            _end_processes(run_id, store, paths)
            ending = RunFinished(status=Status.INTERRUPTED, failure=_INTERRUPTED.of_run(run_id))
            run = store.record_end(run_id, ending, redactor)
        if run is not None:
            yield run


def keep_weekly_copy(store: Store) -> Notice | None:
    """Makes or starts this week's copy of the store if it is due.

    Returns:
        Why there is none; that does not affect the run.
    """
    try:
        store.weekly_backup.keep()
    except ConfigurationError as error:
        return Notice(f"no weekly backup of the store was made: {error.message}", warning=True)
    return None


def _end_processes(run_id: str, store: Store, paths: Paths) -> None:
    """Kills what is left of a run whose own process was killed."""
    from crossrun.executors.descent import lost_in, written_down
    from crossrun.executors.survivors import end_survivors

    process_list = paths.processes / run_id
    folder = _own_workspace(run_id, store, paths)

    def descendants() -> "list[Process]":
        lost = [] if folder is None else lost_in(folder, process_list)
        return [*written_down(process_list), *lost]

    end_survivors(run_id, descendants)
    process_list.unlink(missing_ok=True)


def _own_workspace(run_id: str, store: Store, paths: Paths) -> Path | None:
    """A run's workspace, unless it is a folder of the user's or the run was never recorded."""
    try:
        workspace = Path(store.read.run(run_id).workspace)
    except NotFoundError:
        return None
    return workspace if workspace.is_relative_to(paths.workspaces) else None
