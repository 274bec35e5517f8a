"""States of files as git trees, in the git directory that remembers a workspace."""

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha1
from pathlib import Path
from typing import NamedTuple

from crossrun.errors import NotFoundError
from crossrun.workspace.git.commands import SETTINGS, output, run_git
from crossrun.workspace.snapshots.recorder import Snapshots
from crossrun.workspace.snapshots.scan import FILE, LINK, PROGRAM
from crossrun.workspace.snapshots.tree_builder import EMPTY_TREE

__all__ = ["FILE", "LINK", "PROGRAM", "Pair", "TreeEntry", "Trees", "blob_id", "listed_entries"]
_NO_MODE = "000000"


class TreeEntry(NamedTuple):
    """What a tree has at one path: its kind, and the id of its content."""

    mode: str
    blob: str


class Pair(NamedTuple):
    """One path in two trees; None: it is not there."""

    before: TreeEntry | None
    after: TreeEntry | None


def blob_id(content: bytes) -> str:
    """The id that git gives to a content."""
    return sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def is_attributes_file(path: str) -> bool:
    """Whether git looks for attributes at a path."""
    return path.rpartition("/")[2] == ".gitattributes"


def listed_entries(listed: bytes) -> Iterator[tuple[str, TreeEntry]]:
    """The paths that `ls-tree -r -z` lists, and what is there."""
    for record in os.fsdecode(listed).split("\0")[:-1]:
        about, path = record.split("\t", 1)
        mode, _, blob = about.split(" ")
        yield path, TreeEntry(mode, blob)


class Trees:
    """Reads and makes trees. Files of the workspace itself are not looked at.

    Args:
        snapshots: where the trees are.
    """

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots
        self.git_dir = snapshots.git_dir

    def make(self) -> None:
        """Makes the git directory, for git to write to."""
        self._snapshots.make()

    def require(self, *trees: str) -> None:
        """Makes sure that states are still there.

        Raises:
            NotFoundError: one is not.
        """
        for tree in trees:
            if not self.knows(tree):
                raise NotFoundError(
                    "SNAPSHOTS_GONE",
                    f"the recorded state {tree[:12]} is no longer in {self.git_dir}",
                    hint="it was removed with the workspace; its record is kept: crossrun diff",
                )

    def knows(self, *trees: str | None) -> bool:
        """Whether states are still there; None is the state without any file."""
        recorded = [tree for tree in trees if tree not in (None, EMPTY_TREE)]
        return all(self._snapshots.has(tree) for tree in recorded)

    def changed(self, before: str, after: str) -> dict[str, Pair]:
        """The paths that differ. A file that was renamed is two of them."""
        if before == after:
            return {}
        flags = ("-r", "--raw", "-z", "--no-renames", "--no-abbrev", "--no-ext-diff")
        fields = self.git("diff-tree", *flags, before, after).decode("utf-8", "surrogateescape")
        records = fields.split("\0")
        entries = {}
        for about, path in zip(records[::2], records[1::2], strict=False):
            old_mode, new_mode, old, new, _ = about.removeprefix(":").split(" ")
            entries[path] = Pair(_entry(old_mode, old), _entry(new_mode, new))
        return entries

    def has(self, name: str) -> bool:
        """Whether there is an object, by a name that git knows it by: `tree:path` or such."""
        return self.call("cat-file", "-e", name) is not None

    def entries(self, tree: str) -> dict[str, TreeEntry]:
        """All paths of a state, and what is there.

        Raises:
            ConfigurationError: GIT_FAILED, when it is no longer there.
        """
        return dict(listed_entries(self.git("ls-tree", "-r", "-z", "--full-tree", tree)))

    def attribute_files(self, tree: str) -> dict[str, bytes]:
        """The contents of a state's `.gitattributes` files by their paths."""
        return {
            path: self.content(entry.blob)
            for path, entry in self.entries(tree).items()
            if entry.mode != LINK and is_attributes_file(path)
        }

    def ignored(self, tree: str, paths: Iterable[str]) -> set[str]:
        """Which paths the `.gitignore` files of a state ignore, although it may have them."""
        rules = {
            path: entry
            for path, entry in self.entries(tree).items()
            if path.rpartition("/")[2] == ".gitignore" and entry.mode != LINK
        }
        with tempfile.TemporaryDirectory() as folder:
            for path, entry in rules.items():
                file = Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(self.content(entry.blob))
            listed = "".join(f"{path}\0" for path in paths).encode("utf-8", "surrogateescape")
            place = self._words([f"--work-tree={folder}", "check-ignore", "--no-index", "-z"])
            done = run_git([*place, "--stdin"], Path(folder), stdin=listed)
        return set(os.fsdecode(done.stdout).split("\0")[:-1])

    def content(self, blob: str) -> bytes:
        """The content of a blob.

        Raises:
            NotFoundError: it is no longer there.
        """
        content = self._snapshots.blob(blob)
        if content is None:
            raise NotFoundError(
                "SNAPSHOTS_GONE",
                f"a recorded file, {blob[:12]}, is no longer in {self.git_dir}",
                hint="the disk may be damaged; the summary is kept: crossrun diff --stat",
            )
        return content

    def sizes(self, blobs: Iterable[str]) -> dict[str, int]:
        """The bytes of blobs; those that are not there are left out."""
        listed = "".join(f"{blob}\n" for blob in blobs).encode()
        lines = self.git("cat-file", "--batch-check=%(objectname) %(objectsize)", stdin=listed)
        pairs = (line.split(" ") for line in lines.decode().splitlines())
        return {blob: int(size) for blob, size in pairs if size != "missing"}

    def keep(self, content: bytes) -> str:
        """Keeps a content; the id of its blob."""
        return self._snapshots.store(content)

    def write(
        self,
        entries: Mapping[str, TreeEntry | None],
        *,
        onto: str = EMPTY_TREE,
        environ: Mapping[str, str] | None = None,
    ) -> str:
        """Makes the tree that another one becomes with these entries; None takes one out."""
        lines = (
            f"{entry.mode} {entry.blob}\t{path}\0" if entry else f"0 {'0' * 40}\t{path}\0"
            for path, entry in sorted(entries.items(), key=lambda item: item[1] is not None)
        )
        listed = "".join(lines).encode("utf-8", "surrogateescape")
        self.make()
        with tempfile.TemporaryDirectory() as folder, self._snapshots.rooting() as writer:
            index = {**(environ or {}), "GIT_INDEX_FILE": str(Path(folder) / "index")}
            self.git("read-tree", onto, environ=index)
            self.git("update-index", "-z", "--index-info", stdin=listed, environ=index)
            tree = self.git("write-tree", environ=index).decode().strip()
            writer.root(tree)
            return tree

    def patch(self, before: str, after: str) -> bytes:
        """The change in git's format, whole and with binary files."""
        flags = ("-r", "--find-renames", "--no-ext-diff", "--no-textconv", "--no-color")
        return self.git("diff-tree", *flags, "--patch", "--binary", "--full-index", before, after)

    def patch_of(self, path: str, before: str, after: str) -> bytes:
        """The change of one file, for people: a binary one is only named."""
        flags = ("-r", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color", "--patch")
        literally = {"GIT_LITERAL_PATHSPECS": "1"}
        return self.git("diff-tree", *flags, before, after, "--", path, environ=literally)

    def git(
        self, *words: str, stdin: bytes = b"", environ: Mapping[str, str] | None = None
    ) -> bytes:
        """What git says.

        Raises:
            ConfigurationError: GIT_FAILED.
        """
        return output(
            run_git(self._words(words), Path("/"), stdin=stdin, environ=dict(environ or {}))
        )

    def call(self, *words: str, environ: Mapping[str, str] | None = None) -> bytes | None:
        """What git says, or None where it fails."""
        done = run_git(self._words(words), Path("/"), environ=dict(environ or {}))
        return None if done.returncode else done.stdout

    def merge(self, folder: Path, *words: str) -> tuple[int, bytes]:
        """Has git merge files that lie in a folder; how many conflicts there are, and the text."""
        done = run_git(self._words(["merge-file", "--stdout", *words]), folder)
        return done.returncode, done.stdout

    def attribute(self, folder: Path, name: str, path: str) -> str:
        """The value of an attribute, by the `.gitattributes` files that lie in a folder."""
        words = [f"--work-tree={folder}", "check-attr", "-z", name, "--", path]
        return os.fsdecode(output(run_git(self._words(words), folder))).split("\0")[2]

    def _words(self, words: tuple[str, ...] | list[str]) -> list[str]:
        settings = [word for pair in SETTINGS.items() for word in ("-c", "=".join(pair))]
        return [f"--git-dir={self._snapshots.reading_dir()}", *settings, *words]


def _entry(mode: str, blob: str) -> TreeEntry | None:
    return None if mode == _NO_MODE else TreeEntry(mode, blob)
