"""Changes of runs, brought to the user's files and taken back again.

What is going to be done is recorded before the first file is changed, with all that it takes to
undo it, so that a process that dies in the middle leaves nothing that cannot be taken back.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from crossrun.clock import now
from crossrun.errors import (
    ConfigurationError,
    CrossrunError,
    NotFoundError,
    StillRunningError,
    UsageError,
)
from crossrun.events import WorkspaceChanged, decode
from crossrun.runs import Application, Run
from crossrun.store import Store
from crossrun.workspace import Workspaces
from crossrun.workspace.branches import Repository
from crossrun.workspace.bringing import Planner, carry_out, keep_contents
from crossrun.workspace.descriptors import opened, shown
from crossrun.workspace.git import EMPTY_TREE
from crossrun.workspace.merging import Clash, Plan, Wish, wishes
from crossrun.workspace.target_folder import TargetFolder, TouchedError
from crossrun.workspace.trees import Trees

_SUBJECT = 72
"""Characters of the first line of a commit message."""


class Change(NamedTuple):
    """What a run changed, with the runs that it goes on from: from one recorded tree to another."""

    run: Run
    base: str
    tree: str
    trees: Trees
    workspaces: Workspaces

    @property
    def patch(self) -> bytes:
        """The change in git's format, whole."""
        return self.trees.patch(self.base, self.tree)


class Outcome(NamedTuple):
    """What was done, or would be. Without `application`, nothing was changed."""

    folder: Path
    plan: Plan
    application: Application | None = None
    branch: str | None = None


def change_of(store: Store, run: Run, workspaces: Workspaces) -> Change:
    """What there is to bring.

    Raises:
        CrossrunError: STILL_RUNNING, DIFF_MISSING, SNAPSHOTS_GONE.
    """
    if not run.status.ended:
        raise StillRunningError(
            "STILL_RUNNING",
            f"the run {run.id} is {run.status}, its change is not measured yet",
            hint=f"wait for it: crossrun wait {run.id}",
        )
    tree = _tree_after(store, run)
    if tree is None:
        raise NotFoundError(
            "DIFF_MISSING",
            f"the change of run {run.id} was never measured: it is {run.status}",
            hint=f"its files are in {run.workspace}",
        )
    base = EMPTY_TREE if run.source is None else run.source.base
    trees = _trees(run, workspaces)
    trees.require(base, tree)
    return Change(run, base, tree, trees, workspaces)


def target_of(run: Run, to: Path | None) -> Path:
    """The folder that a change goes back to.

    Raises:
        CrossrunError: SOURCE_NONE, TARGET_GONE.
    """
    if to is None and (run.source is None or run.source.kind == "url"):
        began = "empty" if run.source is None else f"as a clone of {run.source.path}"
        raise UsageError(
            "SOURCE_NONE",
            f"the workspace of {run.id} began {began}: there is no folder to bring its change to",
            hint=f"name one: crossrun apply {run.id} --to DIR",
        )
    folder = to if to is not None else Path(run.source.path if run.source else "")
    if not folder.is_dir():
        raise NotFoundError(
            "TARGET_GONE",
            f"there is no folder {folder}",
            hint=f"name another one: crossrun apply {run.id} --to DIR",
        )
    return folder.resolve()


def apply_to_files(
    store: Store, change: Change, folder: Path, *, marking: bool = False, dry_run: bool = False
) -> Outcome:
    """Brings a change to the files of a folder, all of it or nothing.

    Args:
        store: where it is recorded.
        change: the change.
        folder: whose files get it.
        marking: whether conflicts are put into the files, instead of changing nothing.
        dry_run: whether it is only found out what would be done.

    Raises:
        CrossrunError: TARGET_BUSY, WORKSPACE_BUSY, TARGET_UNUSABLE, TARGET_CHANGED; in the end
            nothing is changed.
    """
    with (
        _turn(store, change.run, change.workspaces, folder),
        _usable(folder),
        opened(folder) as top,
    ):
        looking = TargetFolder(top, "")
        planner = Planner(change.trees, looking, change.run.id if marking else None)
        plan = planner.plan(_wanted(store, change, folder))
        if dry_run or not plan.steps or (plan.clashes and not marking):
            return Outcome(folder, plan)
        before, after = keep_contents(plan, change.trees, looking)
        application = store.record_application(
            _application(change.run, folder, files=len(plan.steps), before=before, after=after)
        )
        _sweep_after_earlier(store, top, change.run, plan)
        _all_or_nothing(store, change.trees, top, application, plan)
        store.record_finished(application)
        return Outcome(folder, plan, application)


def apply_as_branch(
    store: Store,
    change: Change,
    folder: Path,
    name: str,
    environ: Mapping[str, str],
    *,
    dry_run: bool = False,
) -> Outcome:
    """Makes a branch with one commit: the change alone, on the commit that the run began with.

    Raises:
        CrossrunError: BRANCH_INVALID, BRANCH_TAKEN, BRANCH_IMPOSSIBLE, TARGET_BUSY.
    """
    run, trees = change.run, change.trees
    with _turn(store, change.run, change.workspaces, folder):
        repository = Repository(folder, trees)
        repository.require_name(name)
        parent = run.source.commit if run.source else None
        state = repository.state(parent)
        plan = Planner(trees, state).plan(wishes([trees.changed(change.base, change.tree)]))
        if dry_run or not plan.steps or plan.clashes or parent is None:
            return Outcome(folder, plan, branch=name)
        keep_contents(plan, trees, state)
        entries = {step.path: step.after for step in plan.steps}
        commit = repository.commit(parent, entries, _message(run), environ)
        repository.bring_over(parent, commit)
        made = _application(run, folder, files=len(plan.steps), before=parent, after=commit)
        application = store.record_application(replace(made, branch=name))
        try:
            repository.branches.create(name, commit)
        except CrossrunError:
            store.record_undone(application)
            raise
        store.record_finished(application)
        return Outcome(folder, plan, application, branch=name)


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
    folder, trees = target_of(run, Path(application.path)), _trees(run, workspaces)
    if application.branch is not None:
        with _turn(store, run, workspaces, folder):
            return _undo_branch(store, Repository(folder, trees), folder, application)
    trees.require(application.before or EMPTY_TREE, application.after or EMPTY_TREE)
    with _turn(store, run, workspaces, folder), _usable(folder), opened(folder) as top:
        plan = _take_back(trees, top, application)
        if plan.clashes:
            return Outcome(folder, plan)
        store.record_undone(application)
        return Outcome(folder, plan, application)


def _undo_in_place(store: Store, change: Change) -> Outcome:
    """Brings the folder that a run worked in back to what it was."""
    run, trees = change.run, change.trees
    folder = target_of(run, None)
    with (
        _turn(store, change.run, change.workspaces, folder),
        _usable(folder),
        opened(folder) as top,
    ):
        target = TargetFolder(top, run.id)
        plan = Planner(trees, target).plan(wishes([trees.changed(change.tree, change.base)]))
        if plan.clashes or not plan.steps:
            return Outcome(folder, plan)
        carry_out(plan, trees, target)
        worked = _application(
            run, folder, files=len(plan.steps), before=change.base, after=change.tree
        )
        application = store.record_application(replace(worked, undone_at=worked.at))
        return Outcome(folder, plan, application)


def _undo_branch(
    store: Store, repository: Repository, folder: Path, application: Application
) -> Outcome:
    """Removes a branch that nobody has gone on with; one that is gone already is fine."""
    name, commit = application.branch or "", application.after or ""
    at = repository.branches.points_to(name)
    if at is not None and repository.branches.is_checked_out(name):
        clash = Clash(name, "this branch is checked out")
        return Outcome(folder, Plan(clashes=(clash,)), branch=name)
    if at is not None and not repository.branches.delete(name, commit):
        clash = Clash(name, "this branch is at another commit by now")
        return Outcome(folder, Plan(clashes=(clash,)), branch=name)
    store.record_undone(application)
    return Outcome(folder, Plan(), application, branch=name)


def _all_or_nothing(
    store: Store, trees: Trees, top: int, application: Application, plan: Plan
) -> None:
    try:
        carry_out(plan, trees, TargetFolder(top, application.id))
    except BaseException as error:
        touched = error.path if isinstance(error, TouchedError) else None
        if not _take_back(trees, top, application, besides=touched).clashes:
            store.record_undone(application)
        raise


def _sweep_after_earlier(store: Store, top: int, run: Run, plan: Plan) -> None:
    """Removes what applications of the run that were killed left unfinished."""
    for earlier in store.read.applications(run.id):
        folder = TargetFolder(top, earlier.id)
        for step in plan.steps:
            folder.sweep(step.path)


def _take_back(
    trees: Trees, top: int, application: Application, *, besides: str | None = None
) -> Plan:
    """Brings files back to what they were, unless one of them was changed since.

    An application that was cut short is taken back as far as it came.
    """
    before, after = application.before or EMPTY_TREE, application.after or EMPTY_TREE
    wanted = wishes([trees.changed(after, before)])
    folder = TargetFolder(top, application.id)
    for path in wanted:
        folder.sweep(path)
    plan = Planner(trees, folder).plan({p: wish for p, wish in wanted.items() if p != besides})
    if not plan.clashes:
        carry_out(plan, trees, folder)
    return plan


def _wanted(store: Store, change: Change, folder: Path) -> dict[str, Wish]:
    """What the change wants of the files of a folder that may have a part of it already."""
    bases = [*_applied(store, change.run, folder), change.base]
    return wishes([change.trees.changed(base, change.tree) for base in bases])


def _applied(store: Store, run: Run, folder: Path) -> list[str]:
    """The state that was brought to a folder last, by this run or one that it comes from."""
    for each in store.read.ancestry(run):
        for application in store.read.applications(each.id):
            live = application.undone_at is None and application.branch is None
            tree = _tree_after(store, each)
            if live and tree is not None and application.path == str(folder):
                return [tree]
    return []


def _trees(run: Run, workspaces: Workspaces) -> Trees:
    return Trees(workspaces.snapshots(Path(run.workspace)))


def _tree_after(store: Store, run: Run) -> str | None:
    """The state that a run left."""
    tree = None
    for stored in store.read.events(run.id, types=["workspace_changed"]):
        event = decode(stored.body)
        if isinstance(event, WorkspaceChanged):
            tree = event.tree
    return tree


def _application(run: Run, folder: Path, *, files: int, before: str, after: str) -> Application:
    """What is recorded; the store gives it its id."""
    return Application(
        id="",
        run_id=run.id,
        at=now(),
        path=str(folder),
        files=files,
        before=before,
        after=after,
    )


def _message(run: Run) -> str:
    """The message of a commit: what was asked for, and by which run it was done."""
    words = " ".join(run.task.split())
    subject = words if len(words) <= _SUBJECT else f"{words[: _SUBJECT - 1]}…"
    return f"{subject or run.id}\n\nMade by crossrun run {run.id}.\n"


@contextmanager
def _turn(store: Store, run: Run, workspaces: Workspaces, folder: Path) -> Iterator[None]:
    """Nobody else changes the folder meanwhile by crossrun, or removes what the run left.

    Raises:
        StillRunningError: TARGET_BUSY, WORKSPACE_BUSY, TAKEN_UP.
    """
    workspaces.require_free(folder)
    newest = store.read.newest_in(run.workspace) or run
    with store.sharing(newest.id) as kept, store.changing(folder) as ours:
        if not kept and newest.status.ended:
            raise StillRunningError(
                "TAKEN_UP",
                f"another command is at work with the run {newest.id} just now",
                hint="see it: crossrun runs",
                retryable=True,
            )
        if not ours:
            raise StillRunningError(
                "TARGET_BUSY",
                f"another crossrun command changes {folder} just now",
                hint="run the command again when that one is done",
                retryable=True,
            )
        yield


@contextmanager
def _usable(folder: Path) -> Iterator[None]:
    """Tells what keeps files from being read or written."""
    try:
        yield
    except TouchedError as error:
        raise ConfigurationError(
            "TARGET_CHANGED",
            f"{shown(error.path)} was changed in {folder} while crossrun was at work there",
            hint="run the command again; crossrun show tells whether something was brought there",
            retryable=True,
        ) from error
    except OSError as error:
        raise ConfigurationError(
            "TARGET_UNUSABLE",
            f"{folder} cannot be read or written: {error.strerror}",
            hint="check its permissions and the disk's free space, and run the command again",
        ) from error
