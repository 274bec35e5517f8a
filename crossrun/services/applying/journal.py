"""Makes applications and undos atomic: what was begun is finished or rolled back.

An application is recorded with the states of its files before and after, and only then are files
changed. If that fails, they are rolled back to the state before. If the process dies, the next
command in that folder reads the record: it rolls back an application, and finishes an undo.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from crossrun.errors import NotFoundError
from crossrun.model.runs import Application
from crossrun.services.applying.changes import Recovery, trees_of
from crossrun.services.applying.later_applications import LaterApplications
from crossrun.store import Store
from crossrun.workspace.files import probing
from crossrun.workspace.merge.decisions import MergePlan, desired_entries
from crossrun.workspace.merge.planner import MergePlanner
from crossrun.workspace.snapshots.tree_builder import EMPTY_TREE
from crossrun.workspace.snapshots.trees import Trees
from crossrun.workspace.target import metadata_backup
from crossrun.workspace.target.execution import execute, save_contents
from crossrun.workspace.target.file_writer import Note, TargetChangedError
from crossrun.workspace.target.folder import TargetFolder, WriteRefusedError
from crossrun.workspace.workspaces import Workspaces


class UnsettledError(Exception):
    """Files could neither be changed nor rolled back: they are in between."""

    def __init__(self, application: Application, cause: Exception) -> None:
        super().__init__(str(cause))
        self.application = application
        self.cause = cause


def carry_out(
    store: Store,
    trees: Trees,
    top: int,
    application: Application,
    plan: MergePlan,
    *,
    lasting: Collection[str] = (),
) -> tuple[Note, ...]:
    """Carries out the plan of a recorded application, all of it or nothing.

    Args:
        store: where it is recorded.
        trees: where the states are.
        top: the open folder.
        application: the record.
        plan: what to do.
        lasting: folders to keep even if they become empty.

    Returns:
        Remarks on files.

    Raises:
        TargetChangedError, WriteRefusedError: nothing was changed.
        UnsettledError: something was changed, and cannot be rolled back now.
    """
    before, after = _states(application)
    folder = TargetFolder(top, application.id, lasting=lasting)
    try:
        execute(plan, trees, folder)
    except BaseException as error:
        _restore_after(error, trees, top, application, start=after, goal=before)
        store.applications.finish_undo(application)
        raise
    store.applications.finish(application)
    return folder.notes


def carry_out_undo(
    store: Store,
    trees: Trees,
    top: int,
    application: Application,
    plan: MergePlan,
    *,
    also: Sequence[Application] = (),
) -> tuple[Application, tuple[Note, ...]]:
    """Carries out the plan that undoes an application, all of it or nothing.

    Args:
        store: where it is recorded.
        trees: where the states are.
        top: the open folder.
        application: the application to undo.
        plan: how to undo it.
        also: later applications with their new states.

    Returns:
        The updated application, and remarks on files.

    Raises:
        TargetChangedError, WriteRefusedError: nothing was changed.
        UnsettledError: something was changed, and cannot be rolled back now.
    """
    before, after = save_contents(plan, trees, TargetFolder(top, application.id))
    undoing = store.applications.begin_undo(application, before=before, after=after)
    folder = _target_folder(trees, top, application)
    try:
        execute(plan, trees, folder)
    except BaseException as error:
        _restore_after(error, trees, top, undoing, start=after, goal=before, again=True)
        store.applications.abandon_undo(undoing)
        raise
    return store.applications.finish_undo(undoing, also=also), folder.notes


def recover(store: Store, workspaces: Workspaces, top: int, folder: Path) -> tuple[Recovery, ...]:
    """Finishes interrupted work in a locked folder.

    Raises:
        UnsettledError: something cannot be changed now.
    """
    probing.sweep(top)
    applications = store.read.applications_in(str(folder))
    recoveries = []
    for number, application in enumerate(applications):
        if not application.was_cut_short:
            continue
        later = applications[number + 1 :]
        if not application.finished_at and any(each.is_live and each.finished_at for each in later):
            store.applications.finish_undo(
                application
            )  # an older crossrun completed it as another one
            continue
        with suppress(NotFoundError):
            recoveries.append(_recover_one(store, workspaces, top, application))
    return tuple(recoveries)


def _recover_one(
    store: Store, workspaces: Workspaces, top: int, application: Application
) -> Recovery:
    before, after = _states(application)
    start, goal = application.undo_before or after, application.undo_after or before
    run = store.read.run(application.run_id)
    trees = trees_of(run, workspaces)
    trees.require(start, goal)
    newest = store.read.newest_in(run.workspace) or run
    with store.sharing(newest.id):
        try:
            plan = _move_to_state(trees, top, application, start=start, goal=goal)
        except (TargetChangedError, WriteRefusedError, OSError) as error:
            raise UnsettledError(application, error) from error
        also = LaterApplications(store, workspaces, application, trees).rebased
        return Recovery(store.applications.finish_undo(application, also=also), plan)


def _restore_after(
    error: BaseException,
    trees: Trees,
    top: int,
    application: Application,
    *,
    start: str,
    goal: str,
    again: bool = False,
) -> None:
    try:
        _move_to_state(trees, top, application, start=start, goal=goal, again=again)
    except (TargetChangedError, WriteRefusedError, OSError) as second:
        raise UnsettledError(application, second) from error


def _move_to_state(
    trees: Trees,
    top: int,
    application: Application,
    *,
    start: str,
    goal: str,
    again: bool = False,
) -> MergePlan:
    """Moves files to a state from anywhere between two states.

    `again` is for an undo that failed: the files go back to the state of the application.
    """
    wanted = desired_entries([trees.changed(start, goal)])
    folder = _target_folder(trees, top, application, again=again)
    for path in wanted:
        folder.sweep(path)
    plan = MergePlanner(trees, folder).plan(wanted, tree=goal)
    execute(plan, trees, folder)
    for path, desired in wanted.items():
        if desired.entry is None:
            folder.prune(path)
    if not again:
        folder.restore_folders_above(wanted)
    return plan


def _target_folder(
    trees: Trees, top: int, application: Application, *, again: bool = False
) -> TargetFolder:
    """The folder, with the metadata that files and folders had before an application."""
    metadata = metadata_backup.load(trees.git_dir, application.id)
    return TargetFolder(top, application.id, metadata=metadata, lasting=() if again else metadata)


def _states(application: Application) -> tuple[str, str]:
    return application.before or EMPTY_TREE, application.after or EMPTY_TREE
