"""Files of a workspace that git ignores: not a part of its states, and still not to be lost.

What they were when a run began is remembered as a manifest, without their contents. What differs
from it when the run ends is what the run wrote to ignored places.
"""

import os
from collections.abc import Iterable, Mapping
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

CACHES = frozenset((
    ".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".cache", ".tox", ".nox",
    ".mypy_cache", ".pytest_cache", ".ruff_cache", ".gradle", ".terraform",
))  # fmt: skip
"""Folders that are full of files which nobody wrote, and which programs make again."""


_LARGEST_KEPT, _ALL_KEPT, _MOST_KEPT = 8 * 1024**2, 64 * 1024**2, 20_000
"""Bytes of a file, bytes of all files, and number of files whose contents are kept."""


class Mark(NamedTuple):
    """What tells whether a file was changed: its mode, its size in bytes, its time in ns.

    Copies have the same marks as their originals. Files in caches all have the same mark.
    """

    mode: int = 0
    size: int = 0
    modified: int = 0


Manifest = Mapping[str, Mark]
"""Files by their paths, relative to the workspace."""


class IgnoredChange(NamedTuple):
    """What was done to ignored files; paths are sorted. Caches are left aside."""

    added: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()

    @property
    def written(self) -> tuple[str, ...]:
        """Files that have content which only the workspace has."""
        return tuple(sorted((*self.added, *self.modified)))


def to_keep(marks: Manifest) -> list[str]:
    """The files whose contents are kept before a run in place, the smallest first.

    Caches are not, and neither is what is too large or too much.
    """
    by_size = sorted((mark.size, path) for path, mark in marks.items() if not in_cache(path))
    sizes = accumulate(size for size, _ in by_size)
    fitting = [
        path
        for (size, path), total in zip(by_size, sizes, strict=True)
        if size <= _LARGEST_KEPT and total <= _ALL_KEPT
    ]
    return fitting[:_MOST_KEPT]


def manifest(workspace: Path, paths: Iterable[str]) -> dict[str, Mark]:
    """Looks at files; what is gone meanwhile is left out."""
    marks = dict[str, Mark]()
    for path in paths:
        if in_cache(path):
            marks[path] = Mark()
            continue
        try:
            status = os.lstat(workspace / path)
        except OSError:
            continue
        marks[path] = Mark(status.st_mode, status.st_size, status.st_mtime_ns)
    return marks


def compare(before: Manifest, after: Manifest) -> IgnoredChange:
    """What happened to ignored files between two looks at them."""
    paths = sorted(path for path in before.keys() | after.keys() if not in_cache(path))
    both = before.keys() & after.keys()
    return IgnoredChange(
        tuple(path for path in paths if path not in before),
        tuple(path for path in paths if before.get(path) != after.get(path) and path in both),
        tuple(path for path in paths if path not in after),
    )


def encode(marks: Manifest) -> bytes:
    """A manifest as it is stored. Names need not be UTF-8."""
    lines = (
        f"{mark.mode} {mark.size} {mark.modified} {path}\0" for path, mark in sorted(marks.items())
    )
    return "".join(lines).encode("utf-8", "surrogateescape")


def decode(content: bytes) -> dict[str, Mark]:
    """The manifest that `encode` wrote. Raises ValueError for anything else."""
    marks = {}
    for line in content.decode("utf-8", "surrogateescape").split("\0")[:-1]:
        mode, size, modified, path = line.split(" ", 3)
        marks[path] = Mark(int(mode), int(size), int(modified))
    return marks


def in_cache(path: str) -> bool:
    """Whether a file lies in a folder that programs fill."""
    return not CACHES.isdisjoint(path.split("/")[:-1])
