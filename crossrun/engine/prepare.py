"""The first stage of a run: an empty folder, a copy, a clone, or the user's own folder.

It ends with the workspace, ready for the agent, and with the state that changes are measured from.
"""

import shlex
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from crossrun.engine.context import RunContext
from crossrun.errors import CrossrunError
from crossrun.events import CopyProgressed, Event, SetupRan, Warned
from crossrun.executors.commands import run_command, shell
from crossrun.executors.process import ProcessLimits
from crossrun.model.failures import Failure, RunFailed
from crossrun.model.runs import Source
from crossrun.system import clock
from crossrun.workspace.files.dirfd import shown
from crossrun.workspace.snapshots.state_recording import Original
from crossrun.workspace.workspaces import Workspace, top_files, top_of_repository

if TYPE_CHECKING:
    from crossrun.engine.copying import BeginningCopy
    from crossrun.workspace.copying.links import Redirected
    from crossrun.workspace.copying.trees import Progress

_INSTRUCTIONS = "AGENTS.md"
"""The file in which agents look for the instructions of a project."""
_MOST_NOT_KEPT = 3
_MOST_OUTPUT = 2000
"""Characters."""

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
    copy = yield from _fill(run)
    source = None if copy is None else copy.source
    run.work_in(source)
    whole = source is not None and not source.base
    added: tuple[str, ...] = ()
    if begin.inputs:
        from crossrun.engine.inputs import place_inputs

        added = yield from place_inputs(run, hidden=whole)
    if begin.instructions is not None:
        added = (*added, _instruct(run, begin.instructions, hidden=whole))
    frozen = None if begin.frozen is None else Path(begin.frozen)
    beside = parent.cloned or frozen
    original = _original(source, frozen, copied_at) if whole or frozen else None
    if begin.setup is not None:
        if whole:  # before the setup adds files that git ignores
            yield from run.with_snapshot_progress(
                lambda: workspaces.recorded(run.path, beside=beside, whole=True, original=original)
            )
        yield from _set_up(run, begin.setup)
    is_untouched = begin.setup is None
    workspace = yield from run.with_snapshot_progress(
        lambda: workspaces.recorded(
            run.path,
            beside=beside if is_untouched or not whole else None,
            whole=whole and is_untouched,
            original=original if is_untouched else None,
        )
    )
    parent.let_go()
    if copy is not None and source is not None:
        source = _with_base(source, workspace, copy.links, added)
    return workspace, source


def _with_base(
    source: Source, workspace: Workspace, links: "Sequence[Redirected]", added: Sequence[str]
) -> Source:
    """The source with the state that the changes of the run, when applied, are measured from."""
    if not source.base:
        source = replace(source, base=workspace.baseline, manifest=workspace.manifest)
    elif added:
        source = replace(source, base=_with_added(source.base, workspace, added))
    if links:
        from crossrun.workspace.copying.links import kept_links

        source = replace(source, links=kept_links(workspace.snapshots, links))
    return source


def _with_added(base: str, workspace: Workspace, paths: Sequence[str]) -> str:
    """A state that has the same at some paths as the workspace, so that nothing differs there."""
    from crossrun.workspace.snapshots.trees import Trees

    trees = Trees(workspace.snapshots)
    entries = trees.entries(workspace.baseline)
    return trees.write({path: entries.get(path) for path in paths}, onto=base)


def _original(source: Source | None, frozen: Path | None, copied_at: int) -> Original | None:
    """The folder that the workspace is a copy of, unless that is the workspace of another run."""
    if frozen is not None:
        return Original(frozen, copied_at)
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
            message=f"too large to back up, so crossrun undo cannot restore: {shown(named)}{more}"
        )


def _instruct(run: RunContext, text: str, *, hidden: bool) -> str:
    """Puts the instructions where the agent looks for them; their path in the workspace."""
    from crossrun.workspace.sources.overlays import hide, overlay

    path = f"{run.subfolder}/{_INSTRUCTIONS}".lstrip("/")
    overlay(run.path / path, text)
    if hidden:
        hide(run.path, path)
    return path


def _fill(run: RunContext) -> "Generator[Event | None, None, BeginningCopy | None]":
    """Creates the folder with its first files; the value is None if there are none."""
    begin, workspaces = run.request.begin_with, run.dependencies.workspaces
    if run.parent.cloned is None and begin.url is begin.path is begin.frozen is None:
        workspaces.make_empty(run.path)
        return None
    from crossrun.engine.copying import copy_beginning

    copying = copy_beginning(
        begin, run.parent, run.path, workspaces, run.dependencies.environ, run.stop
    )
    try:
        copy = yield from run.with_progress(copying, _copying)
    except CrossrunError as error:
        if not begin.by_default:
            raise
        if error.code == "SOURCE_INVALID":  # the user is in a folder that git ignores
            reason = f"{error.message}; to copy this folder: --source . --folder-only"
            yield Warned(message=f"the run starts in an empty folder: {reason}")
            workspaces.make_empty(run.path)
            return None
        hint = f"{error.hint}; or start in an empty folder: --empty"
        raise type(error)(error.code, error.message, hint=hint) from error
    yield copy.event
    return copy


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


def _copying(progress: "Progress") -> CopyProgressed:
    return CopyProgressed(files=progress.files, bytes=progress.bytes, total=progress.total)


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
                f"correct it: crossrun projects set {shlex.quote(run.request.project_id)} "
                "workspace.setup COMMAND",
            )
        )
