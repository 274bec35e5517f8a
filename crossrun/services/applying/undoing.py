"""What was brought, taken back: also under what was brought later to the same files."""

from pathlib import Path

from msgspec.structs import replace

from crossrun.errors import NotFoundError
from crossrun.model.runs import Application, Run
from crossrun.services.applying.branches import undo_branch
from crossrun.services.applying.changes import (
    Change,
    Outcome,
    application_of,
    change_of,
    measured,
    target_of,
    trees_of,
)
from crossrun.services.applying.commits import undo_commits
from crossrun.services.applying.journal import recover, take_back
from crossrun.services.applying.later import Later
from crossrun.services.applying.turns import turn, usable
from crossrun.store import Store
from crossrun.workspace import Workspaces
from crossrun.workspace.files.dirfd import opened
from crossrun.workspace.merge import git_state, past
from crossrun.workspace.merge.branches import branches_of
from crossrun.workspace.merge.decisions import Plan, wishes
from crossrun.workspace.merge.git_state import Restoration
from crossrun.workspace.merge.plan import Planner
from crossrun.workspace.merge.preflight import require_possible
from crossrun.workspace.merge.target import TargetFolder
from crossrun.workspace.snapshots.recorder import EMPTY_TREE


def undo(store: Store, run: Run, workspaces: Workspaces) -> Outcome:
    """Takes the newest application of a run back; the work in place of a run that was in place.

    Raises:
        CrossrunError: NOT_APPLIED, TARGET_GONE, SNAPSHOTS_GONE, TARGET_BUSY, TARGET_UNUSABLE,
            TARGET_CHANGED, TARGET_UNSETTLED, STILL_RUNNING.
    """
    live = [one for one in store.read.applications(run.id) if one.undone_at is None]
    if not live and run.source is not None and run.source.kind == "in_place":
        return _undo_in_place(store, change_of(store, run, workspaces))
    if not live:
        raise NotFoundError(
            "NOT_APPLIED",
            f"the change of run {run.id} was not brought anywhere, or was taken back already",
            hint=f"crossrun show {run.id}  tells where it was brought",
        )
    application = live[-1]
    folder, trees = target_of(run, Path(application.path)), trees_of(run, workspaces)
    if application.refs:
        with turn(store, run, workspaces, folder):
            return undo_commits(store, folder, application)
    if application.branch is not None:
        with turn(store, run, workspaces, folder):
            return undo_branch(store, branches_of(folder), folder, application)
    trees.require(application.before or EMPTY_TREE, application.after or EMPTY_TREE)
    with turn(store, run, workspaces, folder), usable(folder), opened(folder) as top:
        recovered = recover(store, workspaces, top, folder)
        for each in recovered:
            if each.application.id == application.id:
                plan = each.plan._replace(clashes=())
                return Outcome(folder, plan, each.application, recovered=recovered)
        return _taken_back(store, workspaces, top, application)._replace(recovered=recovered)


def _undo_in_place(store: Store, change: Change) -> Outcome:
    """Brings the folder that a run worked in back to what it was."""
    run = change.run
    folder = target_of(run, None)
    with turn(store, run, change.workspaces, folder), usable(folder), opened(folder) as top:
        recovered = recover(store, change.workspaces, top, folder)
        restoration = _restoration(store, change, folder)
        clashes = [] if restoration is None else restoration.clashes()
        if clashes:
            return Outcome(folder, Plan(clashes=tuple(clashes)), recovered=recovered)
        before, after = _with_kept_ignored(store, change)
        worked = application_of(run, folder, files=0, before=before, after=after)
        worked = replace(worked, at=run.ended_at or worked.at, finished_at=worked.at)
        outcome = _taken_back(store, change.workspaces, top, worked)
        restored = () if restoration is None or outcome.conflicts else restoration.restore()
        return outcome._replace(recovered=recovered, restored=restored)


def _restoration(store: Store, change: Change, folder: Path) -> Restoration | None:
    """What it takes to restore the repository; None: nothing of it was kept."""
    source, event = change.run.source, measured(store, change.run)
    snapshots = change.workspaces.snapshots(folder)
    before = git_state.read(snapshots, source.git_state if source else None)
    after = git_state.read(snapshots, event.git_state if event else None)
    repository = change.workspaces.repository_around(folder)
    if before is None or after is None or repository is None:
        return None
    return Restoration(repository, snapshots, before, after)


def _with_kept_ignored(store: Store, change: Change) -> tuple[str, str]:
    """The states before and after a run in place, with the ignored files that were kept."""
    source, event, trees = change.run.source, measured(store, change.run), change.trees
    before = None if source is None else source.kept_ignored
    after = None if event is None or event.ignored is None else event.ignored.kept
    if before is None or after is None:
        return change.base, change.tree
    changed = trees.changed(before, after)
    return (
        trees.write({path: pair.before for path, pair in changed.items()}, onto=change.base),
        trees.write({path: pair.after for path, pair in changed.items()}, onto=change.tree),
    )


def _taken_back(
    store: Store, workspaces: Workspaces, top: int, application: Application
) -> Outcome:
    """Takes an application back; one without an id is of a run in place and recorded now."""
    folder = Path(application.path)
    run = store.read.run(application.run_id)
    trees, source = trees_of(run, workspaces), run.source
    before, after = application.before or EMPTY_TREE, application.after or EMPTY_TREE
    wanted = wishes([trees.changed(after, before)])
    plan = Planner(trees, TargetFolder(top, application.id)).plan(wanted, tree=before)
    later = Later(store, workspaces, application, trees)
    if plan.clashes or later.building_on_it:
        undo_first = later.building_on_it or later.at(clash.path for clash in plan.clashes)
        return Outcome(folder, plan, undo_first=undo_first)
    if not plan.steps and not application.id:
        return Outcome(folder, plan)
    require_possible(plan, trees, top)
    if not application.id:
        new_id = store.new_application_id()
        was = past.kept(trees.git_dir, past.in_place(source.base if source else ""))
        past.keep(was, trees.git_dir, new_id)
        application = replace(application, id=new_id, files=len(plan.steps))
        store.record_application(application)
    taken_back, notes = take_back(store, trees, top, application, plan, also=later.without_it)
    return Outcome(folder, plan, taken_back, notes=notes)
