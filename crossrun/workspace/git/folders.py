"""Finds the repository of a folder, and reads its configuration as data.

Git does not open the repository, because its configuration could name programs, or its `.git` could
lead to the repository of another folder.
"""

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from crossrun.errors import ConfigurationError
from crossrun.workspace.files.dirfd import opened_below, read_file
from crossrun.workspace.git.commands import output, run_git

LONGEST = 4 * 1024 * 1024
"""Bytes of a git file that is read completely."""
_EXTENSIONS = frozenset((
    "objectformat", "partialclone", "worktreeconfig", "noop", "preciousobjects",
    "relativeworktrees", "refstorage",
))  # fmt: skip
"""Features of repositories that can be copied byte by byte."""

Settings = Sequence[tuple[str, str]]


class GitFolders(Struct, frozen=True):
    """The git directory of a work tree, and the one that it shares with other work trees."""

    own: Path
    common: Path


class RepositoryLocation(NamedTuple):
    """Where a folder is in its repository.

    `top` is the top of the work tree, `subfolder` the path from there to the folder: empty for the
    top itself, or a folder without repository. `home` is the top of a repository that does not
    count because it contains the user's home folder.
    """

    top: Path
    subfolder: str = ""
    home: Path | None = None


def locate(folder: Path, home: str | None, own_folders: Sequence[Path] = ()) -> RepositoryLocation:
    """Looks for a repository in a folder and above it, on the same file system, as git does.

    Args:
        folder: an existing folder.
        home: the user's home folder, if known.
        own_folders: crossrun's own folders, which are not part of any repository of the user's.
    """
    if os.path.lexists(folder / ".git"):
        return RepositoryLocation(folder)
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
            return RepositoryLocation(folder, home=above)
        return RepositoryLocation(above, real.relative_to(above).as_posix())
    return RepositoryLocation(folder)


def git_folders(source: Path) -> GitFolders:
    """Finds the repository of a work tree. One that belongs to another folder is refused.

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
        raise unfit(source, "it is bare and has its files in work trees: name one of these")
    return folders


def settings_of(source: Path, folders: GitFolders) -> Settings:
    """The source's configuration as data. Includes are not followed, and nothing takes effect.

    Raises:
        ConfigurationError: SOURCE_REPOSITORY, it uses a feature that crossrun does not know.
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


def ignores_modes(top: int) -> bool:
    """Whether the repository in an open folder has core.fileMode=false."""
    try:
        with opened_below(top, [".git"]) as folder:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            with os.fdopen(os.open("config", flags, dir_fd=folder), "rb") as file:
                config = file.read(LONGEST)
    except OSError:
        return False
    words = ["config", "--file", "-", "--no-includes", "--type=bool", "--get", "core.filemode"]
    return run_git(words, Path("/"), stdin=config).stdout.strip() == b"false"


def named_path(source: Path, file: Path, prefix: str = "") -> str:
    """The path in a git file.

    Raises:
        ConfigurationError: SOURCE_REPOSITORY.
    """
    content = os.fsdecode(read_file(file, LONGEST) or b"").rstrip("\n")
    if not content.startswith(prefix) or "\0" in content:
        raise unfit(source, f"{file} does not say where its repository is")
    return content.removeprefix(prefix)


def unfit(source: Path, why: str) -> ConfigurationError:
    """The error for a repository that cannot be copied."""
    return ConfigurationError(
        "SOURCE_REPOSITORY",
        f"cannot copy the repository {source}: {why}",
        hint=f"copy its files without their history: --folder-only · or clone what is committed: "
        f"--source {source.absolute().as_uri()}",
    )


def _has_repository(folder: Path) -> bool:
    """Whether git finds a repository here; an empty `.git`, as some sandboxes leave, is not one."""
    place = folder / ".git"
    return place.is_file() or (place / "HEAD").is_file()


def _belongs_elsewhere(own: Path, source: Path, *, is_link: bool) -> bool:
    """Whether a git directory is that of another work tree, which exists."""
    linked = read_file(own / "gitdir", LONGEST)
    if linked is not None:
        claimed = own / os.fsdecode(linked).rstrip("\n")
        return claimed.exists() and not _same(claimed, source / ".git")
    settings = dict(settings_of(source, GitFolders(own, own)))
    if "core.worktree" in settings:
        claimed = own / settings["core.worktree"]
        return claimed.exists() and not _same(claimed, source)
    return own.name == ".git" and not is_link


def _same(file: Path, other: Path) -> bool:
    try:
        return file.samefile(other)
    except OSError:
        return False
