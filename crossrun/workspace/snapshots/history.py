"""What an agent did in the repository of its workspace: commits, branches, tags, stashes.

The repository is the agent's, and nothing of it is believed but the objects themselves: they are
read from a git directory of crossrun's own (`scratch_git`).
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from crossrun.errors import ConfigurationError
from crossrun.model.runs import RefChange
from crossrun.workspace.files.dirfd import read_file, shown
from crossrun.workspace.git.folders import GitFolders
from crossrun.workspace.git.refs import REMOTES, Refs, head_of, in_order, rank
from crossrun.workspace.snapshots.scratch import ScratchGit, scratch_git

_LONGEST = 64 * 1024 * 1024
_SHA256_LENGTH = 64


class History(NamedTuple):
    """What a run did in the repository of its workspace.

    `commits` are the references that it made or moved; `refs` is a blob that remembers all that the
    repository has by then, None where it has none.
    """

    commits: tuple[RefChange, ...] = ()
    refs: str | None = None


def changed_refs(before: Refs, after: Refs) -> dict[str, str]:
    """What is new or was moved, in the order in which people look at it; no remote branches.

    A stash is new if no stash was at its commit: their numbers change.
    """
    stashed = {at for name, at in before.items() if name.startswith("stash@")}
    return {
        name: after[name]
        for name in sorted(after, key=rank)
        if not name.startswith(REMOTES)
        and after[name] not in (stashed if name.startswith("stash@") else (before.get(name),))
    }


def measured(folders: GitFolders, before: Refs, after: Refs, beside: Path) -> tuple[RefChange, ...]:
    """What is new or was moved in a repository, and how many commits came with it.

    Args:
        folders: the repository.
        before: its references as they were.
        after: as they are now.
        beside: one of crossrun's folders, where what is needed is made and thrown away.
    """
    changed = changed_refs(before, after)
    if not changed:
        return ()
    names = in_order(changed, head_of(folders))
    counts: Mapping[str, int] = {}
    if is_plain(folders.common / "objects"):
        seen = {*before.values(), *(at for name, at in after.items() if name.startswith(REMOTES))}
        objects = [folders.common / "objects"]
        with scratch_git(beside, objects, object_format(changed)) as git:
            git.end_history_at(shallow_of(folders))
            counts = _counted(git, {name: changed[name] for name in names}, seen)
    return tuple(
        RefChange(shown(name), before.get(name), changed[name], counts.get(name)) for name in names
    )


def is_plain(objects: Path) -> bool:
    """Whether all objects lie in this folder: none is borrowed, or linked from elsewhere."""
    if os.path.lexists(objects / "info" / "alternates"):
        return False
    pending = [objects]
    while pending:
        folder = pending.pop()
        if folder.is_symlink():
            return False
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(Path(entry.path))
                elif not entry.is_file(follow_symlinks=False):
                    return False
    return True


def object_format(refs: Refs) -> str:
    """The kind of ids that references have."""
    return "sha256" if any(len(at) == _SHA256_LENGTH for at in refs.values()) else "sha1"


def shallow_of(folders: GitFolders) -> bytes:
    """The commits at which a history was cut off."""
    return read_file(folders.common / "shallow", _LONGEST) or b""


def _counted(git: ScratchGit, refs: Refs, seen: set[str]) -> dict[str, int]:
    """The commits that each reference has beyond those known and those of the ones before it."""
    counts = {}
    for name, at in refs.items():
        excluded = "".join(f"^{each}\n" for each in sorted(seen))
        words = ("rev-list", "--count", "--ignore-missing", "--stdin")
        with suppress(ConfigurationError):  # objects are missing or damaged
            counts[name] = int(git.git(*words, stdin=f"{at}\n{excluded}".encode()))
            seen = seen | {at}
    return counts
