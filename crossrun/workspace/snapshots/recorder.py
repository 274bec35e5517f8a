"""States of a workspace, recorded as git trees outside of it.

The workspace's own `.git`, if it has one, is the agent's: it is never opened as a repository, and
never written. Repositories nested in the workspace are recorded file by file. Nothing that an agent
writes, and no configuration of the user, can run code or change what is recorded: files are read
without git, which is only asked which of them a `.gitignore` names.
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

from crossrun.system.background import checkpoint
from crossrun.workspace.files.filenames import path_text
from crossrun.workspace.git.bare_repository import make_git_dir
from crossrun.workspace.git.commands import SETTINGS, output, run_git, workspace_missing
from crossrun.workspace.git.own_repository import is_file_below, own_index
from crossrun.workspace.snapshots.differences import Difference, read_difference
from crossrun.workspace.snapshots.git_objects import read_object
from crossrun.workspace.snapshots.object_store import ObjectStore, ObjectWriter, object_store
from crossrun.workspace.snapshots.scan import LINK, Scan, scan, scanned_file
from crossrun.workspace.snapshots.state_index import IndexEntry, read_index, write_index
from crossrun.workspace.snapshots.state_recording import CopiedSource, Original, StateRecording
from crossrun.workspace.snapshots.tree_builder import EMPTY_TREE, build_tree, read_files

_LARGEST_KEPT = 8 * 1024 * 1024
"""Bytes. A larger file is not kept at the moment of its change, only in the state at the end."""
_RULES = ("--exclude-standard",)
_STAGED = ("ls-files", "-z", "--stage")
_ID = re.compile("[0-9a-f]{40}")
_REASONS_SHOWN = 3


class StoredFile(NamedTuple):
    """A file of a state: its path as the system has it, git's mode, its blob and its size."""

    path: str
    mode: str
    blob_id: str
    size: int


class Snapshots:
    """The states of one workspace.

    Args:
        git_dir: what only this workspace has, beside the store that all share: what git writes
            when a change is applied, and all states of a workspace of an earlier version.
        work_tree: the workspace.
        store: the objects of all workspaces; None: those beside `git_dir`.
    """

    def __init__(self, git_dir: Path, work_tree: Path, store: ObjectStore | None = None) -> None:
        self.git_dir = git_dir
        self._work_tree = work_tree
        self._store = store or object_store(git_dir.parent)
        self.key = git_dir.name.removesuffix(".git")
        self.index = git_dir.with_suffix(".index")
        self._unrecorded: list[str] | None = None
        self.left_out = ""
        """Which files the last state does not have, such as unreadable ones, and why."""

    def take(
        self,
        *,
        afresh: bool = False,
        whole: bool = False,
        apart: Iterable[str] = (),
        original: Original | None = None,
        last: bool = False,
    ) -> str:
        """Records the current state.

        A file of the last state stays a part of the state for as long as it exists: a rule that is
        added to a `.gitignore` later hides new files only. So no rule can make a file look deleted.

        Args:
            afresh: reads all files, also those that seem unchanged since the last state.
            whole: records ignored files, too: in a copy, the rules of its source chose the files.
            apart: files that stay out of the state although no rule ignores them any longer.
            original: what the files were just copied from; those that are known need not be read.
            last: whether no other state of this run follows.

        Returns:
            The id of a git tree.
        """
        with self._store.writing(self.key) as writer:
            before = self.last_state(afresh=afresh)
            began = time.time_ns()
            listed = self._scanned()
            paths = self._selected(listed, before, whole=whole) - set(apart)
            recording = StateRecording(
                self._work_tree, listed, before, writer, self._source(original)
            )
            entries = recording.entries(sorted(paths), began)
            tree = build_tree(((p, e.mode, e.blob) for p, e in entries.items()), writer.add)
            writer.root(tree, is_state=True)
            writer.finish()
            recording.save_source()
        self._save_index(tree, entries, last=last)
        self._unrecorded = [path for path in listed.files if path not in entries]
        self.left_out = _listed(recording.left_out)
        return tree

    def unrecorded(self) -> list[str]:
        """The files in the workspace that its last state does not have, without those of git."""
        if self._unrecorded is not None:
            paths, self._unrecorded = self._unrecorded, None
            return paths
        recorded = self.last_state(afresh=False)
        return [path for path in self._scanned().files if path not in recorded]

    def tree_of(self, paths: Iterable[str]) -> str:
        """Records certain files apart from the state; the id of their tree."""
        listed = Scan({}, [], {})
        for path in paths:
            file = scanned_file(self._work_tree / path)
            if file is not None:
                listed.files[path] = file
        with self._store.writing(self.key) as writer:
            recording = StateRecording(self._work_tree, listed, {}, writer, None)
            entries = recording.entries(sorted(listed.files), 0)
            tree = build_tree(((p, e.mode, e.blob) for p, e in entries.items()), writer.add)
            writer.root(tree)
        return tree

    def links(self, links: Mapping[str, str]) -> str:
        """Records links, given by their paths and targets; the id of their tree."""
        with self._store.writing(self.key) as writer:
            blobs = {
                path: bytes.fromhex(writer.add("blob", os.fsencode(target)))
                for path, target in links.items()
            }
            tree = build_tree(((path, LINK, blob) for path, blob in blobs.items()), writer.add)
            writer.root(tree)
        return tree

    def inherit(self, others: "Snapshots") -> None:
        """Has the states of another workspace as well, and begins with its last one."""
        with self._store.writing(self.key) as writer:
            roots = self._store.roots(others.key)
            for name in roots.names:
                writer.root(name)
            if roots.state is not None:
                writer.root(roots.state, is_state=True)
        if others.git_dir.is_dir():
            self._inherit_own(others.git_dir)

    def begin_like(self, others: "Snapshots") -> None:
        """Knows the last state of another workspace as its own, without its former ones."""
        index = read_index(others.index)
        entries = others.last_state(afresh=True) if index is None else index.entries
        decoded = {os.fsdecode(path): entry for path, entry in entries.items()}
        write_index(self.index, "", decoded)

    def last_state(self, *, afresh: bool) -> Mapping[str, IndexEntry]:
        """The files of the last state; if all are to be read afresh, without their times."""
        index = None if afresh else read_index(self.index)
        if index is not None:
            return {path_text(path): entry for path, entry in index.entries.items()}
        state = self._store.roots(self.key).state
        if state is not None:
            files = read_files(state, self._read_tree)
            return {path: IndexEntry(mode, blob) for path, mode, blob in files}
        return dict(self._entries_of_git_index())

    def difference(self, before: str, after: str) -> Difference:
        """What changed from one state to another."""
        if before == after:
            return Difference((), "", "", b"")
        flags = ("-r", "--find-renames", "--no-ext-diff", "--no-textconv", "--no-color", "-z")
        forms = ("--raw", "--numstat", "--stat=100", "--patch", "--binary", "--full-index")
        return read_difference(self._git("diff-tree", *flags, *forms, before, after))

    def keep(self, path: str) -> str | None:
        """Keeps one file as it is at this moment.

        Returns:
            The id of its blob, or None if there is no such file inside the workspace or it is too
            large.
        """
        file = self._work_tree / path
        try:
            inside = file.resolve().is_relative_to(self._work_tree.resolve())
            if not inside or file.is_symlink() or not file.is_file():
                return None
            if file.stat().st_size > _LARGEST_KEPT:
                return None
            content = file.read_bytes()
        except (OSError, ValueError, RuntimeError):  # RuntimeError: links that lead in a circle
            return None
        return self.store(content)

    def store(self, content: bytes) -> str:
        """Keeps a content; the id of its blob."""
        with self._store.writing(self.key) as writer:
            blob = writer.add("blob", content)
            writer.root(blob)
        return blob

    def blob(self, blob_id: str) -> bytes | None:
        """The content of a blob, or None when it is gone."""
        stored = self._read(blob_id)
        return stored[1] if stored is not None and stored[0] == "blob" else None

    def has(self, tree: str) -> bool:
        """Whether a state is still there, with all that it refers to."""
        if tree == EMPTY_TREE or not _ID.fullmatch(tree):
            return tree == EMPTY_TREE
        stored = self._store.read_root(tree) or read_object(self.git_dir / "objects", tree)
        return stored is not None and stored[0] == "tree"

    def files(self, tree: str) -> Iterator[StoredFile]:
        """All files of a state."""
        listing = self._git("ls-tree", "-r", "-l", "-z", "--full-tree", tree)
        for line in listing.split(b"\0")[:-1]:
            about, path = line.split(b"\t", 1)
            mode, _, blob_id, size = about.decode().split()
            yield StoredFile(os.fsdecode(path), mode, blob_id, int(size) if size != "-" else 0)

    def write_blob(self, blob_id: str, file: IO[bytes]) -> None:
        """Writes the content of a file of a state, however large, into another file."""
        output(self._call("cat-file", "blob", blob_id, into=file))

    def staged(self, index: Path) -> bytes | None:
        """The entries of an index of another repository; None if git cannot read it from here."""
        done = self._call("ls-files", "-z", "--stage", index=index)
        return None if done.returncode else done.stdout

    def make(self) -> None:
        """Makes the git directory of this workspace, for git to write to."""
        self._store.make()
        make_git_dir(self.git_dir, borrowing=[self._store.objects])

    def reading_dir(self) -> Path:
        """The git directory that sees all states of the workspace."""
        if (self.git_dir / "HEAD").is_file():
            self.make()
            return self.git_dir
        self._store.make()
        return self._store.folder

    @contextmanager
    def rooting(self) -> Iterator[ObjectWriter]:
        """Keeps what git writes here from being removed before it has a root."""
        with self._store.writing(self.key) as writer:
            yield writer

    def _read(self, name: str) -> tuple[str, bytes] | None:
        if not _ID.fullmatch(name):
            return None
        return self._store.read(name) or read_object(self.git_dir / "objects", name)

    def _read_tree(self, name: str) -> bytes | None:
        stored = self._read(name)
        return None if stored is None else stored[1]

    def _entries_of_git_index(self) -> Iterator[tuple[str, IndexEntry]]:
        """The last state that an earlier version of crossrun recorded."""
        index = self.git_dir / "index"
        if not index.is_file():
            return
        for line in os.fsdecode(output(self._call(*_STAGED, index=index))).split("\0")[:-1]:
            about, path = line.split("\t", 1)
            mode, blob, _ = about.split(" ")
            yield path, IndexEntry(mode, bytes.fromhex(blob))

    def _scanned(self) -> Scan:
        try:
            return scan(self._work_tree)
        except OSError as error:
            raise workspace_missing(self._work_tree, error) from error

    def _selected(self, listed: Scan, before: Mapping[str, IndexEntry], *, whole: bool) -> set[str]:
        """The files that belong to the state."""
        if whole or not listed.ignore_files:
            return set(listed.files)
        paths = {
            path
            for path, entry in before.items()
            if path in listed.files and (entry.mode == LINK) == (listed.files[path].mode == LINK)
        }
        paths.update(self._not_ignored(listed))
        paths.update(self._tracked_though_ignored())
        return paths & listed.files.keys()

    def _not_ignored(self, listed: Scan) -> Iterator[str]:
        """The files that no `.gitignore` names. A nested repository has its own rules."""
        pending = [""]
        while pending:
            prefix = pending.pop()
            if not any(path.startswith(prefix) for path in listed.ignore_files):
                yield from (path for path in listed.files if path.startswith(prefix))
                continue
            for path in self._names("--others", *_RULES, folder=self._work_tree / prefix):
                if path.endswith("/"):
                    pending.append(prefix + path)
                else:
                    yield prefix + path

    def _tracked_though_ignored(self) -> list[str]:
        """Ignored files that the workspace's own repository tracks: added by force some time."""
        index = own_index(self._work_tree)
        if index is None:
            return []
        done = self._call("ls-files", "-z", "--cached", "--ignored", *_RULES, index=index)
        if done.returncode:  # an index of a kind that only that repository can read
            return []
        paths = os.fsdecode(done.stdout).split("\0")[:-1]
        return [path for path in paths if is_file_below(self._work_tree, path)]

    def _source(self, original: Original | None) -> CopiedSource | None:
        if original is None:
            return None
        return CopiedSource(original, self._store.source_cache(original.path))

    def _save_index(self, tree: str, entries: Mapping[str, IndexEntry], *, last: bool) -> None:
        """Other commands that look at the workspace need not read unchanged files."""
        if last:
            self.index.unlink(missing_ok=True)
        else:
            write_index(self.index, tree, entries)

    def _inherit_own(self, theirs: Path) -> None:
        """Learns what only another workspace's git directory has. Objects are never changed."""
        self.make()
        for file in (theirs / "objects").glob("[0-9a-f][0-9a-f]/*"):
            checkpoint()
            folder = self.git_dir / "objects" / file.parent.name
            folder.mkdir(exist_ok=True)
            _link_or_copy(file, folder / file.name)
        with suppress(FileNotFoundError):
            shutil.copyfile(theirs / "index", self.git_dir / "index")

    def _names(self, *words: str, folder: Path) -> list[str]:
        none = self._store.folder / "none"
        done = self._call("ls-files", "-z", *words, folder=folder, index=none)
        return os.fsdecode(output(done)).split("\0")[:-1]

    def _git(self, *words: str) -> bytes:
        return output(self._call(*words))

    def _call(
        self,
        *words: str,
        folder: Path | None = None,
        index: Path | None = None,
        into: IO[bytes] | None = None,
    ) -> "subprocess.CompletedProcess[bytes]":
        folder = folder or self._work_tree
        settings = [word for pair in SETTINGS.items() for word in ("-c", "=".join(pair))]
        place = [f"--git-dir={self.reading_dir()}", f"--work-tree={folder}"]
        extra = {"GIT_INDEX_FILE": str(index)} if index else {}
        return run_git([*place, *settings, *words], folder, environ=extra, into=into)


def _listed(reasons: Sequence[str]) -> str:
    more = len(reasons) - _REASONS_SHOWN
    return ", ".join(reasons[:_REASONS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _link_or_copy(file: Path, target: Path) -> None:
    try:
        target.hardlink_to(file)
    except FileExistsError:
        return
    except OSError:
        shutil.copy2(file, target)
