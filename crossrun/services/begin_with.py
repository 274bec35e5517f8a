"""From the words of `crossrun run` to what its workspace begins with."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crossrun.config.settings import Settings
from crossrun.errors import NotFoundError, UsageError
from crossrun.model.choices import FOLLOW_LINKS, FollowLinks
from crossrun.model.requests import BeginWith
from crossrun.services.assembly import workspaces
from crossrun.store import Store
from crossrun.workspace.files.filenames import require_utf8
from crossrun.workspace.sources.cloning import is_url

_WITH_LOGIN = re.compile(r"https?://[^/]*@", re.IGNORECASE)
_WAYS = ("--source", "--from-run-id", "--workspace")
_DETAILS = ("--clean", "--include", "--folder-only", "--follow-links")


def begin_with_of(
    given: Mapping[str, Any], settings: Settings, store: Store, setup: str | None
) -> BeginWith:
    """What was said about the workspace, checked.

    Args:
        given: the words of the command.
        settings: for where crossrun's own folders are.
        store: for runs that are named.
        setup: the command that prepares workspaces of the project.

    Raises:
        CrossrunError: the words contradict each other, or what they name is not there.
    """
    named = [way for way in _WAYS if given[way[2:].replace("-", "_")] is not None]
    if len(named) > 1:
        raise _conflict(named[0], named[1])
    source, run, folder = given["source"], given["from_run_id"], given["workspace"]
    details = [way for way in _DETAILS if given[way[2:].replace("-", "_")]]
    if details and source is None:
        raise UsageError(
            "OPTION_INVALID", f"{details[0]} says something about a --source", hint="give both"
        )
    if given["clean"] and given["folder_only"]:
        raise _conflict("--clean", "--folder-only")
    if folder is not None:
        return BeginWith(in_place=str(_own_folder(folder, settings)))
    if run is not None:
        return BeginWith(run_id=_run_id(run, "--from-run-id", store), setup=setup)
    if source is None:
        return BeginWith(setup=setup)
    return _with_source(source, given, store, setup)


def _with_source(
    source: str, given: Mapping[str, Any], store: Store, setup: str | None
) -> BeginWith:
    clean, include = given["clean"], tuple(given["include"] or ())
    folder_only, follow_links = given["folder_only"], _follow_links(given["follow_links"])
    if _WITH_LOGIN.match(source):
        raise UsageError(
            "SOURCE_INVALID",
            "--source: a login in an address would be stored with the run",
            hint="leave it out: git asks its credential helper, or use ssh",
        )
    if is_url(source):
        if folder_only or follow_links == "copy":
            raise _conflict("a URL", "--folder-only" if folder_only else "--follow-links copy")
        return BeginWith(url=source, clean=clean, include=include, setup=setup)
    if not source.strip():
        raise UsageError(
            "OPTION_INVALID", "--source is empty", hint="give a folder, or leave it out"
        )
    if Path(source).exists():
        path = Path(source).absolute()
        require_utf8(path)
        return BeginWith(
            path=str(path),
            clean=clean,
            include=include,
            setup=setup,
            folder_only=folder_only,
            follow_links=follow_links,
        )
    if clean or include or folder_only or follow_links == "copy":
        raise _missing(source)
    return BeginWith(run_id=_run_id(source, "--source", store), setup=setup)


def _follow_links(text: str | None) -> FollowLinks:
    match = next((word for word in FOLLOW_LINKS if word == (text or "no")), None)
    if match is None:
        raise UsageError(
            "OPTION_INVALID",
            f"--follow-links: {text!r} is not one of {', '.join(FOLLOW_LINKS)}",
            hint="no: links stay links · copy: what they lead to is copied",
        )
    return match


def _run_id(reference: str, flag: str, store: Store) -> str:
    if not reference.strip():
        raise UsageError("OPTION_INVALID", f"{flag} is empty", hint="give the id of a run")
    try:
        return store.read.run(reference).id
    except NotFoundError as error:
        if flag != "--source" or error.code == "RUN_AMBIGUOUS":
            raise
        raise _missing(reference) from error


def _own_folder(folder: Path, settings: Settings) -> Path:
    path = folder.resolve()
    if not path.is_dir():
        raise NotFoundError(
            "SOURCE_NOT_FOUND", f"there is no folder {folder}", hint="check the path's spelling"
        )
    require_utf8(path)
    own = [one.resolve() for one in workspaces(settings).own_folders]
    if any(one.is_relative_to(path) or path.is_relative_to(one) for one in own):
        raise UsageError(
            "WORKSPACE_INVALID",
            f"crossrun's own files lie in {path}: no run may work there",
            hint="choose a folder below it, or have a copy made: --source DIR",
        )
    workspaces(settings).require_free(path)
    return path


def _missing(source: str) -> NotFoundError:
    return NotFoundError(
        "SOURCE_NOT_FOUND",
        f"--source: there is no folder and no run {source!r}",
        hint="give a folder, the URL of a git repository, or the id of a run",
    )


def _conflict(one: str, other: str) -> UsageError:
    return UsageError(
        "OPTIONS_CONFLICT", f"{one} and {other} contradict each other", hint="give one of them"
    )
