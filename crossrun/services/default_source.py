"""What a run begins with if no source is named: the git repository that the user is in.

A default must not keep a run from starting. So a problem with the repository becomes the
reason for which the run begins with an empty folder.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from crossrun.config.settings import Settings
from crossrun.errors import CrossrunError
from crossrun.system.folders import current_folder
from crossrun.workspace.files.dirfd import reason
from crossrun.workspace.files.filenames import require_utf8
from crossrun.workspace.git.folders import RepositoryLocation, git_folders, locate, settings_of
from crossrun.workspace.git.user_config import is_trusted

_GIT = ".git"
_HOW = "to copy this folder: --source ."


class StartingPoint(NamedTuple):
    """The folder to copy, which is in a repository; without one, `why_empty` if that needs saying.

    `why_empty` is a sentence without a full stop, and ends with what to do.
    """

    folder: Path | None = None
    why_empty: str | None = None


def starting_point(settings: Settings, own_folders: Sequence[Path]) -> StartingPoint:
    """Looks for a repository around the current folder.

    Args:
        settings: say where the home folder and the workspaces are.
        own_folders: crossrun's own, which are not part of any repository of the user's.
    """
    folder = current_folder()
    if folder is None:
        return StartingPoint(why_empty="the current folder no longer exists")
    try:
        if folder.is_relative_to(settings.paths.workspaces.resolve()):
            why = "you are in a crossrun workspace; to copy a run's workspace: --from-run-id RUN"
            return StartingPoint(why_empty=why)
        location = locate(folder, settings.environ.get("HOME"), own_folders)
        if not os.path.lexists(location.top / _GIT):
            return StartingPoint(why_empty=_why_no_work_tree(folder, location))
        why_not = _why_not(location, settings)
        require_utf8(folder)
    except CrossrunError as error:
        return StartingPoint(why_empty=f"{error.message}; {error.hint}")
    except OSError as error:
        return StartingPoint(why_empty=f"{folder} cannot be read: {reason(error)}")
    return StartingPoint(why_empty=why_not) if why_not else StartingPoint(folder)


def _why_no_work_tree(folder: Path, location: RepositoryLocation) -> str | None:
    """Why there are no files of a repository to copy; None: there is no repository at all."""
    if location.home is not None:
        return _around_home(location.home)
    if _GIT in folder.parts:
        return "you are inside a .git folder; to copy the repository: --source DIR"
    bare = next((each for each in (folder, *folder.parents) if _is_bare(each)), None)
    if bare is None:
        return None
    return f"{bare} is a bare repository, without files; to clone it: --source {bare.as_uri()}"


def _why_not(location: RepositoryLocation, settings: Settings) -> str | None:
    """Why a repository is not copied unless the user says so.

    Raises:
        CrossrunError: it cannot be copied.
    """
    top = location.top.resolve()
    if top == Path(top.anchor) or _home(settings).is_relative_to(top):
        return _around_home(top)
    if _is_of_another_user(top, settings.environ):
        return f"the repository {top} belongs to another user; {_HOW}"
    settings_of(location.top, git_folders(location.top))
    return None


def _around_home(top: Path) -> str:
    if top == Path(top.anchor):
        return f"the repository here is the whole file system; {_HOW}"
    return f"the repository here, {top}, contains your home folder; {_HOW}"


def _home(settings: Settings) -> Path:
    try:
        return settings.user_home.resolve()
    except CrossrunError:
        return Path(os.devnull)


def _is_of_another_user(top: Path, environ: Mapping[str, str]) -> bool:
    """Whether git would refuse the repository for its owner, who could lure others into it."""
    trusted_owners = {os.geteuid()}
    if os.geteuid() == 0 and environ.get("SUDO_UID", "").isdecimal():
        trusted_owners.add(int(environ["SUDO_UID"]))
    owners = {place.lstat().st_uid for place in (top, top / _GIT)}
    return not owners <= trusted_owners and not is_trusted(top, environ)


def _is_bare(folder: Path) -> bool:
    return (folder / "HEAD").is_file() and all(
        (folder / name).is_dir() for name in ("objects", "refs")
    )
