"""Copies single files and folders into a workspace, in addition to what it starts with."""

import os
import shutil
import stat
from collections.abc import Generator, Iterator
from pathlib import Path

from crossrun.errors import ConfigurationError, UsageError
from crossrun.system.cancellation import CancelToken
from crossrun.workspace.copying.trees import Progress, copy_tree
from crossrun.workspace.files.dirfd import reason
from crossrun.workspace.files.filenames import require_utf8

_GIT = ".git"


def input_name(path: Path) -> str:
    """The name that an input gets in the workspace: its last part.

    Raises:
        UsageError: INPUT_INVALID, PATH_NOT_UTF8: it cannot be copied under its own name.
    """
    name = path.name
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise _invalid(path, reason(error)) from error
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise _invalid(path, "it is neither a file nor a folder")
    if not name or name.lower() == _GIT:
        raise _invalid(path, "it has no name that a file of the workspace can have")
    require_utf8(path)
    return name


def copy_input(
    path: Path, folder: Path, stop: CancelToken
) -> Generator[Progress, None, tuple[str, ...]]:
    """Copies an input into a folder; `.git` folders in it are left out.

    Returns:
        The paths of its files, relative to the folder; none if the very same file is there.

    Raises:
        RunFailed: the run was cancelled.
        CrossrunError: INPUT_INVALID, INPUT_CLASH, or something cannot be read or written.
    """
    name = input_name(path)
    target = folder / name
    if os.path.lexists(target):
        if _is_same(path, target):
            return ()
        raise UsageError(
            "INPUT_CLASH",
            f"--input: the workspace already has {name}",
            hint="leave it out, or copy it under another name",
        )
    if path.is_dir():
        yield from copy_tree(path, target, stop, leave_out=_is_git)
        return tuple(_files_in(target, name))
    try:
        shutil.copy2(path, target)
    except OSError as error:
        raise ConfigurationError(
            "INPUT_INVALID",
            f"--input: {path} cannot be copied: {reason(error)}",
            hint="check its permissions and the disk's free space",
        ) from error
    return (name,)


def _is_git(path: str) -> bool:
    return path.rpartition("/")[2] == _GIT


def _is_same(path: Path, there: Path) -> bool:
    import filecmp

    if there.is_symlink() or not (path.is_file() and there.is_file()):
        return False
    try:
        return filecmp.cmp(path, there, shallow=False)
    except OSError:
        return False


def _files_in(folder: Path, name: str) -> Iterator[str]:
    for above, folders, files in os.walk(folder):
        links = [each for each in folders if Path(above, each).is_symlink()]
        below = Path(above).relative_to(folder)
        for each in (*files, *links):
            yield str(Path(name) / below / each)


def _invalid(path: Path, why: str) -> UsageError:
    return UsageError(
        "INPUT_INVALID",
        f"--input: {path} cannot be used: {why}",
        hint="name a file or a folder that you can read",
    )
