"""Applies the change of a run to the user's files, as typed options say."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from crossrun.errors import ConfigurationError, CrossrunError, UsageError
from crossrun.model.requests import RunRequest
from crossrun.model.runs import ApplyOutcome, Run, require_own_files
from crossrun.services.app import App
from crossrun.services.applying import (
    AboutCommit,
    ApplicableChange,
    ApplyResult,
    Choose,
    applied_tree,
    apply_as_branch,
    apply_commits,
    apply_to_files,
    change_of,
    commit_message,
    commits_of,
    part_of,
    target_of,
)
from crossrun.system.clock import now
from crossrun.workspace.files.dirfd import shown
from crossrun.workspace.git.folders import locate
from crossrun.workspace.merge.decisions import MergePlan
from crossrun.workspace.user_repository import publishing

_AUTHOR = re.compile(r"[^<>\n]*[^<>\s] <[^<>\s]+>")


class ApplyOptions(Struct, frozen=True, kw_only=True):
    """Where and how to apply the change of a run.

    Raises:
        UsageError: options contradict each other.
    """

    to: Path | None = None
    """The folder to apply to, instead of the one that the workspace began with."""
    branch: str | None = None
    """Commit the change to a new branch with this name; change no files."""
    commits: bool = False
    """Apply the agent's commits, as branches and tags."""
    conflicts: bool = False
    """Write conflicts to the files, with markers, instead of changing nothing."""
    ignored: str | None = None
    """Also apply files that git ignores, if they match this pattern."""
    paths: tuple[str, ...] = ()
    """Apply only these files and folders of the change, or those that match these patterns."""
    message: str | None = None
    """The message of the commit on the branch, instead of the task."""
    author: str | None = None
    """The author of that commit, as `Name <address>`, instead of the user."""
    push: bool = False
    """Push the branch."""
    remote: str = "origin"
    """Where to push it."""
    pr: bool = False
    """Push the branch, and open a pull request with the GitHub CLI."""
    title: str | None = None
    """The title of the pull request, instead of the first line of the commit message."""
    body: str | None = None
    """The text of the pull request, instead of the rest of the commit message."""
    dry_run: bool = False
    """Find out what would be done; change nothing."""

    def __post_init__(self) -> None:
        given = {
            "--branch": self.branch is not None,
            "--commits": self.commits,
            "--conflicts": self.conflicts,
            "--ignored": self.ignored is not None,
            "PATH": bool(self.paths),
        }
        for first in ("--branch", "--commits"):
            for second in ("--ignored", "--conflicts"):
                if given[first] and given[second]:
                    raise cannot_combine(first, second)
        self._require_branch()
        for other in ("--commits", "--ignored"):
            if given["PATH"] and given[other]:
                raise cannot_combine("PATH", other)

    def _require_branch(self) -> None:
        """Raises UsageError if there is nothing that an option could be about."""
        about_branch = {
            "--push": self.push,
            "--pr": self.pr,
            "--message": self.message,
            "--author": self.author,
        }
        about_request = {"--title": self.title, "--body": self.body}
        for name, value in about_branch.items():
            if value and self.branch is None:
                raise _lacking(name, "--branch")
        for name, value in about_request.items():
            if value and not self.pr:
                raise _lacking(name, "--pr")
        if self.author is not None and not _AUTHOR.fullmatch(self.author):
            raise UsageError(
                "OPTION_INVALID",
                f"--author: {self.author!r} is not a name with an e-mail address",
                hint='for example --author "Ada Lovelace <ada@example.org>"',
            )


def _lacking(option: str, other: str) -> UsageError:
    return UsageError(
        "OPTIONS_CONFLICT", f"{option} needs {other}", hint="see: crossrun apply --help"
    )


def cannot_combine(first: str, second: str) -> UsageError:
    """Why two options of `apply` cannot be used together."""
    return UsageError(
        "OPTIONS_CONFLICT",
        f"{first} and {second} cannot be used together",
        hint="see: crossrun apply --help",
    )


def apply_run(
    options: ApplyOptions, run: Run, app: App, choose: Choose | None = None
) -> ApplyResult:
    """Applies the change of a run, or its commits.

    Args:
        options: where and how.
        run: a run that has ended.
        app: where everything is.
        choose: chooses from the files and hunks that are not applied yet; without it, all are.

    Raises:
        CrossrunError: it cannot be applied; nothing has been changed.
    """
    require_own_files(run)
    if options.commits:
        return _apply_commits(options, run, app)
    with _change(options, run, app) as whole:
        if options.branch is None and _works_in_target(options, run):
            return _already_applied(run)
        with _target(options, run) as folder:
            change = _selected(options, whole, folder, app, choose)
            if options.branch is not None:
                return _apply_as_branch(options, options.branch, change, folder, app)
            return apply_to_files(
                app.store,
                change,
                folder,
                ignored=options.ignored,
                mark_conflicts=options.conflicts,
                dry_run=options.dry_run,
            )


@contextmanager
def _target(options: ApplyOptions, run: Run) -> Iterator[Path]:
    """The folder to apply to; one that `to` names is made, and removed if it gets nothing."""
    new = options.to
    if new is None or options.dry_run or options.branch is not None or os.path.lexists(new):
        yield target_of(run, options.to)
        return
    try:
        new.mkdir(parents=True)
    except OSError as error:
        raise ConfigurationError(
            "TARGET_UNUSABLE",
            f"the folder {new} cannot be created: {error.strerror}",
            hint="name another one with --to",
        ) from error
    try:
        yield target_of(run, new)
    finally:
        with suppress(OSError):  # it has files
            new.rmdir()


def _apply_as_branch(
    options: ApplyOptions, branch: str, change: ApplicableChange, folder: Path, app: App
) -> ApplyResult:
    environ = app.settings.environ
    if options.push or options.pr:
        publishing.require_remote(folder, options.remote, environ)
    if options.pr:
        publishing.require_gh(environ)
    about = AboutCommit(options.message, options.author)
    result = apply_as_branch(
        app.store, change, folder, branch, environ, about=about, dry_run=options.dry_run
    )
    if result.application is None or not (options.push or options.pr):
        return result
    publishing.push(folder, options.remote, branch, environ)
    result = result._replace(pushed_to=options.remote)
    if not options.pr:
        return result
    title, _, body = commit_message(change.run, options.message).partition("\n")
    address = publishing.open_pull_request(
        folder, branch, options.title or title, options.body or body.strip(), environ
    )
    return result._replace(pull_request=address)


def _selected(
    options: ApplyOptions, change: ApplicableChange, folder: Path, app: App, choose: Choose | None
) -> ApplicableChange:
    """The change, or the part of it that is wanted."""
    if not options.paths and choose is None:
        return change
    applied = None if options.branch else applied_tree(app.store, change, folder)
    return part_of(change, applied or change.base, options.paths, choose)


@contextmanager
def _change(options: ApplyOptions, run: Run, app: App) -> Iterator[ApplicableChange]:
    """The change of a run; what a dry run makes of it, such as merged texts, is thrown away."""
    if not options.dry_run:
        yield change_of_run(run, app)
        return
    with app.workspaces.reading_states(Path(run.workspace)) as states:
        yield change_of(app.store, run, app.workspaces, trees=states.trees())


def require_target(request: RunRequest, app: App) -> None:
    """Makes sure that there is a folder that the change of a new run can be applied to.

    Raises:
        CrossrunError: SOURCE_NONE, BRANCH_INVALID, BRANCH_TAKEN, BRANCH_IMPOSSIBLE.
    """
    folder = _expected_target(request, app)
    if folder is None:
        raise UsageError(
            "SOURCE_NONE",
            "--apply: the run does not begin with a copy of a folder, so there is no folder to "
            "change",
            hint="apply it afterwards to a folder of your choice: crossrun apply RUN --to DIR",
        )
    if request.branch is not None:
        from crossrun.workspace.user_repository.branches import branches_of, require_branch_name

        require_branch_name(request.branch)
        branches_of(folder).require_free(request.branch)


def _expected_target(request: RunRequest, app: App) -> Path | None:
    """The folder that the source of a run will name, before the run has begun."""
    begin = request.begin_with
    if begin.path is not None:
        own_folders = app.workspaces.own_folders
        return locate(Path(begin.path), app.settings.environ.get("HOME"), own_folders).top
    source = None if begin.run_id is None else app.run(begin.run_id).source
    return None if source is None or source.kind == "url" else Path(source.path)


def apply_at_end(request: RunRequest, app: App, run_id: str) -> ApplyOutcome:
    """Applies the change of a run that has succeeded and is about to be recorded as ended."""
    # its files are final
    run = replace(app.run(run_id), ended_at=now())
    try:
        result = apply_run(ApplyOptions(branch=request.branch), run, app)
    except CrossrunError as error:
        path = run.source.path if run.source is not None else run.workspace
        return ApplyOutcome(
            path=path, branch=request.branch, problem=error.message, hint=error.hint
        )
    plan, application = result.plan, result.application
    return ApplyOutcome(
        path=str(result.folder),
        branch=request.branch,
        application_id=None if application is None else application.id,
        files=0 if application is None else len(plan.steps),
        conflicts=tuple(shown(conflict.path) for conflict in plan.conflicts),
    )


def change_of_run(run: Run, app: App, paths: Sequence[str] = ()) -> ApplicableChange:
    """The change of a run, in the form in which it can be applied.

    Args:
        run: a run that has ended.
        app: where everything is.
        paths: only these files and folders of the change, or those that match; none: all of it.

    Raises:
        CrossrunError: the run has not ended, or its workspace is gone, or was never crossrun's;
            CHANGE_NOT_FOUND, no file matches one of `paths`.
    """
    require_own_files(run)
    change = change_of(app.store, run, app.workspaces)
    return part_of(change, change.base, paths, None) if paths else change


def _apply_commits(options: ApplyOptions, run: Run, app: App) -> ApplyResult:
    if _works_in_target(options, run):
        return _already_applied(run)
    folder = target_of(run, options.to)
    commits = commits_of(app.store, run, app.workspaces)
    return apply_commits(app.store, commits, folder, options.branch, dry_run=options.dry_run)


def _works_in_target(options: ApplyOptions, run: Run) -> bool:
    """Whether the run worked in the very folder that would get the change."""
    return options.to is None and run.source is not None and run.source.kind == "in_place"


def _already_applied(run: Run) -> ApplyResult:
    return ApplyResult(Path(run.source.path if run.source else ""), MergePlan())
