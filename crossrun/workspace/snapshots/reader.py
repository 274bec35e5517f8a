"""States of workspaces from a git directory that is thrown away: nothing looked at is changed."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO

from crossrun.system.folders import make_private
from crossrun.workspace.files.atomic import scratch
from crossrun.workspace.snapshots.differences import Difference
from crossrun.workspace.snapshots.files import Parts, WorkspaceEntry, not_found
from crossrun.workspace.snapshots.object_store import ObjectStore, object_store
from crossrun.workspace.snapshots.recorder import Snapshots, StoredFile
from crossrun.workspace.snapshots.trees import Trees

_LINK = "120000"


class StateReader:
    """Reads the states of several workspaces, and can take the state of one that is in use.

    Args:
        folder: a new one, where everything goes that this writes.
        git_dirs: those of the workspaces.
    """

    def __init__(self, folder: Path, git_dirs: tuple[Path, ...]) -> None:
        self._folder = folder
        shared = object_store(git_dirs[0].parent)
        own = [git_dir / "objects" for git_dir in git_dirs if (git_dir / "objects").is_dir()]
        self._store = ObjectStore(folder / "objects.git", shared, own)
        self._snapshots = Snapshots(folder / "states.git", folder, self._store)

    def take(self, workspace: Path, git_dir: Path) -> str:
        """The current state of a workspace. Files that have not changed are not read again."""
        snapshots = Snapshots(self._folder / git_dir.name, workspace, self._store)
        snapshots.begin_like(Snapshots(git_dir, workspace))
        return snapshots.take()

    def difference(self, before: str, after: str) -> Difference:
        """What changed from one state to another, also if these are of different workspaces."""
        return self._snapshots.difference(before, after)

    def has(self, tree: str) -> bool:
        """Whether a state is still there."""
        return self._snapshots.has(tree)

    def trees(self) -> Trees:
        """The states as trees. Those that are made of them are thrown away as well."""
        return Trees(self._snapshots)

    def files(self, tree: str) -> "StateFiles":
        """The files of a state."""
        return StateFiles(self._snapshots, tree)


@contextmanager
def reading_states(beside: Path, *git_dirs: Path) -> Iterator[StateReader]:
    """A reader for as long as it is needed; what a killed process leaves, a cleanup finds.

    Args:
        beside: the folder in which its own is made: on the disk that has room for states.
        git_dirs: those of the workspaces; they may be missing.
    """
    make_private(beside)
    with scratch(beside / "looking") as folder:
        yield StateReader(folder, git_dirs)


class StateFiles:
    """The files of a state.

    Args:
        snapshots: a git directory that sees it.
        tree: its id.
    """

    def __init__(self, snapshots: Snapshots, tree: str) -> None:
        self._snapshots = snapshots
        self._tree = tree

    @cached_property
    def _files(self) -> dict[str, StoredFile]:
        return {file.path: file for file in self._snapshots.files(self._tree)}

    def entry(self, parts: Parts) -> WorkspaceEntry:
        """What there is at a path."""
        path = "/".join(parts)
        if path in self._files:
            return self._entry(self._files[path])
        if not parts or any(file.startswith(f"{path}/") for file in self._files):
            return WorkspaceEntry(path, "folder")
        raise not_found(parts)

    def below(self, parts: Parts, closed: Callable[[str], bool]) -> Iterator[WorkspaceEntry]:
        """All below a folder."""
        listed = set[str]()
        for path, file in self._files.items():
            names = path.split("/")
            if tuple(names[: len(parts)]) != parts:
                continue
            folders = range(len(parts) + 1, len(names))
            end = next((end for end in folders if closed(names[end - 1])), None)
            if end is None:
                yield self._entry(file)
            elif (folder := "/".join(names[:end])) not in listed:
                listed.add(folder)
                yield WorkspaceEntry(folder, "folder", closed=True)

    @contextmanager
    def reading(self, parts: Parts) -> Iterator[IO[bytes]]:
        """The content of a file."""
        file = self._files.get("/".join(parts))
        if file is None or file.mode == _LINK:
            raise not_found(parts)
        with tempfile.TemporaryFile() as content:
            self._snapshots.write_blob(file.blob_id, content)
            content.seek(0)
            yield content

    def _entry(self, file: StoredFile) -> WorkspaceEntry:
        if file.mode != _LINK:
            return WorkspaceEntry(file.path, "file", file.size)
        with tempfile.TemporaryFile() as content:
            self._snapshots.write_blob(file.blob_id, content)
            content.seek(0)
            return WorkspaceEntry(file.path, "link", target=os.fsdecode(content.read()))
