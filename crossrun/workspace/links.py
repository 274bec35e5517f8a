"""Links of a source that lead out of it, or back into it by another way than within it.

A link that names the source by its whole path would lead the agent from the copy to the user's own
files. In a copy it leads to the same place of the copy instead.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from crossrun.runs import Source
from crossrun.workspace.git import Snapshots
from crossrun.workspace.trees import LINK, Entry, Trees, blob_id


class Redirected(NamedTuple):
    """A link that leads into the copy: what it said in the source, and what it says now."""

    path: str
    original: str
    now: str


class Links:
    """Where links lead.

    Args:
        source: the top of the tree that they are in.
    """

    def __init__(self, source: Path) -> None:
        self._top = os.path.realpath(source)

    def redirected(self, path: str, leads_to: str) -> Redirected | None:
        """A link that leads out of the tree by its words, and back into it; None: it does not.

        Args:
            path: the link, relative to the top.
            leads_to: what it says.
        """
        folder = os.path.join(self._top, os.path.dirname(path))  # noqa: PTH118,PTH120  words
        way, name = os.path.split(os.path.join(folder, leads_to.rstrip("/") or "/"))  # noqa: PTH118
        place = os.path.realpath(way)
        place = (
            os.path.realpath(f"{place}/{name}") if name in ("", ".", "..") else f"{place}/{name}"
        )
        for goal in (place, os.path.realpath(place)):
            if f"{goal}/".startswith(f"{self._top}/"):
                return Redirected(path, leads_to, os.path.relpath(goal, folder))
        return None


def original_state(snapshots: Snapshots, baseline: str, links: Iterable[Redirected]) -> str | None:
    """The state that a workspace begins with, its links as the source has them.

    Returns:
        The id of a tree, or None when they are the same.
    """
    redirected = {link.path: link for link in links}
    if not redirected:
        return None
    trees = Trees(snapshots)
    entries = {
        file.path: Entry(LINK, trees.keep(os.fsencode(redirected[file.path].original)))
        for file in snapshots.files(baseline)
        if file.path in redirected
        and file.blob_id == blob_id(os.fsencode(redirected[file.path].now))
    }
    return trees.write(entries, onto=baseline) if entries else None


def as_in_source(trees: Trees, source: Source, tree: str) -> str:
    """A state of a workspace with the links that the run left alone as the source has them."""
    if source.original is None:
        return tree
    touched = trees.changed(source.base, tree)
    links = trees.changed(source.base, source.original)
    entries = {path: pair.after for path, pair in links.items() if path not in touched}
    return trees.write(entries, onto=tree)
