"""Folders that a run emptied but did not remove, which recorded states do not show."""

import os
from collections.abc import Iterable
from pathlib import Path

from crossrun.model.runs import Change
from crossrun.workspace.files.dirfd import opened, opened_below


def kept_folders(workspace: Path, changes: Iterable[Change]) -> tuple[str, ...]:
    """For each removed file, its nearest parent folder that still exists."""
    gone = [change.path for change in changes if change.status == "deleted"]
    gone += [change.old_path for change in changes if change.old_path is not None]
    above = {path.rpartition("/")[0] for path in gone}
    with opened(workspace) as top:
        nearest = {_nearest(top, folder) for folder in above}
    return tuple(sorted(nearest - {""}))


def _nearest(top: int, folder: str) -> str:
    while folder:
        try:
            with opened_below(top, folder.split("/")):
                return folder
        except OSError:
            folder = os.path.dirname(folder)  # noqa: PTH120  a path in a state
    return folder
