"""What a run's workspace begins with: a copy of a repository, or of a plain folder."""

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
from crossrun.workspace.copying.link_rewriting import bring_targets, hide_redirected, redirect_again
from crossrun.workspace.copying.links import Redirected
from crossrun.workspace.copying.trees import Copied, Progress, copy_into, copy_tree
from crossrun.workspace.copying.worker import LeaveOut
from crossrun.workspace.files.atomic import building, remove_tree, scratch
from crossrun.workspace.files.dirfd import shown
from crossrun.workspace.git.folders import Place, place_of
from crossrun.workspace.git.user_config import LINE_ENDS, excludes_file, user_settings
from crossrun.workspace.sources.filters import stored_forms
from crossrun.workspace.sources.repositories import borrow_repository, copy_repository, git_in
from crossrun.workspace.sources.survey import (
    Alone,
    Selection,
    Survey,
    folders_above,
    included,
    survey,
)

_GIT = ".git"
Value = TypeVar("Value")


class Uncommitted(Struct, frozen=True):
    """How many files of a source differ from its commit, as they were when it was copied."""

    staged: int = 0
    unstaged: int = 0
    untracked: int = 0


class Taken(Struct, frozen=True):
    """A copy of a source, as far as a run records it. Paths are relative to its top."""

    kind: Literal["repository", "folder"]
    top: str
    """What was copied: the source, or the repository that it lies in."""
    copied: Copied
    """Its files, without those of git."""
    repositories: tuple[str, ...] = ()
    """Repositories further down, which were copied as well."""
    detached: tuple[str, ...] = ()
    """Folders further down that came without their repository, since it lies elsewhere."""
    subfolder: str = ""
    """The way from there to the source."""
    home: str | None = None
    """The repository that the source lies in, left behind since it is around the home folder."""
    operation: str | None = None
    """What git is in the middle of, such as a rebase; it came along."""
    branch: str | None = None
    commit: str | None = None
    uncommitted: Uncommitted = Uncommitted()
    clean: bool = False
    """Uncommitted and untracked files were left out."""
    ignored: int = 0
    """Ignored files and folders that the source has, before `include`."""
    included: int = 0
    """Ignored files that came along."""
    submodules: tuple[str, ...] = ()
    """Their files are there as far as they were checked out, their repositories are not."""
    lfs_pointers: tuple[str, ...] = ()
    """Files whose content is kept elsewhere by Git LFS and was not fetched."""
    filtered: tuple[str, ...] = ()
    """Files as another filter stores them, such as encrypted: no filter is run for a copy."""
    shallow: bool = False
    partial: bool = False
    borrowed: bool = False


Taking = Generator[Progress, None, Taken]


class CopyOptions(Struct, frozen=True, kw_only=True):
    """What the user wants of a copy.

    `clean` leaves uncommitted and untracked files out. `include` are patterns as in a .gitignore,
    for ignored files that come along. `besides` are folders that are never part of a source, such
    as crossrun's own. `folder_only` leaves the repository behind; its ignore rules count.
    `follow_links` says whether links that lead out of the source stay links, or what they lead to
    is copied. `environ` is the user's, for the home folder and for what git ignores everywhere.
    """

    clean: bool = False
    include: tuple[str, ...] = ()
    besides: tuple[Path, ...] = ()
    folder_only: bool = False
    follow_links: FollowLinks = "no"
    environ: Mapping[str, str] = {}


_ALL = CopyOptions()


def take(source: Path, target: Path, stop: CancelToken, options: CopyOptions = _ALL) -> Taking:
    """Copies a source to a path where nothing is yet; the source is only read.

    Of a folder in a repository, the whole repository is copied. Of a plain folder all of its
    content is, of a repository what git does not ignore.

    Args:
        source: a folder.
        target: where the copy will be. Its parent has to be there.
        stop: looked at all the time.
        options: what the user wants of it.

    Raises:
        RunFailed: it was asked to stop.
        CrossrunError: the source is none, or cannot be read, or the target not be made.
    """
    _check(source)
    source, target = source.absolute(), target.absolute()
    place = place_of(source, options.environ.get("HOME"), options.besides)
    wanted = _CopyRequest(stop, options, frozenset(_below(place.top, options.besides)))
    with building(target) as folder:
        if not os.path.lexists(place.top / _GIT):
            files = yield from _take_files(source, folder, wanted, Selection(wanted.never, ()))
            home = str(place.home) if place.home else None
            return Taken("folder", str(source), *files, home=home)
        if options.folder_only:
            with scratch(target) as aside:
                return (yield from _take_folder(place, source, folder, aside, wanted))
        return (yield from _take_repository(place, folder, wanted))


def take_workspace(
    source: Path, target: Path, stop: CancelToken, *, is_own: bool
) -> Generator[Progress, None, Copied]:
    """Copies the workspace of a run to a path where nothing is yet, ignored files included.

    A `.git` that only names a repository would lead the commits of the copy's agent there, and that
    of the user's own folder has hooks and remotes. They are made anew, as those of a source.

    Args:
        source: the workspace.
        target: where the copy will be.
        stop: looked at all the time.
        is_own: whether crossrun made the workspace; else it is a folder of the user's.

    Raises:
        RunFailed: it was asked to stop.
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
            yield from _take_nested(source / path, target / path, stop)
        else:
            yield from copy_repository(source, target, stop)
    return copied


class _CopyRequest(NamedTuple):
    """What was asked for; `never` are paths below the top that are not part of it."""

    stop: CancelToken
    options: CopyOptions
    never: frozenset[str]


class _Files(NamedTuple):
    """A copy of files, and what became of repositories among them."""

    copied: Copied
    repositories: tuple[str, ...]
    detached: tuple[str, ...]


def _take_repository(place: Place, folder: Path, wanted: _CopyRequest) -> Taking:
    source, options = place.top, wanted.options
    repository = yield from copy_repository(source, folder, wanted.stop)
    git_dir = folder / _GIT
    _adopt_line_ends(git_dir, dict(repository.settings), options.environ)
    excludes = excludes_file(dict(repository.settings), source, options.environ)
    found = yield from _looked_at(lambda: survey(git_dir, source, excludes=excludes))
    include, below = options.include, place.subfolder
    along = yield from _looked_at(lambda: included(git_dir, source, include, below))
    along -= found.untracked
    work = found.staged | found.unstaged | found.untracked if options.clean else frozenset[str]()
    selection = Selection(found.ignored | work | wanted.never, along)
    files = yield from _take_files(source, folder, wanted, selection)
    if options.clean:
        back = yield from _looked_at(lambda: _reset(git_dir, source, found))
        links = (*files.copied.redirected, *back)
        files = files._replace(copied=replace(files.copied, redirected=links))
    links, changed = files.copied.redirected, found.unstaged - work
    yield from _looked_at(lambda: hide_redirected(git_dir, links, besides=changed))
    _require(place, folder)
    reset = found.staged | found.unstaged if options.clean else frozenset[str]()
    stored = yield from _looked_at(lambda: stored_forms(git_dir, reset))
    return Taken(
        "repository",
        str(source),
        *files,
        subfolder=place.subfolder,
        operation=repository.operation,
        branch=found.branch,
        commit=found.commit,
        uncommitted=Uncommitted(len(found.staged), len(found.unstaged), len(found.untracked)),
        clean=options.clean,
        ignored=len(found.ignored),
        included=len(along),
        submodules=tuple(map(shown, found.submodules)),
        lfs_pointers=stored.lfs_pointers,
        filtered=stored.filtered,
        shallow=repository.shallow,
        partial=repository.partial,
        borrowed=repository.borrowed,
    )


def _looked_at(look: Callable[[], Value]) -> Generator[Progress, None, Value]:
    """Has git look at a work tree, which may take long; nothing is copied meanwhile."""
    return awaited(look, lambda _: Progress(0, 0))


def _take_folder(
    place: Place, source: Path, folder: Path, aside: Path, wanted: _CopyRequest
) -> Taking:
    """Copies a folder of a repository without it, but with the ignore rules above it.

    It lies in the copy as it does in the repository, below nothing but these rules. If the rules
    ignore the folder as a whole, they say nothing about what is in it.
    """
    settings = yield from borrow_repository(place.top, aside, wanted.stop)
    git_dir, subfolder = aside / _GIT, place.subfolder
    excludes = excludes_file(dict(settings), place.top, wanted.options.environ)
    found = yield from _looked_at(
        lambda: survey(git_dir, place.top, excludes=excludes, subfolder=subfolder)
    )
    if not found.ignored.isdisjoint((subfolder, *folders_above(subfolder))):
        never = Selection(_below(source, [place.top / each for each in wanted.never]), ())
        files = yield from _take_files(source, folder, wanted, never)
        return Taken("folder", str(source), *files)
    include = wanted.options.include
    along = yield from _looked_at(lambda: included(git_dir, place.top, include, subfolder))
    along -= found.untracked
    selection = Alone(subfolder, Selection(found.ignored | wanted.never, along))
    files = yield from _take_files(place.top, folder, wanted, selection)
    return Taken(
        "folder",
        str(place.top),
        *files,
        subfolder=subfolder,
        ignored=len(found.ignored),
        included=len(along),
    )


def _require(place: Place, folder: Path) -> None:
    """Makes sure that the folder that the user named is in the copy of its repository."""
    if not (folder / place.subfolder).is_dir():
        raise UsageError(
            "SOURCE_INVALID",
            f"git ignores {place.subfolder} in {place.top}, or --clean leaves it out: "
            "a copy of the repository does not have it",
            hint="copy it without the repository: --folder-only",
        )


def _take_files(
    source: Path, folder: Path, wanted: _CopyRequest, leave_out: LeaveOut
) -> Generator[Progress, None, _Files]:
    """Copies all but git's own folders, and makes those of repositories further down anew."""
    gits = list[str]()

    def without_git(path: str) -> bool:
        if leave_out(path):
            return True
        above, _, name = path.rpartition("/")
        if name == _GIT and above:
            gits.append(above)
        return name == _GIT

    copied = yield from copy_into(source, folder, wanted.stop, leave_out=without_git)
    if wanted.options.follow_links == "copy":
        never = [source / path for path in wanted.never]
        copied = yield from bring_targets(source, folder, copied, wanted.stop, never)
    repositories, detached = list[str](), list[str]()
    for path in sorted(gits):
        whole = yield from _take_nested(source / path, folder / path, wanted.stop)
        (repositories if whole else detached).append(shown(path))
    return _Files(copied, tuple(repositories), tuple(detached))


def _take_nested(source: Path, folder: Path, stop: CancelToken) -> Generator[Progress, None, bool]:
    """Copies the repository of a folder further down, if all of it lies there."""
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


def _reset(git_dir: Path, source: Path, found: Survey) -> tuple[Redirected, ...]:
    """Brings back from the commit what was changed, and takes folders away that are empty now.

    Returns:
        The links among them that lead into the copy now.
    """
    words = ["reset", "--hard", "--quiet"] if found.commit else ["read-tree", "--empty"]
    git_in(git_dir, git_dir.parent, *words)
    for place, _, _ in os.walk(git_dir.parent, topdown=False):
        if git_dir not in (Path(place), *Path(place).parents):
            with suppress(OSError):  # it is not empty
                Path(place).rmdir()
    return tuple(redirect_again(source, git_dir.parent, found.staged | found.unstaged))


def _adopt_line_ends(
    git_dir: Path, settings: Mapping[str, str], environ: Mapping[str, str]
) -> None:
    """Has a copy convert line ends as the source does where only the user's configuration says so.

    Else git would take files for changed, and make those of the commit with other line ends.
    """
    of_user = user_settings(environ)
    for name in LINE_ENDS:
        if name in of_user and name not in settings:
            git_in(git_dir, git_dir.parent, "config", name, of_user[name])


def _below(source: Path, folders: Sequence[Path]) -> Iterator[str]:
    """The folders that lie in the source, by their paths there."""
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
            f"{source} is no folder",
            hint="give the folder that it lies in",
        )
    if all((source / name).exists() for name in ("HEAD", "objects", "refs")):
        raise UsageError(
            "SOURCE_INVALID",
            f"{source} is a bare repository: it has no files to work on",
            hint=f"have it cloned: --source {source.absolute().as_uri()}",
        )
