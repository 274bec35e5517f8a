"""Applies commits, branches, tags and stashes of a run's workspace to the user's repository."""

from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from crossrun.errors import CrossrunError, NotFoundError
from crossrun.events import WorkspaceChanged, WorkspacePrepared
from crossrun.model.runs import Application, AppliedRef, Run
from crossrun.services.applying.changes import ApplyResult, application_of, require_end
from crossrun.services.applying.locking import locked_target
from crossrun.store import Store
from crossrun.workspace.git.folders import GitFolders
from crossrun.workspace.git.refs import Refs, decoded, in_order, refs_of
from crossrun.workspace.merge.decisions import Conflict, MergePlan
from crossrun.workspace.snapshots.history import changed_refs
from crossrun.workspace.user_repository.branches import opened_repository, require_branch_name
from crossrun.workspace.user_repository.commit_transfer import (
    CommitTransfer,
    references_for,
    target_refs,
)
from crossrun.workspace.workspaces import Workspaces


class Commits(NamedTuple):
    """The references that a run and those that it continues created or moved.

    `head` is the reference that was checked out at the end.
    """

    run: Run
    repository: GitFolders
    refs: Refs
    head: str
    workspaces: Workspaces


def commits_of(store: Store, run: Run, workspaces: Workspaces) -> Commits:
    """The commits of a run that can be applied.

    Raises:
        CrossrunError: STILL_RUNNING, WORKSPACE_GONE.
    """
    require_end(run)
    workspace = Path(run.workspace)
    repository = workspaces.repository(workspace)
    if repository is None:
        if workspace.is_dir():
            raise NotFoundError(
                "COMMITS_NONE",
                f"there is no git repository in the workspace of run {run.id}",
                hint=f"apply the files instead: crossrun apply {run.id}",
            )
        raise NotFoundError(
            "WORKSPACE_GONE",
            f"the workspace {workspace} is gone, and the commits with it",
            hint=f"the files may be recorded: crossrun apply {run.id}",
        )
    before, after = _refs_before(store, run, workspaces), _refs_after(store, run, workspaces)
    refs = changed_refs(before, refs_of(repository) if after is None else after)
    head = "HEAD" if "HEAD" in refs or run.branch is None else f"refs/heads/{run.branch}"
    return Commits(
        run, repository, {name: refs[name] for name in in_order(refs, head)}, head, workspaces
    )


def apply_commits(
    store: Store, commits: Commits, folder: Path, prefix: str | None, *, dry_run: bool = False
) -> ApplyResult:
    """Makes branches and tags for the commits of a run in the user's repository.

    Args:
        store: where the application is recorded.
        commits: the commits.
        folder: the user's work tree. No file in it is changed.
        prefix: the beginning of the names of branches and tags; None stands for `crossrun/RUN`.
        dry_run: whether to only find out what would be done.

    Raises:
        CrossrunError: BRANCH_INVALID, BRANCH_TAKEN, BRANCH_IMPOSSIBLE, COMMITS_IMPOSSIBLE,
            SOURCE_REPOSITORY, TARGET_BUSY, WORKSPACE_BUSY.
    """
    run, name = commits.run, prefix or f"crossrun/{commits.run.id}"
    with locked_target(store, run, commits.workspaces, folder):
        require_branch_name(name)
        target, _ = opened_repository(folder)
        transfer = CommitTransfer(commits.repository, folder, target, commits.workspaces.scratch)
        missing = transfer.missing(target_refs(commits.refs, name, commits.head))
        result = ApplyResult(folder, MergePlan(), branch=name, refs=tuple(missing))
        if dry_run or not missing:
            return result
        transfer.copy_objects(missing)
        made = application_of(run, folder, files=0, before="", after=missing[0].id)
        application = store.applications.begin(
            replace(made, branch=name, before=None, refs=tuple(missing))
        )
        try:
            transfer.create(missing)
        except CrossrunError:
            store.applications.finish_undo(application)
            raise
        store.applications.finish(application)
        return result._replace(application=application)


def commits_are_applied(store: Store, run: Run) -> bool:
    """Whether the user has all commits, branches, tags and stashes of a run.

    Those of the runs that it continues count as well.
    """
    for each in store.read.ancestry(run):
        if each.source is not None and each.source.kind == "in_place":
            return True
        applications = store.read.applications(each.id)
        if any(
            application.refs and application.finished_at and not application.undone_at
            for application in applications
        ):
            return True
        if each.commits:
            return False
    return True


def undo_commits(store: Store, folder: Path, application: Application) -> ApplyResult:
    """Removes the branches and tags, unless somebody has added to one of them."""
    target, _ = opened_repository(folder)
    conflicts = [
        conflict
        for each in application.refs
        if (conflict := _conflict_with(target, each)) is not None
    ]
    result = ApplyResult(
        folder,
        MergePlan(conflicts=tuple(conflicts)),
        branch=application.branch,
        refs=application.refs,
    )
    if conflicts:
        return result
    for each in application.refs:
        references, name = references_for(target, each.ref)
        if references.points_to(name) is not None:
            references.delete(name, each.id)
    store.applications.finish_undo(application)
    return result._replace(application=application)


def _conflict_with(target: GitFolders, ref: AppliedRef) -> Conflict | None:
    references, name = references_for(target, ref.ref)
    current = references.points_to(name)
    if current is None:
        return None
    if references.is_checked_out(name):
        return Conflict(name, "checked out")
    return None if current == ref.id else Conflict(name, "points to a different commit now")


def _refs_before(store: Store, run: Run, workspaces: Workspaces) -> Refs:
    """The references before the first of the runs that this one continues."""
    blob = None
    for each in store.read.ancestry(run):
        if each.id != run.id and each.source is not None and each.source.kind == "in_place":
            break  # the user's own repository has what it did
        prepared = store.read.last_event(each.id, WorkspacePrepared)
        if prepared is not None:
            blob = prepared.refs
    return _load_refs(run, blob, workspaces) or {}


def _refs_after(store: Store, run: Run, workspaces: Workspaces) -> Refs | None:
    """The references after the run; None if they were not recorded."""
    change_event = store.read.last_event(run.id, WorkspaceChanged)
    return None if change_event is None else _load_refs(run, change_event.refs, workspaces)


def _load_refs(run: Run, blob: str | None, workspaces: Workspaces) -> Refs | None:
    content = None if blob is None else workspaces.snapshots(Path(run.workspace)).blob(blob)
    return None if content is None else decoded(content)
