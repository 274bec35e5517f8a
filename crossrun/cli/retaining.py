"""Old workspaces go after runs, where the settings say so: quietly, and never for long."""

from crossrun.cli.cleanup import rules_of
from crossrun.cli.globals import current
from crossrun.config.settings import Settings
from crossrun.errors import CrossrunError
from crossrun.model.retention import Rules
from crossrun.model.runs import Run
from crossrun.services.cleanup.inventory import measuring
from crossrun.services.cleanup.removal import Done, Wanted, find, remove_found
from crossrun.store import Store
from crossrun.system.background import Background
from crossrun.views.words import plural

_PATIENCE = 2.0
"""Seconds. What is not removed by then goes after the next run."""


def keep_bounded(settings: Settings, store: Store, ended: Run) -> None:
    """Removes old workspaces as `crossrun cleanup` would, but that of the run that just ended.

    Whatever becomes of it, the run has ended as it has.
    """
    rules = rules_of(settings)
    if rules == Rules():
        return
    wanted = Wanted(rules._replace(spared=ended.id))
    work = Background(lambda: _removed(settings, store, wanted))
    try:
        done = work.value() if work.done(_PATIENCE) else None
    except Exception as error:  # noqa: BLE001  a run that went well stays so
        told = error.message if isinstance(error, CrossrunError) else repr(error)
        current().say(f"warning: old workspaces were not removed: {told}")
        return
    if done is not None and done.removed:
        current().say(f"removed {plural(len(done.removed), 'old workspace')}, as the settings say")


def _removed(settings: Settings, store: Store, wanted: Wanted) -> Done:
    measure = None if wanted.rules.max_size is None else measuring()
    found = find(store, settings.paths, wanted, measure)
    return remove_found(store, settings.paths, wanted, found)
