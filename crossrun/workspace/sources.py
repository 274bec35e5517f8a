"""What a run's workspace begins with: a copy of a repository, or of a plain folder."""

import os
import stat
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

from msgspec import Struct

from crossrun.background import awaited
from crossrun.errors import ConfigurationError, NotFoundError, UsageError
from crossrun.stopping import Stop
from crossrun.workspace.copying import Copied, Progress, copy_into
from crossrun.workspace.descriptors import read_file, shown
from crossrun.workspace.partial import building, remove_tree
from crossrun.workspace.repositories import copy_repository, git_in
from crossrun.workspace.survey import Selection, Survey, included, survey
from crossrun.workspace.transfer import LeaveOut

_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
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
    copied: Copied
    """Its files, without those of git."""
    repositories: tuple[str, ...] = ()
    """Repositories further down, which were copied as well."""
    detached: tuple[str, ...] = ()
    """Folders further down that came without their repository, since it lies elsewhere."""
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
    shallow: bool = False
    partial: bool = False
    borrowed: bool = False


Taking = Generator[Progress, None, Taken]


def take(
    source: Path,
    target: Path,
    stop: Stop,
    *,
    clean: bool = False,
    include: Sequence[str] = (),
    besides: Sequence[Path] = (),
) -> Taking:
    """Copies a source to a path where nothing is yet; the source is only read.

    Args:
        source: a folder; its whole content is copied, or what git does not ignore of it.
        target: where the copy will be. Its parent has to be there.
        stop: looked at all the time.
        clean: whether uncommitted and untracked files are left out.
        include: patterns as in a .gitignore, for ignored files that are to come along.
        besides: folders that are never part of a source, such as crossrun's own.

    Raises:
        RunFailed: it was asked to stop.
        CrossrunError: the source is none, or cannot be read, or the target not be made.
    """
    _check(source)
    source, target = source.absolute(), target.absolute()
    wanted = _Wanted(stop, clean, tuple(include), frozenset(_below(source, besides)))
    with building(target) as folder:
        if os.path.lexists(source / _GIT):
            return (yield from _take_repository(source, folder, wanted))
        files = yield from _take_files(source, folder, stop, Selection(wanted.never, ()))
        return Taken("folder", *files)


class _Wanted(NamedTuple):
    """What was asked for."""

    stop: Stop
    clean: bool
    include: tuple[str, ...]
    never: frozenset[str]


class _Files(NamedTuple):
    """A copy of files, and what became of repositories among them."""

    copied: Copied
    repositories: tuple[str, ...]
    detached: tuple[str, ...]


def _take_repository(source: Path, folder: Path, wanted: _Wanted) -> Taking:
    repository = yield from copy_repository(source, folder, wanted.stop)
    git_dir = folder / _GIT
    found = yield from _looked_at(lambda: survey(git_dir, source))
    along = yield from _looked_at(lambda: included(git_dir, source, wanted.include))
    along -= found.untracked
    work = found.staged | found.unstaged | found.untracked if wanted.clean else frozenset[str]()
    selection = Selection(found.ignored | work | wanted.never, along)
    files = yield from _take_files(source, folder, wanted.stop, selection)
    if wanted.clean:
        yield from _looked_at(lambda: _reset(git_dir, found))
    pointers = yield from _looked_at(lambda: _lfs_pointers(git_dir))
    return Taken(
        "repository",
        *files,
        branch=found.branch,
        commit=found.commit,
        uncommitted=Uncommitted(len(found.staged), len(found.unstaged), len(found.untracked)),
        clean=wanted.clean,
        ignored=len(found.ignored),
        included=len(along),
        submodules=tuple(map(shown, found.submodules)),
        lfs_pointers=pointers,
        shallow=repository.shallow,
        partial=repository.partial,
        borrowed=repository.borrowed,
    )


def _looked_at(look: Callable[[], Value]) -> Generator[Progress, None, Value]:
    """Has git look at a work tree, which may take long; nothing is copied meanwhile."""
    return awaited(look, lambda _: Progress(0, 0))


def _take_files(
    source: Path, folder: Path, stop: Stop, leave_out: LeaveOut
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

    copied = yield from copy_into(source, folder, stop, leave_out=without_git)
    repositories, detached = list[str](), list[str]()
    for path in sorted(gits):
        whole = yield from _take_nested(source / path, folder / path, stop)
        (repositories if whole else detached).append(shown(path))
    return _Files(copied, tuple(repositories), tuple(detached))


def _take_nested(source: Path, folder: Path, stop: Stop) -> Generator[Progress, None, bool]:
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


def _reset(git_dir: Path, found: Survey) -> None:
    """Brings back from the commit what was changed, and takes folders away that are empty now."""
    words = ["reset", "--hard", "--quiet"] if found.commit else ["read-tree", "--empty"]
    git_in(git_dir, git_dir.parent, *words)
    for place, _, _ in os.walk(git_dir.parent, topdown=False):
        if git_dir not in (Path(place), *Path(place).parents):
            with suppress(OSError):  # it is not empty
                Path(place).rmdir()


def _lfs_pointers(git_dir: Path) -> tuple[str, ...]:
    top = git_dir.parent
    managed = os.fsdecode(git_in(git_dir, top, "ls-files", "-z", "--", ":(attr:filter=lfs)"))
    return tuple(
        shown(path)
        for path in managed.split("\0")
        if path and read_file(top / path, len(_POINTER)) == _POINTER
    )


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
