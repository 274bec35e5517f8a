"""Applies the change of a run as a branch in the user's repository."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from crossrun.errors import CrossrunError
from crossrun.model.runs import Application, Run
from crossrun.services.applying.changes import ApplicableChange, ApplyResult, application_of
from crossrun.services.applying.ignored import ignored_output
from crossrun.services.applying.locking import locked_target
from crossrun.store import Store
from crossrun.workspace.git.ref_files import References
from crossrun.workspace.merge.decisions import Conflict, MergePlan, desired_entries
from crossrun.workspace.merge.planner import MergePlanner
from crossrun.workspace.target.execution import save_contents
from crossrun.workspace.user_repository.branches import UserRepository


class AboutCommit(NamedTuple):
    """What is said of a commit: None is the task as the message, and the user as the author."""

    message: str | None = None
    author: str | None = None


_OF_RUN = AboutCommit()
_SUBJECT = 72
"""Characters of the first line of a commit message."""


def apply_as_branch(
    store: Store,
    change: ApplicableChange,
    folder: Path,
    name: str,
    environ: Mapping[str, str],
    *,
    about: AboutCommit = _OF_RUN,
    dry_run: bool = False,
) -> ApplyResult:
    """Makes a branch with one commit: the change, on top of the commit that the run began with.

    The message of the commit is the task, and its author the user, unless others are given.
    Ignored files are not committed, even if the workspace began with them.

    Raises:
        CrossrunError: BRANCH_INVALID, BRANCH_TAKEN, BRANCH_IMPOSSIBLE, BRANCH_FILTERED,
            TARGET_BUSY.
    """
    run, trees = change.run, change.trees
    with locked_target(store, change.run, change.workspaces, folder):
        repository = UserRepository(folder, trees, environ)
        repository.require_name(name)
        parent = run.source.commit if run.source else None
        state = repository.state(parent)
        wanted = repository.convert(change.base, change.tree, state)
        ignored = {path for path in trees.ignored(change.base, wanted) if not state.entry(path)}
        plan = MergePlanner(trees, state, union_merge=True).plan(
            desired_entries([{path: pair for path, pair in wanted.items() if path not in ignored}])
        )
        left = len(ignored) + len(ignored_output(store, change).paths)
        if dry_run or not plan.steps or plan.conflicts or parent is None:
            return ApplyResult(folder, plan, branch=name, ignored_left=left, left=change.left)
        save_contents(plan, trees, state)
        entries = {step.path: step.after for step in plan.steps}
        commit = repository.commit(
            parent, entries, commit_message(run, about.message), about.author
        )
        repository.copy_objects(parent, commit)
        made = application_of(run, folder, files=len(plan.steps), before=parent, after=commit)
        application = store.applications.begin(
            replace(made, branch=name, ignored_left=left, part=change.part)
        )
        try:
            repository.branches.create(name, commit)
        except CrossrunError:
            store.applications.finish_undo(application)
            raise
        store.applications.finish(application)
        return ApplyResult(
            folder, plan, application, branch=name, ignored_left=left, left=change.left
        )


def undo_branch(
    store: Store, branches: References, folder: Path, application: Application
) -> ApplyResult:
    """Removes a branch, unless somebody has added to it; one that is gone already is fine."""
    name, commit = application.branch or "", application.after or ""
    current = branches.points_to(name)
    if current is not None and branches.is_checked_out(name):
        conflict = Conflict(name, "checked out")
        return ApplyResult(folder, MergePlan(conflicts=(conflict,)), branch=name)
    if current is not None and not branches.delete(name, commit):
        conflict = Conflict(name, "points to a different commit now")
        return ApplyResult(folder, MergePlan(conflicts=(conflict,)), branch=name)
    store.applications.finish_undo(application)
    return ApplyResult(folder, MergePlan(), application, branch=name)


def commit_message(run: Run, message: str | None = None) -> str:
    """The commit message: the user's or the task, and the run."""
    words = " ".join(run.task.split())
    subject = words if len(words) <= _SUBJECT else f"{words[: _SUBJECT - 1]}…"
    return f"{message or subject or run.id}\n\nMade by crossrun run {run.id}.\n"
