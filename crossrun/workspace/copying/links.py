"""Links of a source that lead out of it, or back into it by another way than within it.

A link that names the source by its whole path would lead the agent from the copy to the user's own
files. In a copy it leads to the same place of the copy instead.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from crossrun.model.runs import Source
from crossrun.workspace.snapshots.recorder import Snapshots
from crossrun.workspace.snapshots.trees import LINK, TreeEntry, Trees


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


def kept_links(snapshots: Snapshots, links: Iterable[Redirected]) -> tuple[str, str] | None:
    """Keeps what links say in a copy, and what they say in its source: two trees, or None."""
    links = list(links)
    if not links:
        return None
    now = snapshots.links({link.path: link.now for link in links})
    return now, snapshots.links({link.path: link.original for link in links})


def as_in_source(trees: Trees, source: Source | None, tree: str) -> str:
    """A state of a workspace with the links that nobody changed as the source has them."""
    if source is None or source.links is None:
        return tree
    pairs = trees.changed(*source.links)
    there = trees.entries(tree)
    entries = {p: pair.after for p, pair in pairs.items() if there.get(p) == pair.before}
    return trees.write(entries, onto=tree) if entries else tree


def without_links_into(trees: Trees, workspace: Path, base: str, tree: str) -> str:
    """A state with new links that name the workspace by its whole path as relative ones.

    A link in the user's folder must not lead into a workspace, which will be removed some day.
    """
    links = Links(workspace)
    entries = {}
    for path, pair in trees.changed(base, tree).items():
        if pair.after is None or pair.after.mode != LINK:
            continue
        leads_to = os.fsdecode(trees.content(pair.after.blob))
        inside = links.redirected(path, leads_to) if leads_to.startswith("/") else None
        if inside is not None:
            entries[path] = TreeEntry(LINK, trees.keep(os.fsencode(inside.now)))
    return trees.write(entries, onto=tree) if entries else tree
