"""A branch with one commit in the user's repository.

The commit is made in the git directory that remembers the workspace, where the objects of the
repository can be read as data. Then what is new of it goes over, and the branch is written.
"""

import os
from bisect import bisect_left
from collections.abc import Callable, Mapping
from itertools import takewhile
from pathlib import Path

from crossrun.errors import UsageError
from crossrun.workspace.files.dirfd import read_file
from crossrun.workspace.git.commands import run_git
from crossrun.workspace.git.folders import GitFolders, git_folders, settings_of
from crossrun.workspace.git.ref_files import References, impossible
from crossrun.workspace.git.user_config import LINE_ENDS, attributes_file, user_settings
from crossrun.workspace.merge.decisions import TargetEntry
from crossrun.workspace.snapshots.trees import (
    LINK,
    Entry,
    Pair,
    Trees,
    is_attributes_file,
    listed_entries,
)
from crossrun.workspace.user_repository.checkin import CheckIn, CheckInRules

_ID_LENGTH = 40
_LONGEST = 4 * 1024 * 1024
"""Bytes of a file with attributes."""
_FALSE = ("false", "no", "off", "0", "")
_NOBODY = {"user.name": "crossrun", "user.email": "crossrun@localhost"}


def branches_of(folder: Path) -> References:
    """The branches of the repository of a folder.

    Raises:
        ConfigurationError: BRANCH_IMPOSSIBLE, SOURCE_REPOSITORY.
    """
    return References(opened_repository(folder)[0].common)


class UserRepository:
    """The repository of a folder of the user's.

    Args:
        folder: its work tree.
        trees: where commits for it are made.
        environ: the user's, to find the user's own configuration of git.

    Raises:
        ConfigurationError: BRANCH_IMPOSSIBLE, SOURCE_REPOSITORY.
    """

    def __init__(self, folder: Path, trees: Trees, environ: Mapping[str, str]) -> None:
        folders, settings = opened_repository(folder)
        self._folder = folder
        self._trees = trees
        self._settings = user_settings(environ) | settings
        if self._settings.get("extensions.objectformat", "sha1") != "sha1":
            raise impossible(f"{folder} has ids of another kind")
        self._objects = folders.common / "objects"
        self._sees_both = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(self._objects)}
        self._rules = _rules(self._settings, folders.common, environ)
        self.branches = References(folders.common)

    def stored(self, base: str, tree: str, parent: "CommitFiles") -> dict[str, Pair]:
        """What differs between two states of a workspace, as a commit stores it.

        Raises:
            ConfigurationError: BRANCH_FILTERED, BRANCH_IMPOSSIBLE: files cannot be converted.
        """
        return CheckIn(self._trees, self._sees_both, self._rules).stored(base, tree, parent)

    def state(self, commit: str | None) -> "CommitFiles":
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
        return CommitFiles(commit, listed, self._blob)

    def require_name(self, name: str) -> None:
        """Makes sure that a branch can be made.

        Raises:
            UsageError: BRANCH_INVALID, BRANCH_TAKEN.
        """
        require_branch_name(name)
        self.branches.require_free(name)

    def commit(
        self,
        parent: str,
        entries: Mapping[str, Entry | None],
        message: str,
    ) -> str:
        """Makes a commit that only crossrun's own git directory has so far; its id.

        Args:
            parent: the commit that it follows.
            entries: what differs from that.
            message: its message.
        """
        tree = self._trees.write(entries, onto=parent, environ=self._sees_both)
        author = self._author()
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

    def _author(self) -> dict[str, str]:
        """Who commits: nobody, unless the user has both a name and an address."""
        found = {key: self._settings[key] for key in _NOBODY if self._settings.get(key)}
        return found if len(found) == len(_NOBODY) else _NOBODY


class CommitFiles:
    """The files of a commit, looked at like those of a folder.

    Args:
        commit: its id.
        listed: what `ls-tree -r -z` says of it.
        read: gives the content of a blob.
    """

    def __init__(self, commit: str, listed: bytes, read: Callable[[str], bytes]) -> None:
        self.commit = commit
        self._entries = dict(listed_entries(listed))
        self._paths = sorted(self._entries)
        self._read = read

    tells_case = True
    keeps_spelling = True
    keeps_modes = True

    def spelled(self, path: str) -> str:
        """The path itself: trees of git tell all names apart."""
        return path

    def entry(self, path: str) -> Entry | None:
        """What the commit has at a path."""
        return self._entries.get(path)

    def attribute_files(self) -> dict[str, bytes]:
        """The contents of its `.gitattributes` files by their paths."""
        return {
            path: self._read(entry.blob)
            for path, entry in self._entries.items()
            if entry.mode != LINK and is_attributes_file(path)
        }

    def look(self, path: str) -> TargetEntry:
        """What is at a path."""
        above = [path[:at] for at, sign in enumerate(path) if sign == "/"]
        blocked_by = next((each for each in above if each in self._entries), None)
        if blocked_by is not None:
            return TargetEntry(blocked_by=blocked_by)
        if path in self._entries:
            return TargetEntry(entry=self._entries[path])
        inside = f"{path}/"
        after = self._paths[bisect_left(self._paths, inside) :]
        return TargetEntry(
            within=tuple(takewhile(lambda each: each.startswith(inside), after)) or None
        )

    def read(self, path: str, current: TargetEntry) -> bytes:
        """The content of what was looked at."""
        if current.entry is None:
            raise ValueError(f"there is nothing at {path!r}")
        return self._read(current.entry.blob)


def require_branch_name(name: str) -> None:
    """Makes sure that a name can be that of a branch. Raises UsageError, BRANCH_INVALID."""
    checked = run_git(["check-ref-format", "--branch", name], Path("/"))
    fine = checked.returncode == 0 and os.fsdecode(checked.stdout).strip("\n") == name
    if not fine or name == "HEAD":
        raise UsageError(
            "BRANCH_INVALID",
            f"{name!r} cannot be the name of a branch",
            hint="use letters, digits, dashes and slashes, as in  fix/empty-file",
        )


def opened_repository(folder: Path) -> tuple[GitFolders, dict[str, str]]:
    """Where the repository of a folder is, and its settings."""
    if not os.path.lexists(folder / ".git"):
        raise impossible(f"{folder} is no git repository")
    folders = git_folders(folder)
    return folders, dict(settings_of(folder, folders))


def _rules(settings: Mapping[str, str], common: Path, environ: Mapping[str, str]) -> CheckInRules:
    words = [f"{name}={settings[name]}" for name in LINE_ENDS if name in settings]
    file = attributes_file(settings, environ)
    if file is not None:
        words.append(f"core.attributesFile={file}")
    info = read_file(common / "info" / "attributes", _LONGEST) or b""
    all_texts = settings.get("core.autocrlf", "false").lower() not in _FALSE
    return CheckInRules(words, info, all_texts)


def _quoted(folder: Path) -> str:
    """A path as git takes it in a list of paths, whatever signs it has."""
    return '"' + "".join(f"\\{sign}" if sign in '\\"' else sign for sign in str(folder)) + '"'
