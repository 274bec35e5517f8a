"""Removes workspaces that others may want to use: claims them, sets them aside, deletes them.

Killed at any point, it leaves a workspace either whole or gone. What was set aside but not deleted
has a name that says so, and the rows of runs go last, so the next removal finishes the work.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from crossrun.config.settings import Paths
from crossrun.errors import ConfigurationError
from crossrun.model.retention import (
    CleanupPlan,
    FrozenUsage,
    RetentionRules,
    WorkspaceUsage,
    planned,
    unneeded,
)
from crossrun.services.cleanup.frozen import frozen_copies, remove_frozen
from crossrun.services.cleanup.inventory import (
    EVERYTHING,
    WITH_WORKSPACE,
    Kind,
    Orphan,
    StoredRuns,
    WorkspacePart,
    leftovers,
    orphans,
    parts_of,
    size_of,
    stored_runs,
    survey,
)
from crossrun.store import Store
from crossrun.store.workspace_runs import WorkspaceReader
from crossrun.workspace.files.dirfd import reason
from crossrun.workspace.files.guarded import ManagedPath, put_aside, remove
from crossrun.workspace.snapshots.object_store import object_store


class CleanupRequest(NamedTuple):
    """What the user wants removed: workspaces by rules, and what else with them.

    `unknown`: also what the store does not know. `dropping_records`: the rows of their runs.
    """

    rules: RetentionRules
    dropping_artifacts: bool = False
    dropping_records: bool = False
    unknown: bool = False

    @property
    def kinds(self) -> Sequence[Kind]:
        """What goes with a workspace."""
        return EVERYTHING if self.dropping_artifacts or self.dropping_records else WITH_WORKSPACE


class CleanupFindings(NamedTuple):
    """What can be removed. `orphans` go only if the request asks for them; sizes in bytes.

    `frozen` are copies that batches no longer need.
    """

    plan: CleanupPlan
    orphans: list[Orphan]
    leftovers: list[ManagedPath]
    leftover_size: int
    frozen: list[FrozenUsage]

    def size(self, request: CleanupRequest) -> int:
        """Bytes that will be freed."""
        unknown = sum(orphan.size for orphan in self.orphans) if request.unknown else 0
        return self.plan.size + self.leftover_size + self.frozen_size + unknown

    @property
    def frozen_size(self) -> int:
        """Bytes of the copies that go."""
        return sum(usage.size for usage in self.frozen)

    def count(self, request: CleanupRequest) -> int:
        """How many things will be removed."""
        unknown = len(self.orphans) if request.unknown else 0
        return len(self.plan.going) + len(self.leftovers) + len(self.frozen) + unknown


class CleanupResult(NamedTuple):
    """The result of a removal. `in_use`: another run or command uses these workspaces."""

    removed: list[WorkspaceUsage]
    in_use: list[WorkspaceUsage]
    failures: list[ConfigurationError]
    freed: int


def read_runs(reader: WorkspaceReader, paths: Paths, request: CleanupRequest) -> StoredRuns:
    """Reads what `find` needs from the store."""
    return stored_runs(reader, paths, request.kinds, gone=request.dropping_records)


def find(
    stored: StoredRuns,
    paths: Paths,
    request: CleanupRequest,
    measure: Callable[[ManagedPath], int] | None,
) -> CleanupFindings:
    """Looks at the disk and decides; changes nothing."""
    gone = request.dropping_records
    usages = survey(
        stored.runs,
        paths,
        request.kinds,
        measure=measure,
        gone=gone,
        needed_by=stored.needed_by,
    )
    abandoned, now = leftovers(paths), datetime.now(UTC)
    return CleanupFindings(
        planned(usages, request.rules, now),
        orphans((run.id for run in stored.locations), paths),
        abandoned,
        size_of(abandoned),
        unneeded(frozen_copies(paths, stored.batch_ends, measure), request.rules, now),
    )


def remove_found(
    store: Store,
    paths: Paths,
    request: CleanupRequest,
    findings: CleanupFindings,
    progress: Callable[[int, int], None] = lambda _number, _freed: None,
) -> CleanupResult:
    """Removes what was found; what cannot be removed does not stop the rest.

    Args:
        store: only read, unless rows go.
        paths: where things are.
        request: what the findings answer.
        findings: what goes.
        progress: called with the number of workspaces removed so far, and the bytes freed.
    """
    result = CleanupResult([], [], [], 0)
    for number, (usage, _) in enumerate(findings.plan.going):
        progress(number, result.freed)
        with _collecting(result.failures):
            removed = remove_workspace(store, usage, paths, request)
            (result.removed if removed else result.in_use).append(usage)
            result = result._replace(freed=result.freed + usage.size * removed)
    for orphan in findings.orphans if request.unknown else []:
        with _collecting(result.failures):
            removed = remove_orphan(store, orphan, paths)
            result = result._replace(freed=result.freed + orphan.size * removed)
    for copies in findings.frozen:
        with _collecting(result.failures), _explained(paths):
            removed = remove_frozen(store, copies, paths)
            result = result._replace(freed=result.freed + copies.size * removed)
    for place in findings.leftovers:
        with _collecting(result.failures):
            size = size_of([place])
            remove(place)
            result = result._replace(freed=result.freed + size)
    freed = 0
    with _collecting(result.failures), _explained(paths):
        freed = object_store(paths.snapshots).collect()
    return result._replace(freed=result.freed + freed)


def remove_workspace(
    store: Store, usage: WorkspaceUsage, paths: Paths, request: CleanupRequest
) -> bool:
    """Removes a workspace and what belongs to it.

    Returns:
        False if a run or command has started to use it since; then nothing was removed.

    Raises:
        ConfigurationError: something cannot be removed, or the store cannot be written. What was
            already set aside is removed the next time.
    """
    run_id = usage.newest.id
    with store.taking_over(run_id) as free:
        ids = [run.id for run in usage.runs]
        if not free or store.workspaces.ids_beside(run_id) != ids:
            return False
        aside = _all_put_aside(parts_of(usage, paths, request.kinds))
        with _explained(paths):
            object_store(paths.snapshots).drop([Path(usage.newest.workspace).name])
        if request.dropping_records:
            store.forget(ids)
    for place in aside:
        remove(place)
    return True


def remove_orphan(store: Store, orphan: Orphan, paths: Paths) -> bool:
    """Removes what a run left that the store does not know; see `remove_workspace`."""
    with store.taking_over(orphan.run_id) as free:
        if not free or store.workspaces.ids_beside(orphan.run_id):
            return False
        aside = _all_put_aside(orphan.parts)
        with _explained(paths):
            object_store(paths.snapshots).drop([orphan.run_id])
    for place in aside:
        remove(place)
    return True


@contextmanager
def _collecting(failures: list[ConfigurationError]) -> Iterator[None]:
    try:
        yield
    except ConfigurationError as error:
        failures.append(error)


@contextmanager
def _explained(paths: Paths) -> Iterator[None]:
    """What prevents recorded states from being removed, such as a full disk."""
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            "WORKSPACE_UNREMOVABLE",
            f"cannot remove recorded states from {paths.snapshots}: {reason(error)}",
            hint="check its permissions and the disk's free space, and run the command again",
        ) from error


def _all_put_aside(parts: Iterable[WorkspacePart]) -> list[ManagedPath]:
    places = [put_aside(part.path) for part in parts]
    return [place for place in places if place is not None]
