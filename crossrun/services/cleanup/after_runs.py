"""Removal of old workspaces after each run, if the settings ask for it."""

from typing import TYPE_CHECKING

from crossrun.config.settings import Settings
from crossrun.errors import CrossrunError
from crossrun.model.retention import RetentionRules
from crossrun.services.notices import Notice
from crossrun.store import Store
from crossrun.system.background import Background

if TYPE_CHECKING:
    from crossrun.services.cleanup.removal import CleanupResult

_PATIENCE = 2.0
"""Seconds. What is not removed by then is removed after the next run."""


def rules_of(settings: Settings) -> RetentionRules:
    """What the settings say about old workspaces."""
    return RetentionRules(
        older_than=settings.cleanup.older_than,
        keep_last=settings.cleanup.keep_last,
        max_size=settings.cleanup.max_size,
    )


def remove_old_workspaces(settings: Settings, store: Store, run_id: str) -> Notice | None:
    """Removes what `crossrun cleanup` would remove, except the workspace of this run.

    A failure does not affect the run.

    Returns:
        What came of it; None if nothing was removed.
    """
    rules = rules_of(settings)
    if rules == RetentionRules():
        return None
    removal = Background(lambda: _remove(settings, store, rules._replace(spared=run_id)))
    try:
        removed = removal.value().removed if removal.done(_PATIENCE) else []
    except Exception as error:  # noqa: BLE001  the run has ended, however the removal fails
        message = error.message if isinstance(error, CrossrunError) else repr(error)
        return Notice(f"old workspaces were not removed: {message}", warning=True)
    if not removed:
        return None
    count = "1 old workspace" if len(removed) == 1 else f"{len(removed)} old workspaces"
    return Notice(f"removed {count}, as set in the settings")


def _remove(settings: Settings, store: Store, rules: RetentionRules) -> "CleanupResult":
    from crossrun.services.cleanup.inventory import measuring
    from crossrun.services.cleanup.removal import CleanupRequest, find, read_runs, remove_found

    request = CleanupRequest(rules)
    stored = read_runs(store.workspaces, settings.paths, request)
    measure = None if rules.max_size is None else measuring()
    findings = find(stored, settings.paths, request, measure)
    return remove_found(store, settings.paths, request, findings)
