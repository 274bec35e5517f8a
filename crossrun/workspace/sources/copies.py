"""Copies the source of a run: a git repository, or a plain folder."""

import os
import stat
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from crossrun.errors import ConfigurationError, NotFoundError, UsageError
from crossrun.model.choices import FollowLinks
from crossrun.system.background import awaited
from crossrun.system.cancellation import CancelToken
from crossrun.workspace.copying.links import Redirected
from crossrun.workspace.copying.trees import Copied, Progress, copy_into, copy_tree
from crossrun.workspace.copying.worker import LeaveOut
from crossrun.workspace.files.atomic import building, remove_tree, scratch
from crossrun.workspace.files.dirfd import shown
from crossrun.workspace.git.folders import RepositoryLocation, locate
from crossrun.workspace.git.user_config import LINE_ENDS, excludes_file, user_settings
from crossrun.workspace.sources.filters import stored_forms
from crossrun.workspace.sources.links import copy_targets, hide_redirected, redirect_again
from crossrun.workspace.sources.repositories import borrow_repository, copy_repository, git_in
from crossrun.workspace.sources.survey import (
    FolderOnly,
    Selection,
    Survey,
    find_included,
    folders_above,
    survey,
)

_GIT = ".git"
Value = TypeVar("Value")


class Uncommitted(Struct, frozen=True):
    """How many files of a source differed from its commit when it was copied."""

    staged: int = 0
    unstaged: int = 0
    untracked: int = 0


class SourceCopy(Struct, frozen=True):
    """What a run records about the copy of its source. Paths are relative to its top."""

    kind: Literal["repository", "folder"]
    top: str
    """What was copied: the source, or the repository that contains it."""
    copied: Copied
    """Its files, without those of git."""
    repositories: tuple[str, ...] = ()
    """Nested repositories, which were copied as well."""
    detached: tuple[str, ...] = ()
    """Nested folders copied without their repository, because that is stored elsewhere."""
    subfolder: str = ""
    """The path from the top to the source."""
    home: str | None = None
    """A repository that contains the source and the home folder, and was not copied."""
    operation: str | None = None
    """The git operation under way, such as a rebase, which was copied."""
    branch: str | None = None
    commit: str | None = None
    uncommitted: Uncommitted = Uncommitted()
    clean: bool = False
    """Uncommitted and untracked files were left out."""
    ignored: int = 0
    """Ignored files and folders in the source, before `include`."""
    included: int = 0
    """Ignored files that were copied."""
    submodules: tuple[str, ...] = ()
    """Copied as the files that are checked out, without their repositories."""
    lfs_pointers: tuple[str, ...] = ()
    """Files whose content Git LFS has not fetched."""
    filtered: tuple[str, ...] = ()
    """Files in the form in which another filter stores them, such as encrypted."""
    shallow: bool = False
    partial: bool = False
    borrowed: bool = False


CopyingSource = Generator[Progress, None, SourceCopy]


class CopyOptions(Struct, frozen=True, kw_only=True):
    """The user's options for a copy.

    - `clean` leaves out uncommitted and untracked files.
    - `include`: patterns as in a .gitignore, for ignored files to copy.
    - `besides`: folders that are never part of a source, such as crossrun's own.
    - `folder_only` leaves out the repository, but follows its ignore rules.
    - `follow_links`: whether links that lead out of the source stay links, or become copies.
    - `environ`: the user's environment, for the home folder and the global ignore file.
    """

    clean: bool = False
    include: tuple[str, ...] = ()
    besides: tuple[Path, ...] = ()
    folder_only: bool = False
    follow_links: FollowLinks = "no"
    environ: Mapping[str, str] = {}


_ALL = CopyOptions()


def copy_source(
    source: Path, target: Path, stop: CancelToken, options: CopyOptions = _ALL
) -> CopyingSource:
    """Copies a source to a new path. The source is only read.

    For a folder in a repository, copies the whole repository, without ignored files. For a plain
    folder, copies everything.

    Args:
        source: a folder.
        target: where the copy will be; its parent has to exist.
        stop: ends the copy.
        options: the user's options.

    Raises:
        RunFailed: the run was cancelled.
        CrossrunError: the source is invalid or cannot be read, or the target cannot be written.
    """
    _check(source)
    source, target = source.absolute(), target.absolute()
    location = locate(source, options.environ.get("HOME"), options.besides)
    request = _CopyRequest(stop, options, frozenset(_below(location.top, options.besides)))
    with building(target) as folder:
        if not os.path.lexists(location.top / _GIT):
            files = yield from _copy_files(source, folder, request, Selection(request.never, ()))
            home = str(location.home) if location.home else None
            return SourceCopy("folder", str(source), *files, home=home)
        if options.folder_only:
            with scratch(target) as aside:
                return (yield from _copy_folder(location, source, folder, aside, request))
        return (yield from _copy_repository(location, folder, request))


def copy_workspace(
    source: Path, target: Path, stop: CancelToken, *, is_own: bool
) -> Generator[Progress, None, Copied]:
    """Copies the workspace of a run to a new path, including ignored files.

    A `.git` file would lead the agent's commits to another repository, and the `.git` of the user's
    own folder has hooks and remotes. These are copied like those of a source instead.

    Args:
        source: the workspace.
        target: where the copy will be.
        stop: ends the copy.
        is_own: whether crossrun made the workspace, or it is a folder of the user's.

    Raises:
        RunFailed: the run was cancelled.
        CrossrunError: something cannot be read or written.
    """
    gits = list[str]()

    def leave_out(path: str) -> bool:
        above, _, name = path.rpartition("/")
        if name != _GIT or (is_own and stat.S_ISDIR((source / path).lstat().st_mode)):
            return False
        gits.append(above)
        return True

    copied = yield from copy_tree(source, target, stop, leave_out=leave_out)
    for path in sorted(gits):
        if path or is_own:
            yield from _copy_nested(source / path, target / path, stop)
        else:
            yield from copy_repository(source, target, stop)
    return copied


class _CopyRequest(NamedTuple):
    """What to copy; `never` are paths below the top that are left out."""

    stop: CancelToken
    options: CopyOptions
    never: frozenset[str]


class _Files(NamedTuple):
    """Copied files, and the nested repositories with and without a copy."""

    copied: Copied
    repositories: tuple[str, ...]
    detached: tuple[str, ...]


def _copy_repository(
    location: RepositoryLocation, folder: Path, request: _CopyRequest
) -> CopyingSource:
    source, options = location.top, request.options
    repository = yield from copy_repository(source, folder, request.stop)
    git_dir = folder / _GIT
    _adopt_line_ends(git_dir, dict(repository.settings), options.environ)
    excludes = excludes_file(dict(repository.settings), source, options.environ)
    status = yield from _in_background(lambda: survey(git_dir, source, excludes=excludes))
    include, below = options.include, location.subfolder
    included_files = yield from _in_background(
        lambda: find_included(git_dir, source, include, below)
    )
    included_files -= status.untracked
    work = status.staged | status.unstaged | status.untracked if options.clean else frozenset[str]()
    selection = Selection(status.ignored | work | request.never, included_files)
    files = yield from _copy_files(source, folder, request, selection)
    if options.clean:
        back = yield from _in_background(lambda: _reset(git_dir, source, status))
        links = (*files.copied.redirected, *back)
        files = files._replace(copied=replace(files.copied, redirected=links))
    links, changed = files.copied.redirected, status.unstaged - work
    yield from _in_background(lambda: hide_redirected(git_dir, links, besides=changed))
    _require_subfolder(location, folder)
    reset = status.staged | status.unstaged if options.clean else frozenset[str]()
    stored = yield from _in_background(lambda: stored_forms(git_dir, reset))
    return SourceCopy(
        "repository",
        str(source),
        *files,
        subfolder=location.subfolder,
        operation=repository.operation,
        branch=status.branch,
        commit=status.commit,
        uncommitted=Uncommitted(len(status.staged), len(status.unstaged), len(status.untracked)),
        clean=options.clean,
        ignored=len(status.ignored),
        included=len(included_files),
        submodules=tuple(map(shown, status.submodules)),
        lfs_pointers=stored.lfs_pointers,
        filtered=stored.filtered,
        shallow=repository.shallow,
        partial=repository.partial,
        borrowed=repository.borrowed,
    )


def _in_background(look: Callable[[], Value]) -> Generator[Progress, None, Value]:
    """Runs git in a thread, since it may take long, and reports no progress meanwhile."""
    return awaited(look, lambda _done, _total: Progress(0, 0))


def _copy_folder(
    location: RepositoryLocation, source: Path, folder: Path, aside: Path, request: _CopyRequest
) -> CopyingSource:
    """Copies a folder without its repository, but with the ignore rules above it.

    The folder has the same path in the copy as in the repository. If the rules ignore the whole
    folder, they do not apply to what is in it.
    """
    settings = yield from borrow_repository(location.top, aside, request.stop)
    git_dir, subfolder = aside / _GIT, location.subfolder
    excludes = excludes_file(dict(settings), location.top, request.options.environ)
    status = yield from _in_background(
        lambda: survey(git_dir, location.top, excludes=excludes, subfolder=subfolder)
    )
    if not status.ignored.isdisjoint((subfolder, *folders_above(subfolder))):
        never = Selection(_below(source, [location.top / each for each in request.never]), ())
        files = yield from _copy_files(source, folder, request, never)
        return SourceCopy("folder", str(source), *files)
    include = request.options.include
    included_files = yield from _in_background(
        lambda: find_included(git_dir, location.top, include, subfolder)
    )
    included_files -= status.untracked
    selection = FolderOnly(subfolder, Selection(status.ignored | request.never, included_files))
    files = yield from _copy_files(location.top, folder, request, selection)
    return SourceCopy(
        "folder",
        str(location.top),
        *files,
        subfolder=subfolder,
        ignored=len(status.ignored),
        included=len(included_files),
    )


def _require_subfolder(location: RepositoryLocation, folder: Path) -> None:
    """Makes sure that the copy of the repository has the folder that the user named."""
    if not (folder / location.subfolder).is_dir():
        raise UsageError(
            "SOURCE_INVALID",
            f"git ignores {location.subfolder} in {location.top}, or --clean leaves it out: "
            "a copy of the repository does not have it",
            hint="copy it without the repository: --folder-only",
        )


def _copy_files(
    source: Path, folder: Path, request: _CopyRequest, leave_out: LeaveOut
) -> Generator[Progress, None, _Files]:
    """Copies everything except `.git`, then the repositories of nested folders."""
    gits = list[str]()

    def without_git(path: str) -> bool:
        if leave_out(path):
            return True
        above, _, name = path.rpartition("/")
        if name == _GIT and above:
            gits.append(above)
        return name == _GIT

    copied = yield from copy_into(source, folder, request.stop, leave_out=without_git)
    if request.options.follow_links == "copy":
        never = [source / path for path in request.never]
        copied = yield from copy_targets(source, folder, copied, request.stop, never)
    repositories, detached = list[str](), list[str]()
    for path in sorted(gits):
        whole = yield from _copy_nested(source / path, folder / path, request.stop)
        (repositories if whole else detached).append(shown(path))
    return _Files(copied, tuple(repositories), tuple(detached))


def _copy_nested(source: Path, folder: Path, stop: CancelToken) -> Generator[Progress, None, bool]:
    """Copies the repository of a nested folder, unless it is stored elsewhere."""
    if not stat.S_ISDIR((source / _GIT).lstat().st_mode):
        return False
    try:
        yield from copy_repository(source, folder, stop)
    except ConfigurationError as error:
        if error.code != "SOURCE_REPOSITORY":
            raise
        remove_tree(folder / _GIT)
        return False
    return True


def _reset(git_dir: Path, source: Path, status: Survey) -> tuple[Redirected, ...]:
    """Restores changed files from the commit, and removes folders that are empty then.

    Returns:
        The links among the files, which now lead into the copy.
    """
    words = ["reset", "--hard", "--quiet"] if status.commit else ["read-tree", "--empty"]
    git_in(git_dir, git_dir.parent, *words)
    for location, _, _ in os.walk(git_dir.parent, topdown=False):
        if git_dir not in (Path(location), *Path(location).parents):
            with suppress(OSError):  # it is not empty
                Path(location).rmdir()
    return tuple(redirect_again(source, git_dir.parent, status.staged | status.unstaged))


def _adopt_line_ends(
    git_dir: Path, settings: Mapping[str, str], environ: Mapping[str, str]
) -> None:
    """Gives a copy the line-ending settings that the source has from the user's configuration.

    Otherwise git would consider files changed, and write those of the commit differently.
    """
    of_user = user_settings(environ)
    for name in LINE_ENDS:
        if name in of_user and name not in settings:
            git_in(git_dir, git_dir.parent, "config", name, of_user[name])


def _below(source: Path, folders: Sequence[Path]) -> Iterator[str]:
    """The paths of folders that are inside the source."""
    top = source.resolve()
    for folder in folders:
        if folder.resolve() != top and folder.resolve().is_relative_to(top):
            yield str(folder.resolve().relative_to(top))


def _check(source: Path) -> None:
    if not source.exists():
        raise NotFoundError(
            "SOURCE_NOT_FOUND",
            f"there is no folder {source}",
            hint="give a folder, the URL of a git repository, or the id of a run",
        )
    if not source.is_dir():
        raise UsageError(
            "SOURCE_INVALID",
            f"{source} is not a folder",
            hint="give the folder that contains it",
        )
    if all((source / name).exists() for name in ("HEAD", "objects", "refs")):
        raise UsageError(
            "SOURCE_INVALID",
            f"{source} is a bare repository: it has no files to work on",
            hint=f"clone it: --source {source.absolute().as_uri()}",
        )
