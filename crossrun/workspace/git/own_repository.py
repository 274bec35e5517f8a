"""The agent's repository in a workspace. Its files are read; git does not open it."""

import os
import stat
from pathlib import Path, PurePosixPath

from crossrun.workspace.files.dirfd import read_file

_LONGEST = 8192
_LINK = b"gitdir: "


def git_folder(workspace: Path) -> Path | None:
    """The git directory of a workspace, which may be a linked work tree; None if there is none."""
    place = workspace / ".git"
    try:
        mode = place.lstat().st_mode
    except OSError:
        return None
    if stat.S_ISDIR(mode):
        return place
    content = read_file(place, _LONGEST) if stat.S_ISREG(mode) else None
    if content is None or not content.startswith(_LINK):
        return None
    folder = workspace / os.fsdecode(content.removeprefix(_LINK).rstrip(b"\r\n"))
    return folder if folder.is_dir() else None


def own_index(workspace: Path) -> Path | None:
    """The index of a workspace's repository; None if it cannot be read."""
    folder = git_folder(workspace)
    if folder is None:
        return None
    index = folder / "index"
    try:
        return index if stat.S_ISREG(index.lstat().st_mode) else None
    except OSError:
        return None


def is_file_below(workspace: Path, path: str) -> bool:
    """Whether a path of an index is a file or link in the workspace, with no link on the way."""
    parts = PurePosixPath(path).parts
    if path.startswith("/") or ".." in parts or any(part.casefold() == ".git" for part in parts):
        return False
    folders = (workspace.joinpath(*parts[:count]) for count in range(1, len(parts)))
    if any(folder.is_symlink() for folder in folders):
        return False
    try:
        mode = (workspace / path).lstat().st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)
