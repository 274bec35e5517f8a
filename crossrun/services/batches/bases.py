"""Frozen copies of what the runs of a batch begin with, so that all begin in the same state."""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec.structs import replace

from crossrun.engine.copying import BeginningCopy, copy_beginning
from crossrun.errors import NotFoundError, UsageError
from crossrun.events import SourceCopied, WorkspacePrepared
from crossrun.model.requests import BeginWith, RunRequest
from crossrun.model.runs import Run, Source, require_own_files
from crossrun.services.app import App
from crossrun.services.assembly import agents_environ
from crossrun.services.lineage import prepare_run
from crossrun.services.notices import Notice
from crossrun.system.background import awaited
from crossrun.system.cancellation import CancelToken
from crossrun.system.folders import make_private
from crossrun.workspace.copying.links import kept_links
from crossrun.workspace.copying.trees import Progress
from crossrun.workspace.files.atomic import building
from crossrun.workspace.snapshots.state_recording import Original
from crossrun.workspace.snapshots.tree_builder import EMPTY_TREE
from crossrun.workspace.snapshots.trees import Trees
from crossrun.workspace.sources.frozen import (
    FrozenSource,
    frozen_folder,
    is_frozen,
    record_frozen,
)
from crossrun.workspace.sources.states import make_repository, write_state


def freeze(
    app: App, request: RunRequest, batch_id: str, number: int, stop: CancelToken
) -> Generator[Progress, None, RunRequest]:
    """Copies what a run begins with, once for all runs of a batch that begin with it.

    Args:
        app: has the runs, and the folders of workspaces.
        request: of one of the runs.
        batch_id: the batch that the copy belongs to, and that keeps it from being removed.
        number: of the copy, among those of the batch. One that is there already is used.
        stop: ends the copy.

    Returns:
        The request, whose run begins with the frozen copy, or with an empty folder if the user
        named no source and is in a folder that git ignores.

    Raises:
        RunFailed: it was cancelled.
        CrossrunError: the source cannot be copied, or is not copied but worked in.
    """
    begin = request.begin_with
    if begin.in_place is not None:
        raise UsageError(
            "OPTIONS_CONFLICT",
            "several runs cannot work in the same folder: --workspace",
            hint="let each work on a copy of it: --source DIR",
        )
    if begin.frozen is not None or begin.path is begin.url is begin.run_id is None:
        return request
    folder = _folder(app, batch_id, number)
    try:
        if not is_frozen(folder):
            with _removing_if_empty(folder.parent):
                yield from _freeze(app, request, folder, stop)
    except UsageError as error:
        if not begin.by_default or error.code != "SOURCE_INVALID":
            raise
        reason = f"{error.message}; to copy this folder: --source . --folder-only"
        app.notify(Notice(f"the runs begin with an empty folder: {reason}"))
        return replace(request, begin_with=replace(begin, path=None, by_default=False))
    return replace(request, begin_with=replace(begin, frozen=str(folder)))


def freeze_state_before(
    app: App, run: Run, batch_id: str, number: int
) -> Generator[Progress, None, BeginWith]:
    """Makes a frozen copy of the state that a run began with, as it was recorded.

    It has the files that were recorded, and in place of the history of a repository one commit of
    them. The change of a run that begins with it is applied where that of `run` is.

    Args:
        app: has the recorded states.
        run: the run; its workspace may be gone.
        batch_id: the batch that the copy belongs to.
        number: of the copy, among those of the batch. One that is there already is used.

    Raises:
        NotFoundError: STATE_GONE, the state is no longer recorded.
        UsageError: the run was imported.
    """
    require_own_files(run)
    prepared = recorded_state(app, run)
    if prepared.baseline == EMPTY_TREE:
        return BeginWith()
    folder = _folder(app, batch_id, number)
    if not is_frozen(folder):
        yield from awaited(
            lambda: _write_state(app, run, prepared, folder),
            lambda _done, _total: Progress(0, 0),
        )
    return BeginWith(frozen=str(folder))


def recorded_state(app: App, run: Run) -> WorkspacePrepared:
    """The event with the state that a run began with.

    Raises:
        NotFoundError: STATE_GONE, the state is no longer recorded.
    """
    prepared = app.store.read.first_event(run.id, WorkspacePrepared)
    snapshots = app.workspaces.snapshots(Path(run.workspace))
    if prepared is None or not snapshots.has(prepared.baseline):
        raise NotFoundError(
            "STATE_GONE",
            f"the state that the run {run.id} started from is no longer recorded",
            hint="choose a run whose workspace was not cleaned up: crossrun runs",
        )
    return prepared


def _folder(app: App, batch_id: str, number: int) -> Path:
    return frozen_folder(app.settings.paths.workspaces, batch_id, number)


@contextmanager
def _removing_if_empty(folder: Path) -> Iterator[None]:
    """Removes the folder of a batch's copies again if the first of them cannot be made."""
    try:
        yield
    except BaseException:
        with suppress(OSError):  # it has others
            folder.rmdir()
        raise


def _freeze(
    app: App, request: RunRequest, folder: Path, stop: CancelToken
) -> Generator[Progress, None, None]:
    make_private(folder.parent)
    environ, copied_at = agents_environ(app.settings), time.time_ns()
    with prepare_run(app.store, request) as prepared:
        parent = prepared.parent
        copy = yield from copy_beginning(
            request.begin_with, parent, folder, app.workspaces, environ, stop
        )
        if parent.cloned is not None:
            app.workspaces.snapshots(folder).inherit(app.workspaces.snapshots(parent.cloned))
    source = yield from awaited(
        lambda: _record_base(app, copy, folder, copied_at), lambda _done, _total: Progress(0, 0)
    )
    record_frozen(folder, FrozenSource(copy.event, source))


def _record_base(app: App, copy: BeginningCopy, folder: Path, copied_at: int) -> Source | None:
    """The source as runs record it that begin with the copy, whose state they then know."""
    source, is_new = copy.source, copy.source is not None and not copy.source.base
    is_known = is_new and source is not None and source.kind != "url"
    original = Original(Path(source.path), copied_at) if is_known and source else None
    workspace = app.workspaces.recorded(folder, whole=is_new, original=original)
    if source is None or not copy.links:
        return source
    return replace(source, links=kept_links(workspace.snapshots, copy.links))


def _write_state(app: App, run: Run, prepared: WorkspacePrepared, folder: Path) -> None:
    make_private(folder.parent)
    snapshots = app.workspaces.snapshots(Path(run.workspace))
    trees, source = Trees(snapshots), _source_of_state(prepared)
    with building(folder) as new:
        size = write_state(trees, prepared.baseline, new)
        if source is not None and source.kind in ("repository", "url"):
            make_repository(new, f"The state that the run {run.id} began with")
    app.workspaces.snapshots(folder).inherit(snapshots)
    workspace = app.workspaces.recorded(folder, whole=True)
    files = len(trees.entries(workspace.baseline))
    copied = SourceCopied(kind="run", path=run.id, files=files, bytes=size)
    record_frozen(folder, FrozenSource(copied, source))


def _source_of_state(prepared: WorkspacePrepared) -> Source | None:
    """The source of what begins with the recorded state, which has no ignored files."""
    source = prepared.source
    if source is None:
        return None
    kind = "folder" if source.kind == "in_place" else source.kind
    base = "" if source.base == prepared.baseline else source.base
    return replace(source, kind=kind, base=base, manifest=None, kept_ignored=None, git_state=None)
