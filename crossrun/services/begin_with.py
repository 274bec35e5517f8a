"""What the workspace of a new run begins with: options, checked against what is there."""

import os
import re
from pathlib import Path

from msgspec.structs import replace

from crossrun.errors import NotFoundError, UsageError
from crossrun.model.requests import BeginWith
from crossrun.services.app import App
from crossrun.services.notices import Notice
from crossrun.services.options import RunOptions, conflict
from crossrun.store import Store
from crossrun.workspace.files.filenames import require_utf8

_WITH_LOGIN = re.compile(r"https?://[^/]*@", re.IGNORECASE)


def begin_with_of(
    options: RunOptions, app: App, setup: str | None, *, plays_recordings: bool
) -> BeginWith:
    """Checks what the options say about the workspace.

    Args:
        options: of the new run.
        app: has the runs that the options may name, and crossrun's own folders.
        setup: the command that prepares workspaces of the project.
        plays_recordings: the executor repeats a session, which needs no files but its own.

    Raises:
        CrossrunError: a folder, file or run does not exist, or cannot be used.
    """
    begin = _source_of(options, app, setup, plays_recordings=plays_recordings)
    return replace(begin, inputs=_inputs(options, app)) if options.inputs else begin


def _source_of(
    options: RunOptions, app: App, setup: str | None, *, plays_recordings: bool
) -> BeginWith:
    if options.workspace is not None:
        return BeginWith(in_place=str(_own_folder(options.workspace, app)))
    if options.from_run_id is not None:
        return BeginWith(
            run_id=_run_id(options.from_run_id, "--from-run-id", app.store), setup=setup
        )
    if options.source is None:
        folder = None if options.empty or plays_recordings else _default_folder(app)
        if folder is None:
            options.require_no_details_of_source()
            return BeginWith(setup=setup)
        return replace(_with_folder(folder, options, setup), by_default=True)
    return _with_source(options.source, options, app.store, setup)


def _with_source(source: str, options: RunOptions, store: Store, setup: str | None) -> BeginWith:
    from crossrun.workspace.sources.cloning import is_url, require_allowed

    if _WITH_LOGIN.match(source):
        raise UsageError(
            "SOURCE_INVALID",
            "--source: a login in an address would be stored with the run",
            hint="leave it out: git asks its credential helper, or use ssh",
        )
    copies_links = options.follow_links == "copy"
    if is_url(source):
        if options.folder_only or copies_links:
            flag = "--folder-only" if options.folder_only else "--follow-links copy"
            raise conflict("a URL", flag)
        require_allowed(source)
        return BeginWith(url=source, clean=options.clean, include=options.include, setup=setup)
    if not source.strip():
        raise UsageError(
            "OPTION_INVALID", "--source is empty", hint="give a folder, or leave it out"
        )
    if Path(source).exists():
        return _with_folder(Path(source).absolute(), options, setup)
    if options.clean or options.include or options.folder_only or copies_links:
        raise _missing(source)
    return BeginWith(run_id=_run_id(source, "--source", store), setup=setup)


def _default_folder(app: App) -> Path | None:
    """The folder to copy if none is named; says why it is none although a repository is there."""
    if app.settings.run.source == "none":
        return None
    folder, why_empty = app.starting_point
    if why_empty is not None:
        app.notify(Notice(f"the run starts in an empty folder: {why_empty}"))
    return folder


def _with_folder(folder: Path, options: RunOptions, setup: str | None) -> BeginWith:
    if not folder.is_dir():
        raise UsageError(
            "SOURCE_INVALID",
            f"--source: {folder} is not a folder",
            hint=f"to give the run a single file: --input {folder}",
        )
    require_utf8(folder)
    return BeginWith(
        path=str(folder),
        clean=options.clean,
        include=options.include,
        setup=setup,
        folder_only=options.folder_only,
        follow_links=options.follow_links or "no",
    )


def _inputs(options: RunOptions, app: App) -> tuple[str, ...]:
    """The whole paths of the inputs, whose names in the workspace have to differ."""
    from crossrun.workspace.sources.inputs import input_name

    paths = [Path(os.path.abspath(path)) for path in options.inputs]  # noqa: PTH100  not through links
    names = list(map(input_name, paths))
    own = [folder.resolve() for folder in app.workspaces.own_folders]
    for path, name in zip(paths, names, strict=True):
        if names.count(name) > 1:
            raise UsageError(
                "INPUT_CLASH",
                f"--input: two of them are named {name}",
                hint="rename a copy of one of them, or give the folder that contains both",
            )
        if any(each.is_relative_to(path.resolve()) for each in own):
            raise UsageError(
                "INPUT_INVALID",
                f"--input: crossrun keeps its own files in {path}",
                hint="name a folder below it",
            )
    return tuple(map(str, paths))


def _run_id(reference: str, flag: str, store: Store) -> str:
    if not reference.strip():
        raise UsageError("OPTION_INVALID", f"{flag} is empty", hint="give the id of a run")
    try:
        return store.read.run(reference).id
    except NotFoundError as error:
        if flag != "--source" or error.code == "RUN_AMBIGUOUS":
            raise
        raise _missing(reference) from error


def _own_folder(folder: Path, app: App) -> Path:
    path = folder.resolve()
    if not path.is_dir():
        raise NotFoundError(
            "SOURCE_NOT_FOUND", f"there is no folder {folder}", hint="check the path's spelling"
        )
    require_utf8(path)
    own = [folder.resolve() for folder in app.workspaces.own_folders]
    if any(each.is_relative_to(path) or path.is_relative_to(each) for each in own):
        raise UsageError(
            "WORKSPACE_INVALID",
            f"crossrun keeps its own files in {path}, so a run cannot work there",
            hint="choose a folder below it, or work on a copy: --source DIR",
        )
    app.workspaces.require_free(path)
    return path


def _missing(source: str) -> NotFoundError:
    return NotFoundError(
        "SOURCE_NOT_FOUND",
        f"--source: there is no folder and no run {source!r}",
        hint="give a folder, the URL of a git repository, or the id of a run",
    )
