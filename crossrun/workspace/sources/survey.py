"""What git says of a source: its commit, its uncommitted work, and which files it ignores."""

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
"""At the top of a repository: which ignored files come along, written like a .gitignore."""
_STATUS = ("status", "--porcelain=v2", "-z", "--branch", "--ignored=matching")
_WHOLE = ("--untracked-files=all", "--ignore-submodules=all", "--no-renames")
_GITLINK = "160000"


class Survey(Struct, frozen=True):
    """A work tree beside its commit. Paths are relative to its top, folders without a slash."""

    branch: str | None
    """None when HEAD is detached."""
    commit: str | None
    """None as long as there is none."""
    staged: frozenset[str]
    unstaged: frozenset[str]
    """Tracked files that differ from the index; in conflict, files are both staged and unstaged."""
    untracked: frozenset[str]
    ignored: frozenset[str]
    """Files, and folders that are ignored as a whole."""
    submodules: tuple[str, ...]


def survey(
    git_dir: Path, work_tree: Path, *, excludes: Path | None = None, subfolder: str = ""
) -> Survey:
    """Looks at a work tree by a copy of its repository. Nothing in the work tree is written.

    Args:
        git_dir: the copy.
        work_tree: the files.
        excludes: patterns of files that the user has git ignore everywhere.
        subfolder: what is looked at; empty: all of it.

    Raises:
        ConfigurationError: SOURCE_REPOSITORY, git cannot read it.
    """
    where = ["--", f":(top,literal){subfolder}"] if subfolder else []
    try:
        told = os.fsdecode(git_in(git_dir, work_tree, *_STATUS, *_WHOLE, *where, excludes=excludes))
    except ConfigurationError as error:
        raise unfit(work_tree, error.message) from error
    headers, entries = _entries(told)
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


def included(
    git_dir: Path, work_tree: Path, globs: Sequence[str], subfolder: str = ""
) -> frozenset[str]:
    """Untracked files that globs and the include file name, ignored or not.

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
    """Leaves ignored files out, but for those that are included.

    Args:
        left_out: files, and folders as a whole.
        included: files that come along even from such folders.
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
        """Whether a path stays out."""
        if path in self._included or path in self._on_the_way:
            return False
        return path in self._left_out or path.rpartition("/")[0] in self._opened


class Alone:
    """Leaves out all but one folder, and the ignore rules above it.

    Args:
        folder: relative to the top; empty: the top itself.
        within: what is left out of the folder.
    """

    def __init__(self, folder: str, within: LeaveOut) -> None:
        self._folder = folder
        self._within = within
        self._above = frozenset(folders_above(folder))

    def __call__(self, path: str) -> bool:
        """Whether a path stays out."""
        if not self._folder or f"{path}/".startswith(f"{self._folder}/"):
            return self._within(path)
        above, _, name = path.rpartition("/")
        is_rule = name == ".gitignore" and (not above or above in self._above)
        return path not in self._above and not is_rule


def _from_top(glob: str, subfolder: str) -> str:
    """A pattern of a .gitignore in a subfolder, as one in the .gitignore of the top."""
    if not subfolder:
        return glob
    sign, pattern = ("!", glob[1:]) if glob.startswith("!") else ("", glob)
    anywhere = "" if "/" in pattern.rstrip("/") else "**/"
    above = re.sub(r"([*?\[\\])", r"\\\1", subfolder)
    return f"{sign}/{above}/{anywhere}{pattern.removeprefix('/')}"


def folders_above(path: str) -> list[str]:
    """The folders that a path lies in."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def _entries(told: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Reads `status --porcelain=v2 -z`: headers; and two letters and a path for each file."""
    headers, entries = dict[str, str](), list[tuple[str, str]]()
    for field in told.split("\0"):
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
