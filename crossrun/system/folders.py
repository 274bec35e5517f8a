"""Private folders, and the current folder."""

from pathlib import Path


def current_folder() -> Path | None:
    """The current working directory; None if it no longer exists."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None


def make_private(folder: Path) -> None:
    """Creates a folder and its missing parents, each with mode 0700. Raises OSError.

    `mkdir(parents=True, mode=...)` would apply the mode to the last one only.
    """
    if folder.is_dir():
        return
    make_private(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
