"""Undoes applications, even if later ones changed the same files."""

from pathlib import Path

from msgspec.structs import replace

from crossrun.errors import NotFoundError
from crossrun.model.runs import Application, Run, require_own_files
from crossrun.services.applying.branches import undo_branch
from crossrun.services.applying.changes import (
    ApplicableChange,
    ApplyResult,
    application_of,
    change_event,
    change_of,
    target_of,
    trees_of,
)
from crossrun.services.applying.commits import undo_commits
from crossrun.services.applying.journal import carry_out_undo, recover
from crossrun.services.applying.later_applications import LaterApplications
from crossrun.services.applying.locking import explain_errors, locked_target
from crossrun.store import Store
from crossrun.workspace.files.dirfd import opened
from crossrun.workspace.merge.decisions import MergePlan, desired_entries
from crossrun.workspace.merge.planner import MergePlanner
from crossrun.workspace.snapshots.tree_builder import EMPTY_TREE
from crossrun.workspace.target import metadata_backup
from crossrun.workspace.target.folder import TargetFolder
from crossrun.workspace.target.preflight import require_possible
from crossrun.workspace.user_repository import git_state
from crossrun.workspace.user_repository.branches import branches_of
from crossrun.workspace.user_repository.git_state import Restoration
from crossrun.workspace.workspaces import Workspaces


def undo(store: Store, run: Run, workspaces: Workspaces) -> ApplyResult:
    """Undoes the newest application of a run, or the work of a run in place.

    Raises:
        CrossrunError: NOT_APPLIED, TARGET_GONE, SNAPSHOTS_GONE, TARGET_BUSY, TARGET_UNUSABLE,
            TARGET_CHANGED, TARGET_UNSETTLED, STILL_RUNNING, RUN_IMPORTED.
    """
    require_own_files(run)
    live = [
        application
        for application in store.read.applications(run.id)
        if application.undone_at is None
    ]
    if not live and run.source is not None and run.source.kind == "in_place":
        return _undo_run_in_place(store, change_of(store, run, workspaces))
    if not live:
        raise NotFoundError(
            "NOT_APPLIED",
            f"the change of run {run.id} is not applied anywhere, or has already been undone",
            hint=f"look at the run: crossrun show {run.id}",
        )
    application = live[-1]
    folder, trees = target_of(run, Path(application.path)), trees_of(run, workspaces)
    if application.refs:
        with locked_target(store, run, workspaces, folder):
            return undo_commits(store, folder, application)
    if application.branch is not None:
        with locked_target(store, run, workspaces, folder):
            return undo_branch(store, branches_of(folder), folder, application)
    trees.require(application.before or EMPTY_TREE, application.after or EMPTY_TREE)
    with (
        locked_target(store, run, workspaces, folder),
        explain_errors(folder),
        opened(folder) as top,
    ):
        recovered = recover(store, workspaces, top, folder)
        for each in recovered:
            if each.application.id == application.id:
                plan = each.plan._replace(conflicts=())
                return ApplyResult(folder, plan, each.application, recovered=recovered)
        return _undo_application(store, workspaces, top, application)._replace(recovered=recovered)


def _undo_run_in_place(store: Store, change: ApplicableChange) -> ApplyResult:
    """Restores the folder that a run worked in."""
    run = change.run
    folder = target_of(run, None)
    with (
        locked_target(store, run, change.workspaces, folder),
        explain_errors(folder),
        opened(folder) as top,
    ):
        recovered = recover(store, change.workspaces, top, folder)
        restoration = _restoration(store, change, folder)
        conflicts = [] if restoration is None else restoration.conflicts()
        if conflicts:
            return ApplyResult(folder, MergePlan(conflicts=tuple(conflicts)), recovered=recovered)
        before, after = _with_kept_ignored(store, change)
        worked = application_of(run, folder, files=0, before=before, after=after)
        worked = replace(worked, at=run.ended_at or worked.at, finished_at=worked.at)
        result = _undo_application(store, change.workspaces, top, worked)
        restored = () if restoration is None or result.has_conflicts else restoration.restore()
        return result._replace(recovered=recovered, restored=restored)


def _restoration(store: Store, change: ApplicableChange, folder: Path) -> Restoration | None:
    """Restores the repository of the folder; None if its state was not saved."""
    source, event = change.run.source, change_event(store, change.run)
    snapshots = change.workspaces.snapshots(folder)
    before = git_state.read(snapshots, source.git_state if source else None)
    after = git_state.read(snapshots, event.git_state if event else None)
    repository = change.workspaces.repository_around(folder)
    if before is None or after is None or repository is None:
        return None
    return Restoration(repository, snapshots, before, after)


def _with_kept_ignored(store: Store, change: ApplicableChange) -> tuple[str, str]:
    """The states before and after a run in place, with the ignored files that were saved."""
    source, event, trees = change.run.source, change_event(store, change.run), change.trees
    before = None if source is None else source.kept_ignored
    after = None if event is None or event.ignored is None else event.ignored.kept
    if before is None or after is None:
        return change.base, change.tree
    changed = trees.changed(before, after)
    return (
        trees.write({path: pair.before for path, pair in changed.items()}, onto=change.base),
        trees.write({path: pair.after for path, pair in changed.items()}, onto=change.tree),
    )


def _undo_application(
    store: Store, workspaces: Workspaces, top: int, application: Application
) -> ApplyResult:
    """Undoes an application; one without an id stands for a run in place and is recorded now."""
    folder = Path(application.path)
    run = store.read.run(application.run_id)
    trees, source = trees_of(run, workspaces), run.source
    before, after = application.before or EMPTY_TREE, application.after or EMPTY_TREE
    wanted = desired_entries([trees.changed(after, before)])
    plan = MergePlanner(trees, TargetFolder(top, application.id)).plan(wanted, tree=before)
    later = LaterApplications(store, workspaces, application, trees)
    if plan.conflicts or later.dependents:
        undo_first = later.dependents or later.touching(
            conflict.path for conflict in plan.conflicts
        )
        return ApplyResult(folder, plan, undo_first=undo_first)
    if not plan.steps and not application.id:
        return ApplyResult(folder, plan)
    require_possible(plan, trees, top)
    if not application.id:
        new_id = store.applications.new_id()
        was = metadata_backup.load(
            trees.git_dir, metadata_backup.in_place_name(source.base if source else "")
        )
        metadata_backup.save(was, trees.git_dir, new_id)
        application = replace(application, id=new_id, files=len(plan.steps))
        store.applications.begin(application)
    taken_back, notes = carry_out_undo(store, trees, top, application, plan, also=later.rebased)
    return ApplyResult(folder, plan, taken_back, notes=notes)
