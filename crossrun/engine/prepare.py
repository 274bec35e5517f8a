"""The first stage of a run: an empty folder, a copy, a clone, or the user's own folder.

It ends with the workspace, ready for the agent, and with the state that changes are measured from.
"""

import time
from collections.abc import Generator, Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from msgspec.structs import replace

from crossrun.engine.context import RunContext
from crossrun.events import CopyProgressed, Event, SetupRan, SourceCopied, Warned
from crossrun.executors.commands import run_command, shell
from crossrun.executors.process import ProcessLimits
from crossrun.model.failures import Failure, RunFailed
from crossrun.model.runs import Source
from crossrun.system import clock
from crossrun.workspace.files.dirfd import shown
from crossrun.workspace.snapshots.state_recording import Original
from crossrun.workspace.workspaces import Workspace, top_files, top_of_repository

if TYPE_CHECKING:
    from crossrun.workspace.copying.links import Redirected
    from crossrun.workspace.copying.trees import Copied, Progress
    from crossrun.workspace.sources.copies import CopyOptions, SourceCopy

_MOST_NAMES = 100
"""How many names of each kind an event has at most."""
_MOST_NOT_KEPT = 3
_MOST_OUTPUT = 2000
"""Characters."""

Kind = Literal["repository", "folder", "url"]
Events = Generator[Event | None]


Prepared = Generator[Event | None, None, tuple[Workspace, Source | None]]


def prepare(run: RunContext) -> Prepared:
    """Prepares the workspace; the value is the workspace and the source of its files.

    Raises:
        RunFailed, CrossrunError: it cannot be prepared.
    """
    run.resources.enter_context(run.dependencies.workspaces.holding(run.path))
    exists = run.parent.workspace is not None or run.request.begin_with.in_place is not None
    workspace, source = yield from (_take_over(run) if exists else _create(run))
    run.work_in(source)
    if workspace.snapshots.left_out:
        yield Warned(message=f"not all files are recorded: {workspace.snapshots.left_out}")
    return workspace, source


def _take_over(run: RunContext) -> Prepared:
    """Uses a folder that exists: the workspace of an earlier run, or a folder of the user's."""
    parent, workspaces = run.parent, run.dependencies.workspaces
    source = parent.source
    in_place = parent.workspace is None or (source is not None and source.kind == "in_place")
    workspace = yield from run.with_snapshot_progress(
        lambda: workspaces.take_over(run.path, restorable=in_place)
    )
    if in_place:
        # earlier changes of the user's do not belong to this run
        source = Source(
            kind="in_place",
            path=str(run.path),
            base=workspace.baseline,
            manifest=workspace.manifest,
            kept_ignored=workspace.kept,
            git_state=workspace.git_state,
        )
        yield from _warn_of_what_is_not_kept(workspace)
    return workspace, source


def _create(run: RunContext) -> Prepared:
    """Creates the folder, fills and sets it up, and records its first state."""
    begin, parent, workspaces = run.request.begin_with, run.parent, run.dependencies.workspaces
    workspaces.make_room(run.path)
    copied_at = time.time_ns()
    source, links = yield from _fill(run)
    run.work_in(source)
    whole = source is not None and not source.base
    original = _original(source, copied_at) if whole else None
    if begin.setup is not None:
        if whole:  # before the setup adds files that git ignores
            yield from run.with_snapshot_progress(
                lambda: workspaces.recorded(run.path, whole=True, original=original)
            )
        yield from _set_up(run, begin.setup)
    is_untouched = whole and begin.setup is None
    workspace = yield from run.with_snapshot_progress(
        lambda: workspaces.recorded(
            run.path,
            beside=parent.cloned,
            whole=is_untouched,
            original=original if is_untouched else None,
        )
    )
    parent.let_go()
    if source is not None and not source.base:
        source = replace(source, base=workspace.baseline, manifest=workspace.manifest)
    if source is not None and links:
        from crossrun.workspace.copying.links import kept_links

        source = replace(source, links=kept_links(workspace.snapshots, links))
    return workspace, source


def _original(source: Source | None, copied_at: int) -> Original | None:
    """What the workspace is a copy of, if that is a folder of the user's."""
    if source is None or source.kind not in ("repository", "folder"):
        return None
    return Original(Path(source.path), copied_at)


def _warn_of_what_is_not_kept(workspace: Workspace) -> Events:
    """Warns of what `crossrun undo` will not be able to restore."""
    if workspace.git_state is None and top_of_repository(workspace.path) is not None:
        yield Warned(
            message="crossrun undo cannot restore the branches and the index of this repository: "
            "its references are not kept as files, or its .git leads elsewhere"
        )
    paths = workspace.not_kept()
    if paths:
        named = ", ".join(paths[:_MOST_NOT_KEPT])
        more = f" and {len(paths) - _MOST_NOT_KEPT} more" if len(paths) > _MOST_NOT_KEPT else ""
        yield Warned(
            message=f"too large to be kept, so crossrun undo cannot restore: {shown(named)}{more}"
        )


def _fill(
    run: RunContext,
) -> "Generator[Event | None, None, tuple[Source | None, tuple[Redirected, ...]]]":
    """Creates the folder with its first files.

    The value is the source, which has no base yet if it is new, and the links that were rewritten.
    """
    begin, stop = run.request.begin_with, run.stop
    if run.parent.cloned is None and begin.url is None and begin.path is None:
        run.dependencies.workspaces.make_empty(run.path)
        return None, ()
    from crossrun.workspace.sources.cloning import clone, without_login
    from crossrun.workspace.sources.copies import copy_source, copy_workspace

    kind: Kind
    if run.parent.cloned is not None:
        cloned, is_own = run.parent.cloned, run.dependencies.workspaces.is_own(run.parent.cloned)
        cloning = copy_workspace(cloned, run.path, stop, is_own=is_own)
        copied = yield from run.with_progress(cloning, _copying)
        yield _workspace_copied(copied, begin.run_id or "", run.parent.source)
        return run.parent.source, () if is_own else copied.redirected
    if begin.url is not None:
        source_copy = yield from run.with_progress(
            clone(begin.url, run.path, stop, run.dependencies.environ), _copying
        )
        kind, path = "url", without_login(begin.url)
    else:
        copying = copy_source(Path(begin.path or ""), run.path, stop, _options(run))
        source_copy = yield from run.with_progress(copying, _copying)
        kind, path = source_copy.kind, source_copy.top
    yield _source_copied(source_copy, kind, path)
    return _source(source_copy, kind, path), source_copy.copied.redirected


def subfolder_of(run: RunContext) -> str:
    """The subfolder of the workspace in which the agent is going to work."""
    begin, source, dependencies = run.request.begin_with, run.parent.source, run.dependencies
    if begin.path is None:
        return "" if source is None else source.subfolder
    from crossrun.workspace.git.folders import locate

    home, own = dependencies.environ.get("HOME"), dependencies.workspaces.own_folders
    return locate(Path(begin.path), home, own).subfolder


def expected_markers(run: RunContext) -> tuple[str, ...]:
    """The marker files that the agent is going to find, without preparing anything.

    What a repository that has to be cloned holds, and what the setup command makes, is not known.
    """
    begin, parent = run.request.begin_with, run.parent
    if parent.workspace is not None or begin.in_place is not None:
        return top_files(run.folder)
    if parent.cloned is not None:
        return top_files(parent.cloned / run.subfolder)
    return () if begin.path is None else top_files(Path(begin.path))


def _options(run: RunContext) -> "CopyOptions":
    from crossrun.workspace.sources.copies import CopyOptions

    begin = run.request.begin_with
    return CopyOptions(
        clean=begin.clean,
        include=begin.include,
        besides=run.dependencies.workspaces.own_folders,
        folder_only=begin.folder_only,
        follow_links=begin.follow_links,
        environ=run.dependencies.environ,
    )


def _copying(progress: "Progress") -> CopyProgressed:
    return CopyProgressed(files=progress.files, bytes=progress.bytes, total=progress.total)


def _source(source_copy: "SourceCopy", kind: Kind, path: str) -> Source:
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


def _source_copied(source_copy: "SourceCopy", kind: Kind, path: str) -> SourceCopied:
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


def _workspace_copied(copied: "Copied", run_id: str, source: Source | None) -> SourceCopied:
    return SourceCopied(
        kind="run",
        path=run_id,
        **_counted(copied),
        branch=None if source is None else source.branch,
        commit=None if source is None else source.commit,
    )


def _counted(copied: "Copied") -> dict[str, Any]:
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


def _set_up(run: RunContext, command: str) -> Events:
    """Runs the user's command that prepares the workspaces of the project."""
    run.check_end()
    began = clock.monotonic()
    result = yield from run_command(
        shell(command),
        workspace=run.folder,
        environ=run.dependencies.environ,
        run_id=run.run_id,
        limits=ProcessLimits(run.stop, run.deadline),
        tracking=run.tracking,
    )
    cut_short, code = result.end.cut_short, result.end.code
    yield SetupRan(
        command=command,
        exit_code=None if cut_short else code,
        output=result.output,
        duration_s=round(clock.monotonic() - began, 3),
    )
    if cut_short is not None:
        raise RunFailed(cut_short)
    if code != 0:
        output = result.output.strip()[-_MOST_OUTPUT:]
        raise RunFailed(
            Failure(
                "SETUP_FAILED",
                f"the project's setup `{command}` ended with exit code {code}: {output}",
                "correct it: crossrun projects set NAME workspace.setup COMMAND",
            )
        )
