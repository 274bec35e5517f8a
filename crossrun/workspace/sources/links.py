"""Adjusts the links in a copy after its files are copied."""

import os
import shutil
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from crossrun.system.cancellation import CancelToken
from crossrun.workspace.copying.links import Links, Redirected
from crossrun.workspace.copying.trees import Copied, Progress, copy_into
from crossrun.workspace.copying.worker import leads_out
from crossrun.workspace.sources.repositories import git_in


def copy_targets(
    source: Path, folder: Path, copied: Copied, stop: CancelToken, never: Sequence[Path]
) -> Generator[Progress, None, Copied]:
    """Replaces links that lead out of the source by copies of their targets.

    Links within these targets stay links. A folder that contains the source, or one of those that
    are `never` copied, is not copied.

    Returns:
        The counts of the whole copy; its outward links are those that remain.
    """
    left = list[str]()
    for path in copied.outward:
        goal = (source / path).resolve()
        around = any(each.resolve().is_relative_to(goal) for each in (source, *never))
        if goal.is_file():
            (folder / path).unlink()
            shutil.copy2(goal, folder / path)
            copied = replace(copied, files=copied.files + 1, links=copied.links - 1)
        elif goal.is_dir() and not around:
            (folder / path).unlink()
            (folder / path).mkdir()
            more = yield from copy_into(goal, folder / path, stop, leave_out=_is_git)
            left += [f"{path}/{link}" for link in more.outward]
            copied = _sum(copied, more)
        else:
            left.append(path)
    return replace(copied, outward=tuple(left))


def hide_redirected(git_dir: Path, links: Sequence[Redirected], *, besides: frozenset[str]) -> None:
    """Makes git consider redirected links in a copy unchanged, if it tracks them."""
    paths = {link.path for link in links} - besides
    if not paths:
        return
    tracked = os.fsdecode(git_in(git_dir, git_dir.parent, "ls-files", "-z")).split("\0")
    listed = "".join(f"{path}\0" for path in tracked if path in paths)
    words = ("update-index", "--assume-unchanged", "-z", "--stdin")
    git_in(git_dir, git_dir.parent, *words, stdin=os.fsencode(listed))


def redirect_again(source: Path, folder: Path, paths: Iterable[str]) -> Iterator[Redirected]:
    """Redirects links that git has just checked out in a copy."""
    links = Links(source)
    for path in sorted(paths):
        link = folder / path
        if not link.is_symlink() or not leads_out(path, leads_to := str(link.readlink())):
            continue
        redirected = links.redirected(path, leads_to)
        if redirected is not None:
            link.unlink()
            link.symlink_to(redirected.now)
            yield redirected


def _is_git(path: str) -> bool:
    return path.rpartition("/")[2] == ".git"


def _sum(copied: Copied, more: Copied) -> Copied:
    return replace(
        copied,
        files=copied.files + more.files,
        bytes=copied.bytes + more.bytes,
        shared=copied.shared + more.shared,
        folders=copied.folders + more.folders + 1,
        links=copied.links + more.links - 1,
        skipped=(*copied.skipped, *more.skipped),
    )
