"""Private folders, and the current folder."""

import errno
import os
from pathlib import Path


def current_folder() -> Path | None:
    """The current working directory; None if it no longer exists."""
    try:
        return Path.cwd()
    except OSError:  # it was removed, or a folder above it is closed to us
        return None


def make_private(folder: Path) -> None:
    """Creates a folder and its missing parents, each with mode 0700. Raises OSError.

    `mkdir(parents=True, mode=...)` would apply the mode to the last one only.
    """
    if folder.is_dir():
        return
    make_private(folder.parent)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except FileExistsError:  # a file is there: nobody could ever make the folder
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None
