"""Folders that only their owner may look into, and the current one."""

from pathlib import Path


def current_folder() -> Path | None:
    """Where the command was called; None if that folder no longer exists."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None


def make_private(folder: Path) -> None:
    """Makes a folder and those above it that are missing, all of them 0700. Raises OSError.

    `mkdir(parents=True, mode=...)` would give the mode to the last one only.
    """
    if folder.is_dir():
        return
    make_private(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
