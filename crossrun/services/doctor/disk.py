"""Whether there is room."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from crossrun.config.settings import Paths
from crossrun.model.diagnoses import Diagnosis, Level

_SUBJECT = "Disk"
_LITTLE, _TOO_LITTLE = 1_000_000_000, 50_000_000
"""Bytes: the work of a few runs, and less than a single one may need."""


def examine(paths: Paths) -> Iterator[Diagnosis]:
    """The free space for the store and, if it is another disk, for the workspaces."""
    free: dict[int, Path] = {}
    for folder in (paths.data, paths.workspaces):
        nearest = next(each for each in (folder, *folder.parents) if each.is_dir())
        free.setdefault(nearest.stat().st_dev, nearest)
    for folder in free.values():
        yield _space(folder)


def _space(folder: Path) -> Diagnosis:
    free = shutil.disk_usage(folder).free
    message = f"{_shown(free)} free at {folder}"
    if free >= _LITTLE:
        return Diagnosis("disk.space", "ok", _SUBJECT, message)
    level: Level = "error" if free < _TOO_LITTLE else "warning"
    return Diagnosis(
        "disk.space", level, _SUBJECT, message, "see what can be removed: crossrun cleanup"
    )


def _shown(size: float) -> str:
    gigabyte = 1e9
    return f"{size / gigabyte:.1f} GB" if size >= gigabyte else f"{size / 1e6:.0f} MB"
