"""What a run's change is, and which folder it goes to."""

from pathlib import Path
from typing import NamedTuple

from crossrun.errors import NotFoundError, StillRunningError, UsageError
from crossrun.events import RunStarted, WorkspaceChanged, WorkspacePrepared
from crossrun.model.runs import Application, AppliedRef, Run
from crossrun.store import Store
from crossrun.system.clock import now
from crossrun.workspace.copying.links import as_in_source, without_links_into
from crossrun.workspace.files.filenames import require_utf8
from crossrun.workspace.merge.decisions import MergePlan
from crossrun.workspace.snapshots.tree_builder import EMPTY_TREE
from crossrun.workspace.snapshots.trees import Trees
from crossrun.workspace.workspaces import Workspaces


class ApplicableChange(NamedTuple):
    """What a run and those that it continues changed: the difference between two trees.

    If only a part of it is to be applied, `whole` is the state with all of it.
    """

    run: Run
    base: str
    tree: str
    trees: Trees
    workspaces: Workspaces
    whole: str | None = None

    @property
    def patch(self) -> bytes:
        """The change as a git patch."""
        return self.trees.patch(self.base, self.tree)

    @property
    def part(self) -> str | None:
        """The state that is to be applied, unless it is that after the run."""
        return None if self.whole in (None, self.tree) else self.tree

    @property
    def left(self) -> int:
        """How many changed paths are not a part of it, or not as a whole."""
        return len(self.trees.changed(self.tree, self.whole)) if self.whole else 0


class Recovery(NamedTuple):
    """What was done about an interrupted application or undo.

    The conflicts of the plan are files that the user has changed since: they are left alone.
    """

    application: Application
    plan: MergePlan


class ApplyResult(NamedTuple):
    """What was done, or would be. Without `application`, nothing was changed.

    - `ignored_left` counts the ignored files of the run that the folder does not have.
    - `recovered`: interrupted work that was finished first.
    - `undo_first`: applications that build on the one to undo, the newest first.
    - `other_branch`: the branch of the folder, if the run began on a different one.
    - `refs`: branches and tags that were made, or would be, for commits of the run.
    - `left` counts the changed files that were not chosen, or only in part.
    - `notes`: remarks on files, each with its path.
    - `pushed_to` is the remote that got the branch, `pull_request` the address of one for it.
    - `restored`: what an undo restored in the repository of the folder.
    """

    folder: Path
    plan: MergePlan
    application: Application | None = None
    branch: str | None = None
    ignored_left: int = 0
    left: int = 0
    recovered: tuple[Recovery, ...] = ()
    undo_first: tuple[Application, ...] = ()
    other_branch: str | None = None
    refs: tuple[AppliedRef, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    restored: tuple[str, ...] = ()
    pushed_to: str | None = None
    pull_request: str | None = None

    @property
    def has_conflicts(self) -> bool:
        """Whether something could not be done, or only by writing both versions."""
        return bool(self.plan.conflicts or self.undo_first)


def change_of(
    store: Store, run: Run, workspaces: Workspaces, *, trees: Trees | None = None
) -> ApplicableChange:
    """The change of a run that can be applied.

    Args:
        store: where the run is recorded.
        run: a run that has ended.
        workspaces: where its states are.
        trees: its states, if what is made of them is to go elsewhere.

    Raises:
        CrossrunError: STILL_RUNNING, DIFF_MISSING, SNAPSHOTS_GONE.
    """
    require_end(run)
    tree = tree_after(store, run)
    if tree is None:
        raise NotFoundError(
            "DIFF_MISSING",
            f"the change of run {run.id} was never recorded: it is {run.status}",
            hint=_how_to_measure(run),
        )
    base = _empty_base(store, run) if run.source is None else run.source.base
    trees = trees or trees_of(run, workspaces)
    trees.require(base, tree)
    base, tree = (as_in_source(trees, run.source, each) for each in (base, tree))
    workspace = Path(run.workspace)
    if workspaces.is_own(workspace):
        tree = without_links_into(trees, workspace, base, tree)
    return ApplicableChange(run, base, tree, trees, workspaces)


def _empty_base(store: Store, run: Run) -> str:
    """What the change of a run without a source is measured from: the inputs are not a change."""
    first = store.read.lineage(run)[0]
    started = store.read.first_event(first.id, RunStarted)
    if started is None or not started.request.begin_with.inputs:
        return EMPTY_TREE
    prepared = store.read.first_event(first.id, WorkspacePrepared)
    return EMPTY_TREE if prepared is None else prepared.baseline


def _how_to_measure(run: Run) -> str:
    """What is left of a run that was interrupted."""
    if not Path(run.workspace).is_dir():
        return f"its workspace {run.workspace} is gone"
    return f"continue it, and apply that: crossrun resume {run.id}; its files: {run.workspace}"


def require_end(run: Run) -> None:
    """Makes sure that a run has ended. Raises StillRunningError, STILL_RUNNING."""
    if not run.ended:
        raise StillRunningError(
            "STILL_RUNNING",
            f"run {run.id} is {run.status}; its change is recorded when it ends",
            hint=f"wait for it: crossrun wait {run.id}",
        )


def target_of(run: Run, to: Path | None) -> Path:
    """The folder that a change is applied to.

    Raises:
        CrossrunError: SOURCE_NONE, TARGET_GONE, PATH_NOT_UTF8.
    """
    if to is None and (run.source is None or run.source.kind == "url"):
        began = "empty" if run.source is None else f"as a clone of {run.source.path}"
        raise UsageError(
            "SOURCE_NONE",
            f"the workspace of {run.id} began {began}: there is no folder to apply its change to",
            hint=f"name one: crossrun apply {run.id} --to DIR",
        )
    folder = to if to is not None else Path(run.source.path if run.source else "")
    if not folder.is_dir():
        raise NotFoundError(
            "TARGET_GONE",
            f"there is no folder {folder}",
            hint=f"make it first, or name another one: crossrun apply {run.id} --to DIR",
        )
    folder = folder.resolve()
    require_utf8(folder)
    return folder


def trees_of(run: Run, workspaces: Workspaces) -> Trees:
    """The recorded states of a run's workspace."""
    return Trees(workspaces.snapshots(Path(run.workspace)))


def tree_after(store: Store, run: Run) -> str | None:
    """The state after a run."""
    event = change_event(store, run)
    return None if event is None else event.tree


def change_event(store: Store, run: Run) -> WorkspaceChanged | None:
    """What was measured when a run ended."""
    return store.read.last_event(run.id, WorkspaceChanged)


def lasting_folders(store: Store, run: Run) -> frozenset[str]:
    """The folders that a run, or one that it continues, emptied but did not remove."""
    emptied = {
        folder
        for each in store.read.ancestry(run)
        for event in store.read.events_of(each.id, WorkspaceChanged)
        for folder in event.kept_folders
    }
    workspace = Path(run.workspace)
    if not workspace.is_dir():
        return frozenset(emptied)
    return frozenset(folder for folder in emptied if (workspace / folder).is_dir())


def application_of(run: Run, folder: Path, *, files: int, before: str, after: str) -> Application:
    """The record of an application; the store gives it its id."""
    return Application(
        id="",
        run_id=run.id,
        at=now(),
        path=str(folder),
        files=files,
        before=before,
        after=after,
    )
