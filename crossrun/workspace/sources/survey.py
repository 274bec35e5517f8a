"""Asks git about a source: its commit, its uncommitted work, and which files it ignores."""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from crossrun.errors import ConfigurationError
from crossrun.workspace.copying.worker import LeaveOut
from crossrun.workspace.git.folders import unfit
from crossrun.workspace.sources.repositories import git_in

INCLUDE_FILE = ".crossruninclude"
"""At the top of a repository: which ignored files to copy, written like a .gitignore."""
_STATUS = ("status", "--porcelain=v2", "-z", "--branch", "--ignored=matching")
_WHOLE = ("--untracked-files=all", "--ignore-submodules=all", "--no-renames")
_GITLINK = "160000"


class Survey(Struct, frozen=True):
    """How a work tree differs from its commit. Paths are relative to its top."""

    branch: str | None
    """None if HEAD is detached."""
    commit: str | None
    """None if there is no commit yet."""
    staged: frozenset[str]
    unstaged: frozenset[str]
    """Tracked files that differ from the index. Files in conflict are both staged and unstaged."""
    untracked: frozenset[str]
    ignored: frozenset[str]
    """Files, and folders that are ignored completely."""
    submodules: tuple[str, ...]


def survey(
    git_dir: Path, work_tree: Path, *, excludes: Path | None = None, subfolder: str = ""
) -> Survey:
    """Surveys a work tree with a copy of its repository. Writes nothing in the work tree.

    Args:
        git_dir: the copy.
        work_tree: the files.
        excludes: the user's global ignore file.
        subfolder: limits the survey to a folder, unless it is empty.

    Raises:
        ConfigurationError: SOURCE_REPOSITORY, git cannot read it.
    """
    where = ["--", f":(top,literal){subfolder}"] if subfolder else []
    try:
        output = git_in(git_dir, work_tree, *_STATUS, *_WHOLE, *where, excludes=excludes)
    except ConfigurationError as error:
        raise unfit(work_tree, error.message) from error
    headers, entries = _entries(os.fsdecode(output))
    commit = headers["branch.oid"]
    branch = headers["branch.head"]
    tracked = [(letters, path) for letters, path in entries if letters not in ("??", "!!")]
    return Survey(
        branch=None if branch == "(detached)" else branch,
        commit=None if commit == "(initial)" else commit,
        staged=frozenset(path for letters, path in tracked if letters[0] != "."),
        unstaged=frozenset(path for letters, path in tracked if letters[1] != "."),
        untracked=frozenset(path for letters, path in entries if letters == "??"),
        ignored=frozenset(path for letters, path in entries if letters == "!!"),
        submodules=_submodules(git_dir, work_tree),
    )


def find_included(
    git_dir: Path, work_tree: Path, globs: Sequence[str], subfolder: str = ""
) -> frozenset[str]:
    """Untracked files that match globs or the include file, ignored or not.

    Globs mean what they would mean in a .gitignore in the subfolder.
    """
    words = [f"--exclude={_from_top(glob, subfolder)}" for glob in globs]
    file = work_tree / INCLUDE_FILE
    if file.is_file() and not file.is_symlink():
        words.append(f"--exclude-from={file}")
    if not words:
        return frozenset()
    return frozenset(_paths(git_in(git_dir, work_tree, "ls-files", "-z", "-o", "-i", *words)))


class Selection:
    """Leaves out ignored files, except for those that are included.

    Args:
        left_out: files, and complete folders.
        included: files that are copied even from such folders.
    """

    def __init__(self, left_out: Iterable[str], included: Iterable[str]) -> None:
        self._included = frozenset(included)
        self._left_out = frozenset(left_out) - self._included
        self._on_the_way = frozenset(
            folder for path in self._included for folder in folders_above(path)
        )
        self._opened = frozenset(
            folder
            for folder in self._on_the_way
            if not self._left_out.isdisjoint((folder, *folders_above(folder)))
        )

    def __call__(self, path: str) -> bool:
        """Whether to leave out a path."""
        if path in self._included or path in self._on_the_way:
            return False
        return path in self._left_out or path.rpartition("/")[0] in self._opened


class FolderOnly:
    """Leaves out everything except one folder and the ignore rules above it.

    Args:
        folder: relative to the top; empty for the top itself.
        within: what to leave out within the folder.
    """

    def __init__(self, folder: str, within: LeaveOut) -> None:
        self._folder = folder
        self._within = within
        self._above = frozenset(folders_above(folder))

    def __call__(self, path: str) -> bool:
        """Whether to leave out a path."""
        if not self._folder or f"{path}/".startswith(f"{self._folder}/"):
            return self._within(path)
        above, _, name = path.rpartition("/")
        is_rule = name == ".gitignore" and (not above or above in self._above)
        return path not in self._above and not is_rule


def _from_top(glob: str, subfolder: str) -> str:
    """Translates a pattern in a subfolder's .gitignore to one in the .gitignore at the top."""
    if not subfolder:
        return glob
    sign, pattern = ("!", glob[1:]) if glob.startswith("!") else ("", glob)
    anywhere = "" if "/" in pattern.rstrip("/") else "**/"
    above = re.sub(r"([*?\[\\])", r"\\\1", subfolder)
    return f"{sign}/{above}/{anywhere}{pattern.removeprefix('/')}"


def folders_above(path: str) -> list[str]:
    """All parent folders of a path."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def _entries(output: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Parses `status --porcelain=v2 -z`: headers, and two letters and a path for each file."""
    headers, entries = dict[str, str](), list[tuple[str, str]]()
    for field in output.split("\0"):
        kind, _, rest = field.partition(" ")
        match kind:
            case "#":
                name, _, value = rest.partition(" ")
                headers[name] = value
            case "?" | "!":
                entries.append((kind * 2, rest.removesuffix("/")))
            case "1" | "u":
                letters, path = rest[:2], rest.split(" ", 7 if kind == "1" else 9)[-1]
                entries.append((letters, path))
            case _:
                pass
    return headers, entries


def _submodules(git_dir: Path, work_tree: Path) -> tuple[str, ...]:
    entries = _paths(git_in(git_dir, work_tree, "ls-files", "-z", "--stage"))
    linked = (entry.partition("\t") for entry in entries if entry.startswith(_GITLINK))
    return tuple(path for _, _, path in linked)


def _paths(listed: bytes) -> list[str]:
    return [path for path in os.fsdecode(listed).split("\0") if path]
