"""What runs left behind whose process died."""

from collections.abc import Iterator

from crossrun.config.settings import Settings
from crossrun.model.diagnoses import Diagnosis
from crossrun.services.cleanup.inventory import orphans
from crossrun.services.recovery import settle
from crossrun.store import Store
from crossrun.store.locks import RunLocks

_SUBJECT = "Left behind"


def examine(settings: Settings, *, fix: bool) -> Iterator[Diagnosis]:
    """Dead runs, locks that nobody holds, and files of runs that the store does not know."""
    paths = settings.paths
    locks = RunLocks(paths.locks)
    if not paths.database.exists():
        stale = [name for name in locks.names() if not locks.is_held(name)]
        yield from _locks(locks, stale, fix=fix)
        return
    store = Store(paths)
    left = [name for name in store.perhaps_left_behind() if not locks.is_held(name)]
    dead = [name for name in left if name in store.read.unfinished()]
    yield from _dead_runs(settings, store, dead, fix=fix)
    yield from _locks(locks, [name for name in left if name not in dead], fix=fix)
    yield _orphans(settings, store)


def _dead_runs(
    settings: Settings, store: Store, dead: list[str], *, fix: bool
) -> Iterator[Diagnosis]:
    if not dead:
        yield Diagnosis("leftovers.runs", "ok", _SUBJECT, "every active run has its process")
    elif fix:
        from crossrun.redaction import Redactor

        settled = [
            run.id
            for run in settle(store, settings.paths, Redactor.of_environment(settings.environ))
        ]
        message = f"marked as interrupted, and their processes ended: {', '.join(settled)}"
        yield Diagnosis("leftovers.runs", "ok", _SUBJECT, message, fixed=True)
    else:
        message = f"runs whose process is gone: {', '.join(dead)}"
        yield Diagnosis("leftovers.runs", "note", _SUBJECT, message, "crossrun doctor --fix")


def _locks(locks: RunLocks, stale: list[str], *, fix: bool) -> Iterator[Diagnosis]:
    """Lock files that no process holds."""
    if not stale:
        return
    if not fix:
        message = f"{len(stale)} lock files that no process holds"
        yield Diagnosis("leftovers.locks", "note", _SUBJECT, message, "crossrun doctor --fix")
        return
    for name in stale:
        with locks.claim(name):
            pass
    message = f"removed {len(stale)} lock files that no process held"
    yield Diagnosis("leftovers.locks", "ok", _SUBJECT, message, fixed=True)


def _orphans(settings: Settings, store: Store) -> Diagnosis:
    run_ids = [location.id for location in store.workspaces.locations()]
    left = orphans(run_ids, settings.paths)
    if not left:
        return Diagnosis("leftovers.files", "ok", _SUBJECT, "no files of unknown runs")
    size = sum(orphan.size for orphan in left)
    return Diagnosis(
        "leftovers.files",
        "note",
        _SUBJECT,
        f"files of {len(left)} runs that the store does not know, {size / 1e6:.0f} MB",
        "look at them: crossrun cleanup --orphans --dry-run",
    )
