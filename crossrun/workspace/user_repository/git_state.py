"""Saves and restores the state of the user's repository around a run in place.

HEAD, the index, branches, tags and stashes are read and written as files, under git's own locks:
git does not open the repository. Objects are never removed, so what a run committed can be found.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from crossrun.workspace.files.dirfd import opened, read_file, shown
from crossrun.workspace.git.folders import GitFolders
from crossrun.workspace.git.ref_files import References
from crossrun.workspace.git.refs import REMOTES, STASH, refs_of
from crossrun.workspace.merge.decisions import Conflict
from crossrun.workspace.snapshots.recorder import Snapshots

_LARGEST = 256 * 1024 * 1024
"""Bytes of the largest index that is saved, for some million files."""
_LOG = f"logs/{STASH}"
_REFS = "refs/"
_INDEX, _HEAD = "index", "HEAD"
_MOVED = "changed since"


class GitState(Struct, frozen=True):
    """The state of a repository, apart from its objects.

    `refs` are branches and tags with the ids that they point to, and `refs/stash` if there is one.
    `index` and `stash_log` are blobs in the snapshots with the contents of these files. `staged` is
    the same for two indexes with the same entries, even if their timestamps differ.
    """

    head: str
    refs: dict[str, str] = {}
    index: str | None = None
    staged: str | None = None
    stash_log: str | None = None


def can_be_kept(folders: GitFolders) -> bool:
    """Whether the references are files, not a reftable."""
    return not os.path.lexists(folders.common / "reftable")


def record(folders: GitFolders, snapshots: Snapshots) -> str:
    """Saves the state of a repository. Returns the id of the blob."""
    index = read_file(folders.own / _INDEX, _LARGEST)
    log = read_file(folders.common / _LOG, _LARGEST)
    state = GitState(
        head=_text(folders.own / _HEAD),
        refs=_refs(folders),
        index=None if index is None else snapshots.store(index),
        staged=_staged(folders, snapshots),
        stash_log=None if log is None else snapshots.store(log),
    )
    return snapshots.store(msgspec.json.encode(state))


def read(snapshots: Snapshots, blob: str | None) -> GitState | None:
    """A saved state; None if there is none."""
    content = None if blob is None else snapshots.blob(blob)
    return None if content is None else msgspec.json.decode(content, type=GitState)


class Restoration:
    """Restores a repository to its state before a run, unless somebody changed it since.

    Args:
        folders: the repository.
        snapshots: where contents are stored.
        before: the state before the run.
        after: the state after the run.
    """

    def __init__(
        self, folders: GitFolders, snapshots: Snapshots, before: GitState, after: GitState
    ) -> None:
        self._folders = folders
        self._snapshots = snapshots
        self._before = before
        self._after = after
        self._now = _refs(folders)

    def conflicts(self) -> list[Conflict]:
        """What both the run and, since then, somebody else changed."""
        names = [name for name in self._changed_refs() if self._is_other(name)]
        if self._needs_head() and _text(self._folders.own / _HEAD) != self._after.head:
            names.append(_HEAD)
        if self._needs_index() and _staged(self._folders, self._snapshots) != self._after.staged:
            names.append(_INDEX)
        return [Conflict(shown(name), _MOVED) for name in names]

    def restore(self) -> tuple[str, ...]:
        """Restores what the run changed, and returns its names. Raises ConfigurationError."""
        refs = [name for name in self._changed_refs() if self._now.get(name) != self._want(name)]
        for name in refs:
            self._restore_ref(name)
        restored = [shown(name) for name in refs]
        if self._needs_head():
            _write(self._folders.own, _HEAD, f"{self._before.head}\n".encode())
            restored.append(_HEAD)
        if self._needs_index():
            _write(self._folders.own, _INDEX, self._snapshots.blob(self._before.index or ""))
            restored.append(_INDEX)
        return tuple(restored)

    def _changed_refs(self) -> list[str]:
        before, after = self._before.refs, self._after.refs
        names = sorted(before.keys() | after.keys())
        stash_changed = self._before.stash_log != self._after.stash_log
        return [
            name
            for name in names
            if before.get(name) != after.get(name) or (name == STASH and stash_changed)
        ]

    def _want(self, name: str) -> str | None:
        return self._before.refs.get(name)

    def _is_other(self, name: str) -> bool:
        return self._now.get(name) not in (self._after.refs.get(name), self._want(name))

    def _needs_head(self) -> bool:
        changed = self._before.head != self._after.head
        return changed and _text(self._folders.own / _HEAD) != self._before.head

    def _needs_index(self) -> bool:
        changed = self._before.staged != self._after.staged
        return changed and _staged(self._folders, self._snapshots) != self._before.staged

    def _restore_ref(self, name: str) -> None:
        references = References(self._folders.common, _REFS)
        short, wanted, now = name.removeprefix(_REFS), self._want(name), self._now.get(name)
        if name == STASH and self._before.stash_log is not None:
            _write(self._folders.common, _LOG, self._snapshots.blob(self._before.stash_log))
        if wanted is not None:
            references.move(short, wanted)
        elif now is not None:
            references.delete(short, now)


def _refs(folders: GitFolders) -> dict[str, str]:
    """Branches, tags and the newest stash."""
    refs: Mapping[str, str] = refs_of(folders)
    named = {
        name: at
        for name, at in refs.items()
        if name.startswith(_REFS) and not name.startswith(REMOTES)
    }
    stash = refs.get("stash@{0}")
    return named if stash is None else {**named, STASH: stash}


def _staged(folders: GitFolders, snapshots: Snapshots) -> str | None:
    """A digest of the entries of the index, or of the whole file if it cannot be read elsewhere."""
    index = folders.own / _INDEX
    listing = snapshots.staged(index)
    content = read_file(index, _LARGEST) if listing is None else listing
    return None if content is None else sha256(content).hexdigest()


def _text(file: Path) -> str:
    return os.fsdecode(read_file(file, _LARGEST) or b"").strip("\n")


def _write(folder: Path, path: str, content: bytes | None) -> None:
    """Writes a file of git's as git does: to its lock file first, which keeps others out."""
    *above, name = path.split("/")
    with opened(folder.joinpath(*above)) as parent:
        if content is None:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=parent)
            return
        lock = f"{name}.lock"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(lock, flags, 0o666, dir_fd=parent), "wb") as file:
            file.write(content)
        os.rename(lock, name, src_dir_fd=parent, dst_dir_fd=parent)
