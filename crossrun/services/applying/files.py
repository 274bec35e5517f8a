"""Applies the change of a run to files, all of it or nothing."""

from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from crossrun.model.runs import Application, Run
from crossrun.services.applying.changes import (
    ApplicableChange,
    ApplyResult,
    application_of,
    lasting_folders,
    tree_after,
)
from crossrun.services.applying.ignored import (
    count_missing,
    desired_ignored,
    ignored_output,
    select,
)
from crossrun.services.applying.journal import carry_out, recover
from crossrun.services.applying.locking import explain_errors, locked_target
from crossrun.store import Store
from crossrun.workspace.copying.links import as_in_source
from crossrun.workspace.files.dirfd import opened, shown
from crossrun.workspace.merge.decisions import DesiredEntry, MergePlan, desired_entries
from crossrun.workspace.merge.planner import MergePlanner
from crossrun.workspace.sources.repositories import branch_of
from crossrun.workspace.target import metadata_backup
from crossrun.workspace.target.execution import save_contents
from crossrun.workspace.target.folder import TargetFolder
from crossrun.workspace.target.preflight import require_possible


def apply_to_files(
    store: Store,
    change: ApplicableChange,
    folder: Path,
    *,
    ignored: str | None = None,
    mark_conflicts: bool = False,
    dry_run: bool = False,
) -> ApplyResult:
    """Applies a change to the files in a folder, all of it or nothing.

    Args:
        store: where the application is recorded.
        change: the change.
        folder: the folder to change.
        ignored: a glob for ignored files to apply as well.
        mark_conflicts: whether to write conflicts to the files instead of changing nothing.
        dry_run: whether to only find out what would be done.

    Raises:
        CrossrunError: TARGET_BUSY, WORKSPACE_BUSY, TARGET_UNUSABLE, TARGET_CHANGED,
            IGNORED_NOT_FOUND, with nothing changed; TARGET_UNSETTLED.
    """
    run, trees = change.run, change.trees
    with (
        locked_target(store, run, change.workspaces, folder),
        explain_errors(folder),
        opened(folder) as top,
    ):
        recovered = () if dry_run else recover(store, change.workspaces, top, folder)
        target = TargetFolder(top, "")
        result = _plan(
            store, change, folder, target, ignored=ignored, mark_conflicts=mark_conflicts
        )
        result, plan = result._replace(recovered=recovered), result.plan
        if dry_run or not plan.steps or (plan.conflicts and not mark_conflicts):
            return result
        require_possible(plan, trees, top)
        planned = replace(_record(change, result, target), id=store.applications.new_id())
        metadata_backup.save(metadata_backup.removed_by(plan, top), trees.git_dir, planned.id)
        application = store.applications.begin(planned)
        lasting = lasting_folders(store, run)
        notes = carry_out(store, trees, top, application, plan, lasting=lasting)
        return result._replace(application=application, notes=notes)


def _plan(
    store: Store,
    change: ApplicableChange,
    folder: Path,
    target: TargetFolder,
    *,
    ignored: str | None,
    mark_conflicts: bool,
) -> ApplyResult:
    """Plans the application; changes nothing yet."""
    run = change.run
    output = ignored_output(store, change)
    selected = () if ignored is None else select(output, ignored, change)
    wanted = _wanted(store, change, folder)
    wanted |= desired_ignored(store, change, folder, output, selected)
    planner = MergePlanner(
        change.trees, target, run.id if mark_conflicts else None, union_merge=True
    )
    plan = planner.plan(wanted, tree=change.tree)
    others = set(output.paths).difference(selected)
    left = count_missing(output, others, folder) + len(_conflicting(plan, selected))
    return ApplyResult(
        folder,
        plan,
        ignored_left=left,
        left=change.left,
        other_branch=_other_branch(run, folder),
    )


def _record(change: ApplicableChange, result: ApplyResult, target: TargetFolder) -> Application:
    """The record of an application, with the states that an undo needs."""
    plan = result.plan
    before, after = save_contents(plan, change.trees, target)
    files = len(plan.steps)
    planned = application_of(change.run, result.folder, files=files, before=before, after=after)
    left_out = tuple(
        shown(conflict.path) for conflict in plan.conflicts if conflict.written is None
    )
    return replace(planned, ignored_left=result.ignored_left, left_out=left_out, part=change.part)


def _conflicting(plan: MergePlan, paths: Iterable[str]) -> set[str]:
    return {conflict.path for conflict in plan.conflicts}.intersection(paths)


def _other_branch(run: Run, folder: Path) -> str | None:
    """The branch that the source is on now, if the run began on a different one."""
    source = run.source
    if source is None or source.branch is None or Path(source.path).resolve() != folder:
        return None
    here = branch_of(folder)
    return None if here == source.branch else here


def _wanted(store: Store, change: ApplicableChange, folder: Path) -> dict[str, DesiredEntry]:
    """What the change wants in a folder that may have a part of it already."""
    trees = change.trees
    changed = trees.changed(change.base, change.tree)
    applied = applied_tree(store, change, folder)
    if applied is None:
        return desired_entries([changed])
    return desired_entries([trees.changed(applied, change.tree), changed])


def applied_tree(store: Store, change: ApplicableChange, folder: Path) -> str | None:
    """The state that a folder has of this run or of one that it continues; None if it has none.

    For a run in place, that is the state that it left. Paths that the folder did not get are as
    they were before.
    """
    trees, source = change.trees, change.run.source
    for each in store.read.ancestry(change.run):
        applications = store.read.applications(each.id)
        here = [
            application
            for application in applications
            if application.path == str(folder) and application.branch is None
        ]
        live = [application for application in here if application.is_live]
        origin = each.source
        in_place = origin is not None and origin.kind == "in_place"
        worked = in_place and not here and origin is not None and Path(origin.path) == folder
        tree = _state(store, each, live[-1] if live else None) if live or worked else None
        if tree is not None:
            left_out = frozenset(live[-1].left_out if live else ())
            return _without(change, as_in_source(trees, source, tree), left_out)
    return None


def _state(store: Store, run: Run, application: Application | None) -> str | None:
    """The state of a run that was applied: a part of it, or that after the run."""
    part = None if application is None else application.part
    return tree_after(store, run) if part is None else part


def _without(change: ApplicableChange, tree: str, left_out: frozenset[str]) -> str:
    """A state in which some paths are as they were before the change."""
    if not left_out:
        return tree
    pairs = change.trees.changed(change.base, change.whole or change.tree)
    entries = {path: pair.before for path, pair in pairs.items() if shown(path) in left_out}
    return change.trees.write(entries, onto=tree)
