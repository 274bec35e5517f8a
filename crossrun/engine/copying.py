"""Copies what a workspace begins with: a folder, a repository, the workspace of another run."""

from collections.abc import Generator, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

from crossrun.events import SourceCopied
from crossrun.model.requests import BeginWith
from crossrun.model.runs import Source
from crossrun.projections.resume import Parent
from crossrun.system.cancellation import CancelToken
from crossrun.workspace.copying.links import Redirected
from crossrun.workspace.copying.trees import Copied, Progress
from crossrun.workspace.files.dirfd import shown
from crossrun.workspace.sources.cloning import clone, without_login
from crossrun.workspace.sources.copies import CopyOptions, SourceCopy, copy_source, copy_workspace
from crossrun.workspace.sources.frozen import copy_frozen
from crossrun.workspace.workspaces import Workspaces

_MOST_NAMES = 100
"""How many names of each kind an event has at most."""

Kind = Literal["repository", "folder", "url"]


class BeginningCopy(NamedTuple):
    """The first files of a workspace: where they come from, and what is recorded about that.

    A new `source` has no base yet. `links` are those that lead into the copy now.
    """

    event: SourceCopied
    source: Source | None
    links: tuple[Redirected, ...] = ()


def copy_beginning(
    begin: BeginWith,
    parent: Parent,
    target: Path,
    workspaces: Workspaces,
    environ: Mapping[str, str],
    stop: CancelToken,
) -> Generator[Progress, None, BeginningCopy]:
    """Copies what a workspace begins with to a new path.

    Raises:
        RunFailed: the run was cancelled.
        CrossrunError: it is not there or cannot be read, or the target cannot be written.
    """
    if begin.frozen is not None:
        frozen = yield from copy_frozen(Path(begin.frozen), target, stop)
        return BeginningCopy(frozen.copied, frozen.source)
    if parent.cloned is not None:
        is_own = workspaces.is_own(parent.cloned)
        copied = yield from copy_workspace(parent.cloned, target, stop, is_own=is_own)
        event = _workspace_copied(copied, begin.run_id or "", parent.source)
        return BeginningCopy(event, parent.source, () if is_own else copied.redirected)
    kind: Kind
    if begin.url is not None:
        source_copy = yield from clone(begin.url, target, stop, environ)
        kind, path = "url", without_login(begin.url)
    else:
        options = _options(begin, workspaces, environ)
        source_copy = yield from copy_source(Path(begin.path or ""), target, stop, options)
        kind, path = source_copy.kind, source_copy.top
    event = _source_copied(source_copy, kind, path)
    return BeginningCopy(event, _source(source_copy, kind, path), source_copy.copied.redirected)


def _options(begin: BeginWith, workspaces: Workspaces, environ: Mapping[str, str]) -> CopyOptions:
    return CopyOptions(
        clean=begin.clean,
        include=begin.include,
        besides=workspaces.own_folders,
        folder_only=begin.folder_only,
        follow_links=begin.follow_links,
        environ=environ,
    )


def _source(source_copy: SourceCopy, kind: Kind, path: str) -> Source:
    work = source_copy.uncommitted
    return Source(
        kind=kind,
        path=path,
        base="",
        branch=source_copy.branch,
        commit=source_copy.commit,
        subfolder=source_copy.subfolder,
        uncommitted=0 if source_copy.clean else work.staged + work.unstaged + work.untracked,
    )


def _source_copied(source_copy: SourceCopy, kind: Kind, path: str) -> SourceCopied:
    work = source_copy.uncommitted
    return SourceCopied(
        kind=kind,
        path=path,
        **_counted(source_copy.copied),
        branch=source_copy.branch,
        commit=source_copy.commit,
        staged=work.staged,
        unstaged=work.unstaged,
        untracked=work.untracked,
        clean=source_copy.clean,
        ignored=source_copy.ignored,
        included=source_copy.included,
        submodules=_shortened(source_copy.submodules),
        lfs_pointers=_shortened(source_copy.lfs_pointers),
        filtered=_shortened(source_copy.filtered),
        repositories=_shortened(source_copy.repositories),
        detached=_shortened(source_copy.detached),
        shallow=source_copy.shallow,
        subfolder=source_copy.subfolder,
        operation=source_copy.operation,
        partial=source_copy.partial,
        home=source_copy.home,
    )


def _workspace_copied(copied: Copied, run_id: str, source: Source | None) -> SourceCopied:
    return SourceCopied(
        kind="run",
        path=run_id,
        **_counted(copied),
        branch=None if source is None else source.branch,
        commit=None if source is None else source.commit,
    )


def _counted(copied: Copied) -> dict[str, Any]:
    return {
        "files": copied.files,
        "bytes": copied.bytes,
        "shared": copied.shared,
        "links": copied.links,
        "outward": _shortened(map(shown, copied.outward)),
        "redirected": _shortened(shown(link.path) for link in copied.redirected),
        "lost": _shortened(f"{lost.path} ({lost.what})" for lost in copied.lost),
        "skipped": _shortened(f"{file.path} ({file.kind})" for file in copied.skipped),
    }


def _shortened(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(islice(names, _MOST_NAMES))
