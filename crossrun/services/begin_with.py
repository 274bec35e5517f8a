"""What the workspace of a new run begins with: options, checked against what is there."""

import re
from pathlib import Path

from crossrun.errors import NotFoundError, UsageError
from crossrun.model.requests import BeginWith
from crossrun.services.app import App
from crossrun.services.options import RunOptions, conflict
from crossrun.store import Store
from crossrun.workspace.files.filenames import require_utf8

_WITH_LOGIN = re.compile(r"https?://[^/]*@", re.IGNORECASE)


def begin_with_of(options: RunOptions, app: App, setup: str | None) -> BeginWith:
    """Checks what the options say about the workspace.

    Args:
        options: of the new run.
        app: has the runs that the options may name, and crossrun's own folders.
        setup: the command that prepares workspaces of the project.

    Raises:
        CrossrunError: a folder or run does not exist, or cannot be used.
    """
    if options.workspace is not None:
        return BeginWith(in_place=str(_own_folder(options.workspace, app)))
    if options.from_run_id is not None:
        return BeginWith(
            run_id=_run_id(options.from_run_id, "--from-run-id", app.store), setup=setup
        )
    if options.source is None:
        return BeginWith(setup=setup)
    return _with_source(options.source, options, app.store, setup)


def _with_source(source: str, options: RunOptions, store: Store, setup: str | None) -> BeginWith:
    from crossrun.workspace.sources.cloning import is_url

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
        return BeginWith(url=source, clean=options.clean, include=options.include, setup=setup)
    if not source.strip():
        raise UsageError(
            "OPTION_INVALID", "--source is empty", hint="give a folder, or leave it out"
        )
    if Path(source).exists():
        path = Path(source).absolute()
        require_utf8(path)
        return BeginWith(
            path=str(path),
            clean=options.clean,
            include=options.include,
            setup=setup,
            folder_only=options.folder_only,
            follow_links=options.follow_links or "no",
        )
    if options.clean or options.include or options.folder_only or copies_links:
        raise _missing(source)
    return BeginWith(run_id=_run_id(source, "--source", store), setup=setup)


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
