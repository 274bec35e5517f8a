"""States of a workspace, remembered in a git directory of crossrun's own outside of it.

The workspace is only the work tree. Its own `.git`, if it has one, is the agent's: never read as a
repository, never written. Repositories nested in the workspace are recorded file by file. No
configuration found in a tree or inherited from the user can run code or change what is recorded.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import IO, Any, NamedTuple

from crossrun.system.background import checkpoint
from crossrun.system.folders import make_private
from crossrun.workspace.files.dirfd import opened
from crossrun.workspace.files.spelling import Listings
from crossrun.workspace.git.commands import SETTINGS, output, run_git
from crossrun.workspace.git.own_repository import is_file_below, own_index
from crossrun.workspace.git.waiting import counting_lines
from crossrun.workspace.snapshots.differences import Difference, read_changes

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_LARGEST_KEPT = 8 * 1024 * 1024
"""Bytes. A larger file is not kept at the moment of its change, only in the state at the end."""

_ATTRIBUTES = "* -text !eol -ident -filter !diff -working-tree-encoding\n"
"""Files are recorded byte by byte, despite any .gitattributes in the workspace."""

_RULES = ("--exclude-standard",)
_FATAL = 128
"""The exit code of a git that gave up."""


class StoredFile(NamedTuple):
    """A file of a state: its path as the system has it, git's mode, its blob and its size."""

    path: str
    mode: str
    blob_id: str
    size: int


class Snapshots:
    """The states of one workspace.

    Args:
        git_dir: where they are kept; made with the first one.
        work_tree: the workspace.
    """

    def __init__(self, git_dir: Path, work_tree: Path) -> None:
        self.git_dir = git_dir
        self._work_tree = work_tree
        self.left_out = ""
        """What git said of files that the last state does not have, such as unreadable ones."""

    def take(self, *, afresh: bool = False, whole: bool = False, apart: Iterable[str] = ()) -> str:
        """Records the state as it is now.

        A file of the last state stays a part of the state for as long as it exists: a rule that is
        added to a `.gitignore` later hides new files only. So no rule can make a file look deleted.

        Args:
            afresh: reads all files, also those that seem to be as they were in the last state.
            whole: records ignored files, too: in a copy, the rules of its source chose the files.
            apart: files that stay out of the state although no rule ignores them any more.

        Returns:
            The id of a git tree.
        """
        self.make()
        if afresh:
            (self.git_dir / "index.lock").unlink(missing_ok=True)  # of a git that was killed
            self._git("read-tree", self._git("write-tree").decode().strip())
        gone = self._git("diff-files", "-z", "--name-only", "--diff-filter=DT")
        self._git("update-index", "-z", "--force-remove", "--stdin", stdin=gone)
        self._update_index(self._respelled(), remove=True)
        rules = () if whole else _RULES
        nested = [path for path in self._untracked(rules) if path.endswith("/")]
        outside = [f":(exclude,top,literal){path}" for path in nested]
        self.left_out = self._add_all(outside, force=whole)
        self._update_index(self._tracked_though_ignored())
        for path in nested:
            self._update_index(self._files_of_nested(path, rules))
        self._update_index(apart, remove=True)
        return self._git("write-tree").decode().strip()

    def _respelled(self) -> list[str]:
        """Recorded names that seem to be there only since other spellings of them are."""
        with opened(self._work_tree) as top:
            listings = Listings(top)
            if listings.is_case_sensitive() is not False:
                return []
            names = self._names("ls-files", "-z", "--cached")
            return [name for name in names if listings.spelling_of(name) != name]

    def unrecorded(self) -> list[str]:
        """The files in the workspace that its last state does not have, without those of git."""
        paths = list[str]()
        nested = list[str]()
        for path in self._untracked(()):
            (nested if path.endswith("/") else paths).append(path)
        if nested:
            recorded = set(self._names("ls-files", "-z", "--cached"))
            for repository in nested:
                files = self._files_of_nested(repository, ())
                paths += [path for path in files if path not in recorded]
        return paths

    def tree_of(self, paths: Iterable[str]) -> str:
        """Records certain files apart from the state; the id of their tree."""
        index = self.git_dir / "apart.index"
        index.unlink(missing_ok=True)
        try:
            self._update_index(paths, index=index)
            return self._git("write-tree", index=index).decode().strip()
        finally:
            index.unlink(missing_ok=True)

    def _add_all(self, outside: Sequence[str], *, force: bool) -> str:
        flags = ("--force",) if force else ()
        words = ("add", "--all", "--verbose", "--ignore-errors", *flags, "--", ".", *outside)
        with tempfile.TemporaryFile() as names:
            done = self._call(*words, into=names, meanwhile=counting_lines(names))
        if done.returncode < 0 or done.returncode >= _FATAL:
            output(done)
        return done.stderr.decode("utf-8", "replace").strip() if done.returncode else ""

    def inherit(self, others: "Snapshots") -> None:
        """Learns the states that another workspace's snapshots hold, and begins with the last one.

        Objects are never changed.
        """
        self.make()
        with suppress(FileNotFoundError):
            shutil.copyfile(others.git_dir / "index", self.git_dir / "index")
        theirs = others.git_dir / "objects"
        if not theirs.is_dir():
            return
        for folder in (entry for entry in theirs.iterdir() if entry.is_dir()):
            ours = self.git_dir / "objects" / folder.name
            ours.mkdir(exist_ok=True)
            for file in folder.iterdir():
                checkpoint()
                _link_or_copy(file, ours / file.name)

    def difference(self, before: str, after: str) -> Difference:
        """What changed from one state to another."""
        if before == after:
            return Difference((), "", "", b"")
        output = self._diff(before, after, "--raw", "--numstat", "-z")
        stat = self._diff(before, after, "--stat=100").decode("utf-8", "replace").rstrip()
        patch = self._diff(before, after, "--patch", "--binary", "--full-index")
        return Difference(read_changes(output), stat.splitlines()[-1].strip(), stat, patch)

    def keep(self, path: str) -> str | None:
        """Keeps one file as it is at this moment.

        Returns:
            The id of its blob, or None where there is no such file inside the workspace or it is
            too large.
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
        self.make()
        return self.store(content)

    def blob(self, blob_id: str) -> bytes | None:
        """The content that `keep` returned the id of, or None when it is gone."""
        if not self.git_dir.is_dir():
            return None
        from gitdb.exc import ODBError

        if len(blob_id) != len(EMPTY_TREE):
            return None
        try:
            content: bytes = self._objects().stream(bytes.fromhex(blob_id)).read()
        except (ODBError, ValueError, OSError):
            return None
        return content

    def has(self, tree: str) -> bool:
        """Whether a state is still remembered."""
        return self._call("cat-file", "-e", f"{tree}^{{tree}}").returncode == 0

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

    def store(self, content: bytes) -> str:
        """Keeps a content; the id of its blob."""
        from gitdb import IStream

        stream = IStream("blob", len(content), BytesIO(content))
        stored: Any = self._objects().store(stream)
        return str(stored.hexsha.decode())

    def _objects(self) -> Any:  # noqa: ANN401  gitdb has no types
        """The object database alone: a `git.Repo` would look at the user's GIT_* variables."""
        from git.db import GitDB

        return GitDB(str(self.git_dir / "objects"))

    def make(self) -> None:
        """Makes the git directory where there is none."""
        if (self.git_dir / "info" / "attributes").is_file():
            return
        make_private(self.git_dir)
        init = ["init", "--quiet", "--bare", "--shared=0600", "--template="]
        output(run_git([*init, str(self.git_dir)], Path("/")))
        info = self.git_dir / "info"
        info.mkdir(exist_ok=True)
        (info / "attributes").write_text(_ATTRIBUTES)

    def staged(self, index: Path) -> bytes | None:
        """The entries of an index of another repository; None if git cannot read it from here."""
        done = self._call("ls-files", "-z", "--stage", index=index)
        return None if done.returncode else done.stdout

    def _tracked_though_ignored(self) -> list[str]:
        """Ignored files that the workspace's own repository tracks: added by force some time."""
        index = own_index(self._work_tree)
        if index is None:
            return []
        words = ("ls-files", "-z", "--cached", "--ignored", *_RULES)
        done = self._call(*words, index=index)
        if done.returncode:  # an index of a kind that only that repository can read
            return []
        return [path for path in _split(done.stdout) if is_file_below(self._work_tree, path)]

    def _files_of_nested(self, repository: str, rules: Sequence[str]) -> list[str]:
        """A nested repository's files one by one: git itself would record only a link."""
        pending, files = [repository], list[str]()
        while pending:
            prefix = pending.pop()
            folder = self._work_tree / prefix
            for path in self._untracked(rules, folder=folder, index=self.git_dir / "none"):
                (pending if path.endswith("/") else files).append(prefix + path)
        return files

    def _update_index(
        self, paths: Iterable[str], *, remove: bool = False, index: Path | None = None
    ) -> None:
        listed = "".join(f"{path}\0" for path in paths).encode("utf-8", "surrogateescape")
        if listed:
            flags = ("--force-remove",) if remove else ("--add", "--replace")
            self._git("update-index", "-z", *flags, "--stdin", stdin=listed, index=index)

    def _untracked(
        self, rules: Sequence[str], *, folder: Path | None = None, index: Path | None = None
    ) -> list[str]:
        """Files that are not in an index, and repositories, which git lists as `name/`."""
        return self._names("ls-files", "-z", "--others", *rules, folder=folder, index=index)

    def _names(
        self, *words: str, folder: Path | None = None, index: Path | None = None
    ) -> list[str]:
        return _split(self._git(*words, folder=folder, index=index))

    def _diff(self, before: str, after: str, *form: str) -> bytes:
        flags = ("-r", "--find-renames", "--no-ext-diff", "--no-textconv", "--no-color")
        return self._git("diff-tree", *flags, *form, before, after)

    def _git(
        self, *words: str, folder: Path | None = None, index: Path | None = None, stdin: bytes = b""
    ) -> bytes:
        return output(self._call(*words, folder=folder, index=index, stdin=stdin))

    def _call(
        self,
        *words: str,
        folder: Path | None = None,
        index: Path | None = None,
        stdin: bytes = b"",
        into: IO[bytes] | None = None,
        meanwhile: Callable[[], None] = checkpoint,
    ) -> "subprocess.CompletedProcess[bytes]":
        folder = folder or self._work_tree
        settings = [word for pair in SETTINGS.items() for word in ("-c", "=".join(pair))]
        place = [f"--git-dir={self.git_dir}", f"--work-tree={folder}"]
        extra = {"GIT_INDEX_FILE": str(index)} if index else {}
        return run_git(
            [*place, *settings, *words],
            folder,
            stdin=stdin,
            environ=extra,
            into=into,
            meanwhile=meanwhile,
        )


def _link_or_copy(file: Path, target: Path) -> None:
    with suppress(FileExistsError):
        try:
            target.hardlink_to(file)
        except FileExistsError:
            raise
        except OSError:
            shutil.copy2(file, target)


def _split(listing: bytes) -> list[str]:
    return [path for path in listing.decode("utf-8", "surrogateescape").split("\0") if path]
