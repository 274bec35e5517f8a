"""Removes runs that the user names, with all that belongs to them; what they taught stays."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from crossrun.config.settings import Paths
from crossrun.errors import StillRunningError, UsageError
from crossrun.model.retention import CleanupPlan, RetentionRules, WorkspaceUsage
from crossrun.model.runs import Run
from crossrun.services.cleanup.inventory import EVERYTHING, is_permanent, measuring, survey
from crossrun.services.cleanup.removal import CleanupFindings, CleanupRequest, remove_found
from crossrun.store import Store
from crossrun.workspace.files.guarded import ManagedPath, put_aside, remove
from crossrun.workspace.folder_names import folder_name


class RunRemoval(NamedTuple):
    """What goes: workspaces with all runs in them, and imported runs, which have no workspace.

    `size` is in bytes.
    """

    usages: list[WorkspaceUsage]
    imported: list[Run]

    @property
    def run_ids(self) -> list[str]:
        """All runs that go."""
        own = [run.id for usage in self.usages for run in usage.runs]
        return own + [run.id for run in self.imported]

    @property
    def size(self) -> int:
        """Bytes that become free."""
        return sum(usage.size for usage in self.usages)


def plan_removal(
    store: Store, paths: Paths, runs: Sequence[Run], *, force: bool = False
) -> RunRemoval:
    """Finds what belongs to runs.

    Args:
        store: only read.
        paths: where things are.
        runs: the runs to remove.
        force: whether runs go that others depend on, with all runs in the same workspace.

    Raises:
        StillRunningError: STILL_RUNNING, TAKEN_UP: they are active, or an apply is not finished.
        UsageError: RUN_NEEDED, something depends on them.
    """
    reader = store.workspaces
    imported = [run for run in runs if run.imported_from is not None]
    runs = [run for run in runs if run.imported_from is None]
    workspaces = reader.runs({run.workspace for run in runs})
    usages = survey(
        workspaces,
        paths,
        EVERYTHING,
        measure=measuring(),
        gone=True,
        needed_by=reader.needed_by_batches(),
    )
    named = {run.id for run in runs}
    # runs in one folder of the user's have nothing else in common
    usages = [
        usage._replace(runs=tuple(run for run in usage.runs if run.id in named))
        if is_permanent(usage)
        else usage
        for usage in usages
    ]
    removal = RunRemoval(usages, imported)
    _require_ended(removal)
    reasons = [] if force else list(_reasons(store, removal, named))
    if reasons:
        raise UsageError(
            "RUN_NEEDED",
            "; ".join(reasons),
            hint="nothing was removed; name those runs as well, or add --force",
        )
    return removal


def remove_runs(store: Store, paths: Paths, removal: RunRemoval) -> int:
    """Removes what was found.

    Returns:
        The number of bytes that became free.

    Raises:
        ConfigurationError: something cannot be removed; the next command removes the rest.
        StillRunningError: TAKEN_UP, somebody uses one of the runs; it stays.
    """
    own = [usage for usage in removal.usages if not is_permanent(usage)]
    findings = CleanupFindings(CleanupPlan([(usage, "") for usage in own], []), [], [], 0, [])
    request = CleanupRequest(RetentionRules(), dropping_records=True)
    result = remove_found(store, paths, request, findings)
    in_use = [usage.newest.id for usage in result.in_use]
    in_use += [
        usage.newest.id
        for usage in removal.usages
        if is_permanent(usage) and not _remove_records(store, paths, usage)
    ]
    if result.failures:
        raise result.failures[0]
    store.forget([run.id for run in removal.imported])
    if in_use:
        raise StillRunningError(
            "TAKEN_UP",
            f"run {in_use[0]} was kept: it is in use by another command",
            hint="find it with: crossrun runs",
            retryable=True,
        )
    return result.freed


def _remove_records(store: Store, paths: Paths, usage: WorkspaceUsage) -> bool:
    """Removes what is recorded of runs that worked in a folder of the user's."""
    with store.taking_over(usage.newest.id) as free:
        if not free:
            return False
        places = [
            put_aside(place)
            for run in usage.runs
            for place in (
                ManagedPath(paths.logs, (f"{run.id}.log",)),
                ManagedPath(paths.artifacts, (folder_name(run.project_id), run.id)),
            )
        ]
        store.forget([run.id for run in usage.runs])
    for place in places:
        if place is not None:
            remove(place)
    return True


def _require_ended(removal: RunRemoval) -> None:
    for usage in removal.usages:
        for run in usage.runs:
            if not run.ended:
                raise StillRunningError(
                    "STILL_RUNNING",
                    f"run {run.id} is {run.status}",
                    hint=f"stop it first: crossrun cancel {run.id}",
                )
            if run.cut_short:
                raise StillRunningError(
                    "TAKEN_UP",
                    f"an apply or undo of run {run.id} was interrupted",
                    hint=f"finish it first: crossrun undo {run.id}",
                )


def _reasons(store: Store, removal: RunRemoval, named: set[str]) -> Iterator[str]:
    """What would be lost besides the runs that are named."""
    going = {run.id for usage in removal.usages for run in usage.runs}
    for run_id in sorted(going - named):
        yield f"run {run_id} uses the same workspace"
    for run_id, needed in store.read.built_on(going):
        if run_id not in going:
            yield f"run {run_id} builds on {needed}"
    for usage in removal.usages:
        if usage.needed_by is not None:
            yield f"the batch {usage.needed_by} needs run {usage.newest.id}"
        for run in usage.runs:
            if any(each.undone_at is None for each in store.read.applications(run.id)):
                yield f"the change of run {run.id} is applied and could no longer be undone"
