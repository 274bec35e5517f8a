"""What was brought, taken back."""

from pathlib import Path

from msgspec.structs import replace

from crossrun.applying.branches import undo_branch
from crossrun.applying.changes import (
    Change,
    Outcome,
    application_of,
    change_of,
    target_of,
    trees_of,
)
from crossrun.applying.files import take_back
from crossrun.applying.turns import turn, usable
from crossrun.errors import NotFoundError
from crossrun.runs import Run
from crossrun.store import Store
from crossrun.workspace import Workspaces
from crossrun.workspace.branches import branches_of
from crossrun.workspace.bringing import Planner, carry_out
from crossrun.workspace.descriptors import opened
from crossrun.workspace.git import EMPTY_TREE
from crossrun.workspace.merging import wishes
from crossrun.workspace.target_folder import TargetFolder


def undo(store: Store, run: Run, workspaces: Workspaces) -> Outcome:
    """Takes the newest application of a run back; the work in place of a run that was in place.

    Raises:
        CrossrunError: NOT_APPLIED, TARGET_GONE, SNAPSHOTS_GONE, TARGET_BUSY, TARGET_UNUSABLE,
            TARGET_CHANGED, STILL_RUNNING.
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
    if application.branch is not None:
        with turn(store, run, workspaces, folder):
            return undo_branch(store, branches_of(folder), folder, application)
    trees.require(application.before or EMPTY_TREE, application.after or EMPTY_TREE)
    with turn(store, run, workspaces, folder), usable(folder), opened(folder) as top:
        plan = take_back(trees, top, application)
        if plan.clashes:
            return Outcome(folder, plan)
        store.record_undone(application)
        return Outcome(folder, plan, application)


def _undo_in_place(store: Store, change: Change) -> Outcome:
    """Brings the folder that a run worked in back to what it was."""
    run, trees = change.run, change.trees
    folder = target_of(run, None)
    with (
        turn(store, change.run, change.workspaces, folder),
        usable(folder),
        opened(folder) as top,
    ):
        target = TargetFolder(top, run.id)
        plan = Planner(trees, target).plan(
            wishes([trees.changed(change.tree, change.base)]), tree=change.base
        )
        if plan.clashes or not plan.steps:
            return Outcome(folder, plan)
        carry_out(plan, trees, target)
        worked = application_of(
            run, folder, files=len(plan.steps), before=change.base, after=change.tree
        )
        application = store.record_application(replace(worked, undone_at=worked.at))
        return Outcome(folder, plan, application)
