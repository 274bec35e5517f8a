"""Makes a branch with one commit in the user's repository.

The commit is made in the git directory of the workspace's snapshots, which reads the objects of the
user's repository as alternates. Then the new objects are copied, and the branch is written.
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
    Pair,
    TreeEntry,
    Trees,
    is_attributes_file,
    listed_entries,
)
from crossrun.workspace.user_repository.checkin import CheckIn, CheckInRules

_ID_LENGTH = 40
_LONGEST = 4 * 1024 * 1024
"""Bytes of an attribute file."""
_FALSE = ("false", "no", "off", "0", "")
_NOBODY = {"user.name": "crossrun", "user.email": "crossrun@localhost"}


def branches_of(folder: Path) -> References:
    """The branches of the repository of a folder.

    Raises:
        ConfigurationError: BRANCH_IMPOSSIBLE, SOURCE_REPOSITORY.
    """
    return References(opened_repository(folder)[0].common)


class UserRepository:
    """The git repository of one of the user's folders.

    Args:
        folder: its work tree.
        trees: where commits for it are made.
        environ: the user's environment, for the user's git configuration.

    Raises:
        ConfigurationError: BRANCH_IMPOSSIBLE, SOURCE_REPOSITORY.
    """

    def __init__(self, folder: Path, trees: Trees, environ: Mapping[str, str]) -> None:
        folders, settings = opened_repository(folder)
        self._folder = folder
        self._trees = trees
        trees.make()
        self._settings = user_settings(environ) | settings
        if self._settings.get("extensions.objectformat", "sha1") != "sha1":
            raise impossible(f"{folder} does not use SHA-1 object ids")
        self._objects = folders.common / "objects"
        self._with_objects = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(self._objects)}
        self._check_in_rules = _check_in_rules(self._settings, folders.common, environ)
        self.branches = References(folders.common)

    def convert(self, base: str, tree: str, parent: "CommitFiles") -> dict[str, Pair]:
        """The differences between two states of a workspace, in the form that a commit stores.

        Raises:
            ConfigurationError: BRANCH_FILTERED, BRANCH_IMPOSSIBLE: files cannot be converted.
        """
        return CheckIn(self._trees, self._with_objects, self._check_in_rules).convert(
            base, tree, parent
        )

    def state(self, commit: str | None) -> "CommitFiles":
        """The files of a commit, as the target of a merge.

        Raises:
            ConfigurationError: BRANCH_IMPOSSIBLE, there is no such commit.
        """
        if commit is None:
            raise impossible(f"{self._folder} had no commit when the run started")
        listed = None
        if len(commit) == _ID_LENGTH:
            arguments = ("ls-tree", "-r", "-z", "--full-tree", f"{commit}^{{commit}}")
            listed = self._trees.call(*arguments, environ=self._with_objects)
        if listed is None:
            raise impossible(f"{self._folder} does not have the commit {commit[:12]}")
        return CommitFiles(commit, listed, self._blob)

    def require_name(self, name: str) -> None:
        """Makes sure that a branch can have this name.

        Raises:
            UsageError: BRANCH_INVALID, BRANCH_TAKEN.
        """
        require_branch_name(name)
        self.branches.require_free(name)

    def commit(
        self,
        parent: str,
        entries: Mapping[str, TreeEntry | None],
        message: str,
        author: str | None = None,
    ) -> str:
        """Makes a commit in crossrun's own git directory. Returns its id.

        Args:
            parent: the parent commit.
            entries: what differs from it.
            message: the commit message.
            author: `Name <address>`; None: the user.
        """
        tree = self._trees.write(entries, onto=parent, environ=self._with_objects)
        user = self._author()
        who = {
            f"GIT_{role}_{part}": user[f"user.{part.lower()}"]
            for role in ("AUTHOR", "COMMITTER")
            for part in ("NAME", "EMAIL")
        }
        if author is not None:
            name, _, address = author.removesuffix(">").rpartition(" <")
            who |= {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": address}
        arguments = ("commit-tree", tree, "-p", parent, "-F", "-")
        stdin = message.encode("utf-8", "replace")
        return (
            self._trees.git(*arguments, stdin=stdin, environ=self._with_objects | who)
            .decode()
            .strip()
        )

    def copy_objects(self, parent: str, commit: str) -> None:
        """Copies the objects of a commit that its parent does not have to the repository."""
        flags = ("-r", "-t", "--raw", "-z", "--no-renames", "--no-abbrev")
        listed = self._trees.git("diff-tree", *flags, parent, commit, environ=self._with_objects)
        records = listed.split(b"\0")[::2]
        changed = {record.split(b" ")[3].decode() for record in records if record}
        root = self._trees.git("rev-parse", f"{commit}^{{tree}}", environ=self._with_objects)
        objects = [commit, root.decode().strip(), *sorted(changed - {"0" * _ID_LENGTH})]
        stdin = "".join(f"{each}\n" for each in objects).encode()
        pack = ("pack-objects", "--stdout", "-q")
        packed = self._trees.git(*pack, stdin=stdin, environ=self._with_objects)
        shared = self._settings.get("core.sharedrepository", "umask")
        unpack = ("-c", f"core.sharedRepository={shared}", "unpack-objects", "-q")
        into = {"GIT_OBJECT_DIRECTORY": str(self._objects)}
        self._trees.git(*unpack, stdin=packed, environ=into)

    def _blob(self, blob: str) -> bytes:
        return self._trees.git("cat-file", "blob", blob, environ=self._with_objects)

    def _author(self) -> dict[str, str]:
        """The user, if git knows both a name and an address; else a placeholder."""
        author = {key: self._settings[key] for key in _NOBODY if self._settings.get(key)}
        return author if len(author) == len(_NOBODY) else _NOBODY


class CommitFiles:
    """The files of a commit, read like those of a folder.

    Args:
        commit: its id.
        listed: the output of `ls-tree -r -z` for it.
        read: returns the content of a blob.
    """

    def __init__(self, commit: str, listed: bytes, read: Callable[[str], bytes]) -> None:
        self.commit = commit
        self._entries = dict(listed_entries(listed))
        self._paths = sorted(self._entries)
        self._read = read

    is_case_sensitive = True
    preserves_names = True
    stores_modes = True

    def spelling_of(self, path: str) -> str:
        """The path itself: git distinguishes all names."""
        return path

    def entry(self, path: str) -> TreeEntry | None:
        """What the commit has at a path."""
        return self._entries.get(path)

    def attribute_files(self) -> dict[str, bytes]:
        """The contents of its `.gitattributes` files, by path."""
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
        """The content of an entry."""
        if current.entry is None:
            raise ValueError(f"there is nothing at {path!r}")
        return self._read(current.entry.blob)


def require_branch_name(name: str) -> None:
    """Makes sure that git allows a branch name. Raises UsageError, BRANCH_INVALID."""
    checked = run_git(["check-ref-format", "--branch", name], Path("/"))
    is_valid = checked.returncode == 0 and os.fsdecode(checked.stdout).strip("\n") == name
    if not is_valid or name == "HEAD":
        raise UsageError(
            "BRANCH_INVALID",
            f"{name!r} is not a valid branch name",
            hint="use letters, digits, dashes and slashes, as in fix/empty-file",
        )


def opened_repository(folder: Path) -> tuple[GitFolders, dict[str, str]]:
    """The repository of a folder, and its settings."""
    if not os.path.lexists(folder / ".git"):
        raise impossible(f"{folder} is not a git repository")
    folders = git_folders(folder)
    return folders, dict(settings_of(folder, folders))


def _check_in_rules(
    settings: Mapping[str, str], common: Path, environ: Mapping[str, str]
) -> CheckInRules:
    arguments = [f"{name}={settings[name]}" for name in LINE_ENDS if name in settings]
    file = attributes_file(settings, environ)
    if file is not None:
        arguments.append(f"core.attributesFile={file}")
    info = read_file(common / "info" / "attributes", _LONGEST) or b""
    all_texts = settings.get("core.autocrlf", "false").lower() not in _FALSE
    return CheckInRules(arguments, info, all_texts)


def _quoted(folder: Path) -> str:
    """A path quoted for git's lists of paths."""
    return '"' + "".join(f"\\{sign}" if sign in '\\"' else sign for sign in str(folder)) + '"'
