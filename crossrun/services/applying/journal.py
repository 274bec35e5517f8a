"""Files of the user's changed as a whole: what was begun is finished or taken back.

An application is recorded with the states of its files before and after, and only then are files
changed. Where that fails, they go back to the state before. Where the process dies, the record
tells the next command in that folder what to do: a change that was half brought is taken back, and
one that was half taken back is taken back to its end.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from crossrun.errors import NotFoundError
from crossrun.model.runs import Application
from crossrun.services.applying.changes import Recovery, trees_of
from crossrun.services.applying.later_applications import LaterApplications
from crossrun.store import Store
from crossrun.workspace import Workspaces
from crossrun.workspace.files import probing
from crossrun.workspace.merge.decisions import MergePlan, desired_entries
from crossrun.workspace.merge.planner import MergePlanner
from crossrun.workspace.snapshots.recorder import EMPTY_TREE
from crossrun.workspace.snapshots.trees import Trees
from crossrun.workspace.target import metadata_backup
from crossrun.workspace.target.execution import execute, save_contents
from crossrun.workspace.target.file_writer import Note, TargetChangedError
from crossrun.workspace.target.folder import TargetFolder, WriteRefusedError


class UnsettledError(Exception):
    """Files could not be changed, nor go back to what they were: they are in between."""

    def __init__(self, application: Application, cause: Exception) -> None:
        super().__init__(str(cause))
        self.application = application
        self.cause = cause


def bring(
    store: Store,
    trees: Trees,
    top: int,
    application: Application,
    plan: MergePlan,
    *,
    lasting: Collection[str] = (),
) -> tuple[Note, ...]:
    """Carries out a plan that was recorded as an application: all of it, or nothing.

    Args:
        store: where it is recorded.
        trees: where the states are.
        top: the open folder.
        application: the record.
        plan: what is to be done.
        lasting: folders that stay though they become empty.

    Returns:
        What there is to say about files.

    Raises:
        TouchedError, RefusedError: nothing is changed.
        UnsettledError: something is, and cannot be taken back now.
    """
    before, after = _states(application)
    folder = TargetFolder(top, application.id, lasting=lasting)
    try:
        execute(plan, trees, folder)
    except BaseException as error:
        _settle_after(error, trees, top, application, start=after, goal=before)
        store.record_undone(application)
        raise
    store.record_finished(application)
    return folder.notes


def take_back(
    store: Store,
    trees: Trees,
    top: int,
    application: Application,
    plan: MergePlan,
    *,
    also: Sequence[Application] = (),
) -> tuple[Application, tuple[Note, ...]]:
    """Carries out a plan that takes an application back: all of it, or nothing.

    Args:
        store: where it is recorded.
        trees: where the states are.
        top: the open folder.
        application: what is taken back.
        plan: how.
        also: other applications, as they are after that.

    Returns:
        The application as it is then, and what there is to say about files.

    Raises:
        TouchedError, RefusedError: nothing is changed.
        UnsettledError: something is, and cannot be brought again now.
    """
    before, after = save_contents(plan, trees, TargetFolder(top, application.id))
    undoing = store.record_undoing(application, before=before, after=after)
    folder = _as_it_was(trees, top, application)
    try:
        execute(plan, trees, folder)
    except BaseException as error:
        _settle_after(error, trees, top, undoing, start=after, goal=before, again=True)
        store.record_not_undone(undoing)
        raise
    return store.record_undone(undoing, also=also), folder.notes


def recover(store: Store, workspaces: Workspaces, top: int, folder: Path) -> tuple[Recovery, ...]:
    """Brings what was cut short in a folder to an end; nobody else changes it meanwhile.

    Raises:
        UnsettledError: something cannot be changed now.
    """
    probing.sweep(top)
    applications = store.read.applications_in(str(folder))
    found = []
    for number, application in enumerate(applications):
        if not application.was_cut_short:
            continue
        later = applications[number + 1 :]
        if not application.finished_at and any(
            application.is_live and application.finished_at for application in later
        ):
            store.record_undone(application)  # an older crossrun completed it as another one
            continue
        with suppress(NotFoundError):
            found.append(_recovered(store, workspaces, top, application))
    return tuple(found)


def _recovered(
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
            plan = _settled(trees, top, application, start=start, goal=goal)
        except (TargetChangedError, WriteRefusedError, OSError) as error:
            raise UnsettledError(application, error) from error
        also = LaterApplications(store, workspaces, application, trees).without_it
        return Recovery(store.record_undone(application, also=also), plan)


def _settle_after(
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
        _settled(trees, top, application, start=start, goal=goal, again=again)
    except (TargetChangedError, WriteRefusedError, OSError) as second:
        raise UnsettledError(application, second) from error


def _settled(
    trees: Trees,
    top: int,
    application: Application,
    *,
    start: str,
    goal: str,
    again: bool = False,
) -> MergePlan:
    """Brings files to a state, wherever between the two states they are.

    `again`: that of the application, which is not taken back after all.
    """
    wanted = desired_entries([trees.changed(start, goal)])
    folder = _as_it_was(trees, top, application, again=again)
    for path in wanted:
        folder.sweep(path)
    plan = MergePlanner(trees, folder).plan(wanted, tree=goal)
    execute(plan, trees, folder)
    for path, desired in wanted.items():
        if desired.wanted is None:
            folder.prune(path)
    if not again:
        folder.settle_above(wanted)
    return plan


def _as_it_was(
    trees: Trees, top: int, application: Application, *, again: bool = False
) -> TargetFolder:
    """The folder, which knows what the files and folders were before an application."""
    kept = metadata_backup.load(trees.git_dir, application.id)
    return TargetFolder(top, application.id, metadata=kept, lasting=() if again else kept)


def _states(application: Application) -> tuple[str, str]:
    return application.before or EMPTY_TREE, application.after or EMPTY_TREE
