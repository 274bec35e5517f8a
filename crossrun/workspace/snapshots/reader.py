"""States of workspaces from a git directory that is thrown away: nothing looked at is changed."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import IO

from crossrun.system.folders import make_private
from crossrun.workspace.files.atomic import scratch
from crossrun.workspace.snapshots.differences import Difference
from crossrun.workspace.snapshots.files import Parts, WorkspaceEntry, not_found
from crossrun.workspace.snapshots.recorder import Snapshots, StoredFile

_LINK = "120000"


class Lookout:
    """Sees the states of several workspaces, and can take the state of one that is being worked in.

    Args:
        folder: a new one, where everything goes that this writes.
        git_dirs: those whose states are seen.
    """

    def __init__(self, folder: Path, git_dirs: tuple[Path, ...]) -> None:
        self._git_dir = folder / "states.git"
        self._snapshots = Snapshots(self._git_dir, folder)
        self._snapshots.make()
        seen = b"".join(b"%s\n" % quoted(git_dir / "objects") for git_dir in git_dirs)
        (self._git_dir / "objects" / "info" / "alternates").write_bytes(seen)

    def take(self, workspace: Path, git_dir: Path) -> str:
        """The state of a workspace now. What git knows of it already is not read again."""
        (self._git_dir / "index").unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            shutil.copyfile(git_dir / "index", self._git_dir / "index")
        return Snapshots(self._git_dir, workspace).take()

    def difference(self, before: str, after: str) -> Difference:
        """What changed from one state to another, those of different workspaces as well."""
        return self._snapshots.difference(before, after)

    def has(self, tree: str) -> bool:
        """Whether a state is still remembered."""
        return self._snapshots.has(tree)

    def files(self, tree: str) -> "Remembered":
        """The files of a state."""
        return Remembered(self._snapshots, tree)


@contextmanager
def looking_out(beside: Path, *git_dirs: Path) -> Iterator[Lookout]:
    """A lookout for as long as it is needed; what a killed process leaves, a cleanup finds.

    Args:
        beside: the folder in which its own is made: on the disk that has room for states.
        git_dirs: those whose states are seen; they may be missing.
    """
    make_private(beside)
    with scratch(beside / "looking") as folder:
        yield Lookout(folder, git_dirs)


def quoted(path: Path) -> bytes:
    """A path with any bytes, as git's list of alternates accepts it."""
    raw = os.fsencode(path).replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"%s"' % raw


class Remembered:
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
