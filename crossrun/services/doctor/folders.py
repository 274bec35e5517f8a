"""Whether crossrun's folders are there, can be used, and are private."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from crossrun.config.settings import Paths
from crossrun.model.diagnoses import Diagnosis

_SUBJECT = "Folders"


def examine(paths: Paths, *, fix: bool) -> Iterator[Diagnosis]:
    """Each folder, and the files that hold what only the user may read."""
    folders = {
        paths.config: "configuration",
        paths.state: "state",
        paths.workspaces: "workspaces",
        paths.artifacts: "artifacts",
        paths.data: "data",
    }
    ok = True
    for folder, name in folders.items():
        for finding in _folder(name, folder, fix=fix):
            ok = False
            yield finding
    for file in (paths.database, paths.config / "config.yaml"):
        for finding in _file(file, fix=fix):
            ok = False
            yield finding
    if ok:
        yield Diagnosis("folders", "ok", _SUBJECT, f"private and writable: {paths.data}")


def _folder(name: str, folder: Path, *, fix: bool) -> Iterator[Diagnosis]:
    try:
        status = folder.stat()
    except FileNotFoundError:
        return  # it is made when it is needed
    except OSError as error:
        message = f"the {name} folder {folder} cannot be used: {error.strerror}"
        yield _error(message, f"check its permissions: ls -ld {folder}")
        return
    if not stat.S_ISDIR(status.st_mode):
        yield _error(f"{folder} is not a folder", f"move it away: mv {folder} {folder}.old")
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield _error(
            f"the {name} folder {folder} cannot be written",
            f"chmod u+rwx {folder}, or choose another place with --home",
        )
    elif name != "workspaces":
        yield from _open_to_others(folder, status, 0o700, fix=fix)


def _file(file: Path, *, fix: bool) -> Iterator[Diagnosis]:
    try:
        status = file.stat()
    except OSError:
        return
    if stat.S_ISREG(status.st_mode):
        yield from _open_to_others(file, status, 0o600, fix=fix)


def _open_to_others(
    path: Path, status: os.stat_result, mode: int, *, fix: bool
) -> Iterator[Diagnosis]:
    """That others can read or write it. Only what the user owns can be changed."""
    now = stat.S_IMODE(status.st_mode)
    if not now & 0o077:
        return
    if fix and status.st_uid == os.geteuid():
        path.chmod(now & ~0o077)
        message = f"{path} is now closed to others: {now:o} became {now & ~0o077:o}"
        yield Diagnosis("folders.private", "ok", _SUBJECT, message, fixed=True)
        return
    yield Diagnosis(
        "folders.private",
        "warning",
        _SUBJECT,
        f"others on this machine can read {path} (mode {now:o})",
        f"chmod {mode:o} {path}, or crossrun doctor --fix",
    )


def _error(message: str, remedy: str) -> Diagnosis:
    return Diagnosis("folders.usable", "error", _SUBJECT, message, remedy)
