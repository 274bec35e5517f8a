"""A branch with one commit in the user's repository.

The commit is made in the git directory that remembers the workspace, where the objects of the
repository can be read as data. Then what is new of it goes over, and the branch is written.
"""

import os
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from itertools import takewhile
from pathlib import Path

from crossrun.errors import UsageError
from crossrun.workspace.git import run_git
from crossrun.workspace.merging import Place
from crossrun.workspace.references import Branches, impossible
from crossrun.workspace.repositories import git_folders, settings_of
from crossrun.workspace.trees import Entry, Trees

_ID_LENGTH = 40
_NOBODY = {"user.name": "crossrun", "user.email": "crossrun@localhost"}


class Repository:
    """The repository of a folder of the user's.

    Args:
        folder: its work tree.
        trees: where commits for it are made.

    Raises:
        ConfigurationError: BRANCH_IMPOSSIBLE, SOURCE_REPOSITORY.
    """

    def __init__(self, folder: Path, trees: Trees) -> None:
        if not os.path.lexists(folder / ".git"):
            raise impossible(f"{folder} is no git repository")
        self._folder = folder
        self._trees = trees
        folders = git_folders(folder)
        self._settings = dict(settings_of(folder, folders))
        if self._settings.get("extensions.objectformat", "sha1") != "sha1":
            raise impossible(f"{folder} has ids of another kind")
        self._objects = folders.common / "objects"
        self._sees_both = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(self._objects)}
        self.branches = Branches(folders.common)

    def state(self, commit: str | None) -> "CommitState":
        """The files of a commit, as a target of a change.

        Raises:
            ConfigurationError: BRANCH_IMPOSSIBLE, when there is no such commit.
        """
        if commit is None:
            raise impossible(f"{self._folder} had no commit when the run began")
        listed = None
        if len(commit) == _ID_LENGTH:
            words = ("ls-tree", "-r", "-z", "--full-tree", f"{commit}^{{commit}}")
            listed = self._trees.call(*words, environ=self._sees_both)
        if listed is None:
            raise impossible(f"{self._folder} does not have the commit {commit[:12]}")
        return CommitState(listed, self._blob)

    def require_name(self, name: str) -> None:
        """Makes sure that a branch can be made.

        Raises:
            UsageError: BRANCH_INVALID, BRANCH_TAKEN.
        """
        fine = self._trees.call("check-ref-format", "--branch", name)
        if fine is None or os.fsdecode(fine).strip("\n") != name or name == "HEAD":
            raise UsageError(
                "BRANCH_INVALID",
                f"{name!r} cannot be the name of a branch",
                hint="use letters, digits, dashes and slashes, as in  fix/empty-file",
            )
        self.branches.require_free(name)

    def commit(
        self,
        parent: str,
        entries: Mapping[str, Entry | None],
        message: str,
        environ: Mapping[str, str],
    ) -> str:
        """Makes a commit that only crossrun's own git directory has so far; its id.

        Args:
            parent: the commit that it follows.
            entries: what differs from that.
            message: its message.
            environ: the user's, to find out who commits.
        """
        tree = self._trees.write(entries, onto=parent, environ=self._sees_both)
        author = self._author(environ)
        who = {
            f"GIT_{role}_{part}": author[f"user.{part.lower()}"]
            for role in ("AUTHOR", "COMMITTER")
            for part in ("NAME", "EMAIL")
        }
        words = ("commit-tree", tree, "-p", parent, "-F", "-")
        stdin = message.encode("utf-8", "replace")
        return self._trees.git(*words, stdin=stdin, environ=self._sees_both | who).decode().strip()

    def bring_over(self, parent: str, commit: str) -> None:
        """Gives the repository the objects of a commit that its parent does not have."""
        flags = ("-r", "-t", "--raw", "-z", "--no-renames", "--no-abbrev")
        found = self._trees.git("diff-tree", *flags, parent, commit, environ=self._sees_both)
        records = found.split(b"\0")[::2]
        changed = {record.split(b" ")[3].decode() for record in records if record}
        root = self._trees.git("rev-parse", f"{commit}^{{tree}}", environ=self._sees_both)
        listed = [commit, root.decode().strip(), *sorted(changed - {"0" * _ID_LENGTH})]
        stdin = "".join(f"{each}\n" for each in listed).encode()
        pack = ("pack-objects", "--stdout", "-q")
        packed = self._trees.git(*pack, stdin=stdin, environ=self._sees_both)
        shared = self._settings.get("core.sharedrepository", "umask")
        unpack = ("-c", f"core.sharedRepository={shared}", "unpack-objects", "-q")
        into = {"GIT_OBJECT_DIRECTORY": str(self._objects)}
        self._trees.git(*unpack, stdin=packed, environ=into)

    def _blob(self, blob: str) -> bytes:
        return self._trees.git("cat-file", "blob", blob, environ=self._sees_both)

    def _author(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The repository's own word, then the user's, then nobody's."""
        home = Path(environ.get("HOME") or "/")
        other = Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "git" / "config"
        found = _identity(other) | _identity(home / ".gitconfig")
        found |= {key: self._settings[key] for key in _NOBODY if self._settings.get(key)}
        return found if len(found) == len(_NOBODY) else _NOBODY


class CommitState:
    """The files of a commit, looked at like those of a folder.

    Args:
        listed: what `ls-tree -r -z` says of it.
        read: gives the content of a blob.
    """

    def __init__(self, listed: bytes, read: Callable[[str], bytes]) -> None:
        self._entries = dict(_entries(listed))
        self._paths = sorted(self._entries)
        self._read = read

    tells_case = True
    keeps_modes = True

    def spelled(self, path: str) -> str:
        """The path itself: trees of git tell all names apart."""
        return path

    def look(self, path: str) -> Place:
        """What is at a path."""
        above = [path[:at] for at, sign in enumerate(path) if sign == "/"]
        blocked_by = next((each for each in above if each in self._entries), None)
        if blocked_by is not None:
            return Place(blocked_by=blocked_by)
        if path in self._entries:
            return Place(entry=self._entries[path])
        inside = f"{path}/"
        after = self._paths[bisect_left(self._paths, inside) :]
        return Place(within=tuple(takewhile(lambda each: each.startswith(inside), after)) or None)

    def read(self, path: str, place: Place) -> bytes:
        """The content of what was looked at."""
        if place.entry is None:
            raise ValueError(f"there is nothing at {path!r}")
        return self._read(place.entry.blob)


def _entries(listed: bytes) -> Iterator[tuple[str, Entry]]:
    for record in os.fsdecode(listed).split("\0")[:-1]:
        about, path = record.split("\t", 1)
        mode, _, blob = about.split(" ")
        yield path, Entry(mode, blob)


def _identity(file: Path) -> dict[str, str]:
    """Who commits, by a file of the user's own."""
    words = ["config", "--file", str(file), "--includes", "--null", "--get-regexp", "^user\\."]
    listed = os.fsdecode(run_git(words, Path("/")).stdout)
    pairs = (entry.partition("\n") for entry in listed.split("\0") if entry)
    return {key: value for key, _, value in pairs if key in _NOBODY and value}


def _quoted(folder: Path) -> str:
    """A path as git takes it in a list of paths, whatever signs it has."""
    return '"' + "".join(f"\\{sign}" if sign in '\\"' else sign for sign in str(folder)) + '"'
