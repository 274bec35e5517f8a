"""Texts that a run wrote, read from its workspace without leaving it."""

from pathlib import Path

from crossrun.errors import CrossrunError
from crossrun.workspace.snapshots.files import OnDisk, inside

_LONGEST = 40_000
"""Bytes; of a longer file only its beginning is read."""


def read_text(workspace: Path, path: str) -> str:
    """The beginning of a text file of the workspace; "" if there is none, or it is no text."""
    try:
        with OnDisk(workspace).reading(inside(path)) as file:
            content = file.read(_LONGEST)
    except (CrossrunError, OSError, ValueError):
        return ""
    return "" if b"\0" in content else content.decode("utf-8", errors="replace")
