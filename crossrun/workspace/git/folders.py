"""Finding the repository of a folder, and reading its configuration as data.

No git opens the repository: a folder from elsewhere could name programs in it, or lead to the
repository of another folder.
"""

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from crossrun.errors import ConfigurationError
from crossrun.workspace.files.dirfd import read_file
from crossrun.workspace.git.commands import output, run_git

LONGEST = 4 * 1024 * 1024
"""Bytes of a file of git's that is read as a whole."""
_EXTENSIONS = frozenset((
    "objectformat", "partialclone", "worktreeconfig", "noop", "preciousobjects",
    "relativeworktrees", "refstorage",
))  # fmt: skip
"""Features of repositories that a copy byte by byte is right for."""

Settings = Sequence[tuple[str, str]]


class GitFolders(Struct, frozen=True):
    """Where a work tree's repository is: its own part, and what it shares with other work trees."""

    own: Path
    common: Path


class Place(NamedTuple):
    """A folder in its repository.

    `top` is the top of the work tree, `subfolder` the way from there to the folder, empty when it
    is the top itself or in no repository. `home` is the top of a repository that does not count
    since the user's home folder lies in it.
    """

    top: Path
    subfolder: str = ""
    home: Path | None = None


def place_of(folder: Path, home: str | None, own_folders: Sequence[Path] = ()) -> Place:
    """Looks for a repository in a folder and above it, on the same file system, as git does.

    Args:
        folder: which exists.
        home: the user's home folder, if it is known.
        own_folders: crossrun's own, which are part of no repository of the user's.
    """
    if os.path.lexists(folder / ".git"):
        return Place(folder)
    real = folder.resolve()
    own = [each.resolve() for each in own_folders if real.is_relative_to(each.resolve())]
    for above in () if ".git" in real.parts else real.parents:
        if any(each.is_relative_to(above) for each in own):
            break
        if above.stat().st_dev != real.stat().st_dev:
            break
        if not _has_repository(above):
            continue
        if home and Path(home).resolve().is_relative_to(above):
            return Place(folder, home=above)
        return Place(above, real.relative_to(above).as_posix())
    return Place(folder)


def git_folders(source: Path) -> GitFolders:
    """Finds the repository of a work tree. One that belongs to another folder is not followed.

    Raises:
        ConfigurationError: SOURCE_REPOSITORY.
    """
    place = source / ".git"
    mode = place.lstat().st_mode
    if stat.S_ISDIR(mode):
        own = place
    elif stat.S_ISREG(mode):
        own = source / named_path(source, place, "gitdir: ")
    elif stat.S_ISLNK(mode) and place.is_dir():
        own = place.resolve()
    else:
        raise unfit(source, "its .git is neither a folder nor a file")
    common = own
    if os.path.lexists(own / "commondir"):
        common = own / named_path(source, own / "commondir")
    if not (own / "HEAD").is_file() or (common / "objects").is_symlink():
        raise unfit(source, "its .git is not a repository, or shares objects by a link")
    if own != place and _belongs_elsewhere(own, source, is_link=stat.S_ISLNK(mode)):
        raise unfit(source, f"its .git leads to {own}, which belongs to another folder")
    folders = GitFolders(own, common)
    if own == common != place and dict(settings_of(source, folders)).get("core.bare") == "true":
        raise unfit(source, "it is bare, its files are in its work trees: name one of these")
    return folders


def settings_of(source: Path, folders: GitFolders) -> Settings:
    """The source's configuration as data: nothing is included, nothing obeyed.

    Raises:
        ConfigurationError: SOURCE_REPOSITORY when it uses a feature that crossrun does not know.
    """
    settings: list[tuple[str, str]] = []
    for file in (folders.common / "config", folders.own / "config.worktree"):
        content = read_file(file, LONGEST)
        if content is None:
            continue
        words = ["config", "--file", "-", "--no-includes", "--null", "--list"]
        listed = os.fsdecode(output(run_git(words, Path("/"), stdin=content)))
        pairs = (entry.partition("\n") for entry in listed.split("\0") if entry)
        settings += [(key, value if line else "true") for key, line, value in pairs]
    for key, value in settings:
        if key.startswith("extensions.") and key.partition(".")[2] not in _EXTENSIONS:
            raise unfit(source, f"it uses {key}, which crossrun does not know")
        if key == "extensions.refstorage" and value.lower() != "files":
            raise unfit(source, f"it stores its references as {value}, not as files")
    return settings


def named_path(source: Path, file: Path, prefix: str = "") -> str:
    """The path that a file of git's holds.

    Raises:
        ConfigurationError: SOURCE_REPOSITORY.
    """
    content = os.fsdecode(read_file(file, LONGEST) or b"").rstrip("\n")
    if not content.startswith(prefix) or "\0" in content:
        raise unfit(source, f"{file} does not say where its repository is")
    return content.removeprefix(prefix)


def unfit(source: Path, why: str) -> ConfigurationError:
    """Why a repository cannot be copied, and what can be done instead."""
    return ConfigurationError(
        "SOURCE_REPOSITORY",
        f"the repository {source} cannot be copied: {why}",
        hint=f"copy its files without their history: --folder-only · or have what is committed "
        f"cloned: --source {source.absolute().as_uri()}",
    )


def _has_repository(folder: Path) -> bool:
    """Whether git would stop looking here; an empty `.git` is what some sandboxes leave."""
    place = folder / ".git"
    return place.is_file() or (place / "HEAD").is_file()


def _belongs_elsewhere(own: Path, source: Path, *, is_link: bool) -> bool:
    """Whether a git directory elsewhere is that of another work tree, which is there."""
    linked = read_file(own / "gitdir", LONGEST)
    if linked is not None:
        claimed = own / os.fsdecode(linked).rstrip("\n")
        return claimed.exists() and not _same(claimed, source / ".git")
    settings = dict(settings_of(source, GitFolders(own, own)))
    if "core.worktree" in settings:
        claimed = own / settings["core.worktree"]
        return claimed.exists() and not _same(claimed, source)
    return own.name == ".git" and not is_link


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
