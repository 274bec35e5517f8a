"""All files in a workspace, listed without following a link and without the insides of `.git`.

Every folder is opened name by name from the top, so a link that is put in the place of a folder
meanwhile leads nowhere.
"""

import os
import stat
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from crossrun.system.background import checkpoint
from crossrun.workspace.files.dirfd import opened, opened_below
from crossrun.workspace.snapshots.source_cache import FileStat, stat_of

FILE, PROGRAM, LINK = "100644", "100755", "120000"
"""What git calls the kinds of things that a tree can hold."""


class ScannedFile(Struct, frozen=True, gc=False):
    """A file or link. `mode` is git's."""

    mode: str
    stat: FileStat


class Scan(NamedTuple):
    """The files in a workspace, by their paths.

    `ignore_files` are the `.gitignore` files. `closed` has what could not be read, and why.
    """

    files: dict[str, ScannedFile]
    ignore_files: list[str]
    closed: dict[str, str]


def scan(top: Path) -> Scan:
    """Lists a workspace. Raises OSError."""
    listing = Scan({}, [], {})
    with opened(top) as root:
        pending: list[tuple[str, ...]] = [()]
        while pending:
            checkpoint()
            parts = pending.pop()
            try:
                with opened_below(root, parts) as folder:
                    pending += _listed(folder, parts, listing)
            except FileNotFoundError:
                continue
            except OSError as error:
                if not parts:
                    raise
                listing.closed["/".join(parts)] = error.strerror or str(error)
    return listing


def scanned_file(path: Path) -> ScannedFile | None:
    """One file or link; None if it is gone, or something else."""
    try:
        status = path.lstat()
    except OSError:
        return None
    mode = _git_mode(status.st_mode)
    return None if mode is None else ScannedFile(mode, stat_of(status))


def _listed(folder: int, parts: tuple[str, ...], listing: Scan) -> list[tuple[str, ...]]:
    prefix, below = "".join(f"{part}/" for part in parts), []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name.casefold() == ".git":
                if name != ".git":
                    listing.closed[prefix + name] = "git cannot record this name"
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISDIR(status.st_mode):
                below.append((*parts, name))
                continue
            mode = _git_mode(status.st_mode)
            if mode is not None:
                listing.files[prefix + name] = ScannedFile(mode, stat_of(status))
                if name == ".gitignore":
                    listing.ignore_files.append(prefix + name)
    return below


def _git_mode(mode: int) -> str | None:
    if stat.S_ISREG(mode):
        return PROGRAM if mode & stat.S_IXUSR else FILE
    return LINK if stat.S_ISLNK(mode) else None
