"""The git directory of a source, copied so that the copy stands alone and runs nothing.

No git ever opens the source's own git directory: nothing that its configuration names can run, and
not even its index is refreshed. Data comes along byte by byte, and of the configuration what is
only data; see docs/decisions/0007-copies-of-repositories.md.
"""

import os
import re
import stat
from collections.abc import Generator, Sequence
from pathlib import Path

from msgspec import Struct

from crossrun.background import awaited
from crossrun.errors import ConfigurationError
from crossrun.stopping import Stop
from crossrun.workspace.copying import Copied, Progress, copy_into
from crossrun.workspace.descriptors import read_file
from crossrun.workspace.git import SETTINGS, output, run_git

_OF_REPOSITORY = frozenset(("refs", "packed-refs", "shallow", "info"))
_OF_INFO = frozenset(("exclude", "attributes", "grafts", "sparse-checkout"))
_OF_WORK_TREE = frozenset((
    "HEAD", "ORIG_HEAD", "index", "MERGE_HEAD", "MERGE_MODE", "MERGE_MSG", "CHERRY_PICK_HEAD",
    "REVERT_HEAD", "SQUASH_MSG",
))  # fmt: skip
_KEPT = frozenset((
    "core.autocrlf", "core.eol", "core.filemode", "core.ignorecase", "core.precomposeunicode",
    "core.symlinks", "core.sparsecheckout", "core.sparsecheckoutcone", "index.sparse",
    "extensions.objectformat", "i18n.commitencoding", "user.name", "user.email",
))  # fmt: skip
"""Configuration that is data: how files are written, and who commits."""
_OWN = (
    ("core.bare", "false"),
    ("core.logallrefupdates", "true"),
    ("core.checkstat", "minimal"),
    ("core.trustctime", "false"),
    ("core.untrackedcache", "false"),
)
"""The index comes along as it is, and copies have the times of their files, not the inodes."""
_EXTENSIONS = frozenset((
    "objectformat", "partialclone", "worktreeconfig", "noop", "preciousobjects",
    "relativeworktrees",
))  # fmt: skip
"""Features of repositories that a copy byte by byte is right for."""
_LONGEST = 4 * 1024 * 1024
"""Bytes of a file of git's that is read as a whole."""

Settings = Sequence[tuple[str, str]]


class GitFolders(Struct, frozen=True):
    """Where a work tree's repository is: its own part, and what it shares with other work trees."""

    own: Path
    common: Path


class Repository(Struct, frozen=True):
    """What was copied of a repository."""

    copied: tuple[Copied, ...]
    partial: bool
    """Some of its objects are only at its remote, and out of reach for the copy."""
    shallow: bool
    borrowed: bool
    """It had objects of another repository; the copy has them as its own."""


def copy_repository(
    source: Path, target: Path, stop: Stop
) -> Generator[Progress, None, Repository]:
    """Makes the `.git` of a copy of a work tree; the folder `target` is there and has none.

    Raises:
        RunFailed: it was asked to stop.
        ConfigurationError: SOURCE_REPOSITORY when it cannot be copied so that it stands alone.
    """
    folders = git_folders(source)
    settings = settings_of(source, folders)
    git_dir = target / ".git"
    git_dir.mkdir(mode=0o700)
    copied = yield from _copy_references(folders, git_dir, stop)
    objects = yield from _copy_objects(source, folders.common / "objects", git_dir, stop)
    _refuse_links(source, [*copied, objects])
    partial = _is_partial(settings)
    _write_config(git_dir / "config", settings, partial=partial)
    borrowed = yield from awaited(
        lambda: _own_all_objects(folders.common / "objects", git_dir), lambda _: Progress(0, 0)
    )
    return Repository(
        copied=(*copied, objects),
        partial=partial,
        shallow=(git_dir / "shallow").exists(),
        borrowed=borrowed,
    )


def git_folders(source: Path) -> GitFolders:
    """Finds the repository of a work tree. One that does not know the work tree is not followed.

    Raises:
        ConfigurationError: SOURCE_REPOSITORY.
    """
    place = source / ".git"
    mode = place.lstat().st_mode
    if stat.S_ISDIR(mode):
        own = place
    elif stat.S_ISREG(mode):
        own = source / _named(source, place, "gitdir: ")
    else:
        raise _unfit(source, "its .git is neither a folder nor a file")
    common = own
    if os.path.lexists(own / "commondir"):
        common = own / _named(source, own / "commondir")
    if own != place and not _knows(own, source):
        raise _unfit(source, f"its .git leads to {own}, which belongs to another folder")
    if not (own / "HEAD").is_file() or (common / "objects").is_symlink():
        raise _unfit(source, "its .git is not a repository, or shares objects by a link")
    return GitFolders(own, common)


def git_in(git_dir: Path, work_tree: Path, *words: str) -> bytes:
    """Asks git about a work tree by a repository of ours; it writes nothing that it need not.

    Raises:
        ConfigurationError: GIT_FAILED.
    """
    safe = {name: value for name, value in SETTINGS.items() if "crlf" not in name}
    options = [f"--git-dir={git_dir}", f"--work-tree={work_tree}"]
    for name, value in safe.items():
        options += ["-c", f"{name}={value}"]
    environ = {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1"}
    return output(run_git([*options, *words], work_tree, environ=environ))


def _copy_references(
    folders: GitFolders, git_dir: Path, stop: Stop
) -> Generator[Progress, None, list[Copied]]:
    """All but the objects, and before them: what a reference names is there by then."""
    if folders.own == folders.common:
        return [
            (yield from _copy_named(folders.own, git_dir, _OF_REPOSITORY | _OF_WORK_TREE, stop))
        ]
    common = yield from _copy_named(folders.common, git_dir, _OF_REPOSITORY, stop)
    own = yield from _copy_named(folders.own, git_dir, _OF_WORK_TREE, stop)
    return [common, own]


def _copy_named(
    folder: Path, git_dir: Path, names: frozenset[str], stop: Stop
) -> Generator[Progress, None, Copied]:
    def leave_out(path: str) -> bool:
        top, _, below = path.partition("/")
        if top == "info" and below:
            return below not in _OF_INFO
        return path.endswith(".lock") or not (
            top in names or ("index" in names and top.startswith("sharedindex."))
        )

    return (yield from copy_into(folder, git_dir, stop, leave_out=leave_out))


def _copy_objects(
    source: Path, objects: Path, git_dir: Path, stop: Stop
) -> Generator[Progress, None, Copied]:
    def leave_out(path: str) -> bool:
        name = path.rpartition("/")[2]
        return path in ("info/alternates", "info/http-alternates") or name.startswith("tmp_")

    (git_dir / "objects").mkdir()
    copied = yield from copy_into(objects, git_dir / "objects", stop, leave_out=leave_out)
    if any(skipped.kind == "changed" for skipped in copied.skipped):
        raise ConfigurationError(
            "SOURCE_CHANGED",
            f"git was at work in {source} while it was copied",
            hint="run the command again when git is done there",
            retryable=True,
        )
    return copied


def _own_all_objects(objects: Path, git_dir: Path) -> bool:
    """Packs what the source has from other repositories, so that the copy needs none of them."""
    listed = read_file(objects / "info" / "alternates", _LONGEST)
    if not listed:
        return False
    lines = [line for line in os.fsdecode(listed).split("\n") if line and line[0] != "#"]
    (git_dir / "objects" / "info").mkdir(exist_ok=True)
    alternates = git_dir / "objects" / "info" / "alternates"
    alternates.write_bytes(b"".join(os.fsencode(objects / line) + b"\n" for line in lines))
    git_in(git_dir, git_dir.parent, "repack", "-a", "-d", "-q", "--no-write-bitmap-index")
    alternates.unlink()
    return True


def _refuse_links(source: Path, copied: Sequence[Copied]) -> None:
    if any(each.links for each in copied):
        raise _unfit(source, "there are symbolic links in its .git")


def settings_of(source: Path, folders: GitFolders) -> Settings:
    """The source's configuration as data: nothing is included, nothing obeyed.

    Raises:
        ConfigurationError: SOURCE_REPOSITORY when it uses a feature that crossrun does not know.
    """
    found: list[tuple[str, str]] = []
    for file in (folders.common / "config", folders.own / "config.worktree"):
        content = read_file(file, _LONGEST)
        if content is None:
            continue
        words = ["config", "--file", "-", "--no-includes", "--null", "--list"]
        listed = os.fsdecode(output(run_git(words, Path("/"), stdin=content)))
        pairs = (entry.partition("\n") for entry in listed.split("\0") if entry)
        found += [(key, value if line else "true") for key, line, value in pairs]
    for key, _ in found:
        if key.startswith("extensions.") and key.partition(".")[2] not in _EXTENSIONS:
            raise _unfit(source, f"it uses {key}, which crossrun does not know")
    return found


def _is_partial(settings: Settings) -> bool:
    return any(
        key == "extensions.partialclone" or re.fullmatch(r"remote\..*\.promisor", key, re.DOTALL)
        for key, _ in settings
    )


def _write_config(file: Path, settings: Settings, *, partial: bool) -> None:
    kept = [(key, value) for key, value in settings if key in _KEPT]
    text = f"[core]\n\trepositoryformatversion = {int(partial or _is_new(kept))}\n"
    for key, value in (*kept, *_OWN):
        section, _, name = key.partition(".")
        text += f'[{section}]\n\t{name} = "{_escaped(value)}"\n'
    if partial:
        text += '[extensions]\n\tpartialclone = source\n[remote "source"]\n\tpromisor = true\n'
    file.write_bytes(os.fsencode(text))


def _is_new(settings: Settings) -> bool:
    return any(key.startswith("extensions.") for key, _ in settings)


def _escaped(value: str) -> str:
    for character, written in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t")):
        value = value.replace(character, written)
    return value


def _knows(own: Path, source: Path) -> bool:
    """Whether a git directory elsewhere says itself that this is its work tree."""
    linked = read_file(own / "gitdir", _LONGEST)
    if linked is not None:
        return _same(own / os.fsdecode(linked).rstrip("\n"), source / ".git")
    settings = dict(settings_of(source, GitFolders(own, own)))
    return "core.worktree" in settings and _same(own / settings["core.worktree"], source)


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _named(source: Path, file: Path, prefix: str = "") -> str:
    """The path that a file of git's holds."""
    content = os.fsdecode(read_file(file, _LONGEST) or b"").rstrip("\n")
    if not content.startswith(prefix) or "\0" in content:
        raise _unfit(source, f"{file} does not say where its repository is")
    return content.removeprefix(prefix)


def _unfit(source: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        "SOURCE_REPOSITORY",
        f"the repository {source} cannot be copied: {why}",
        hint="make a clone of it with git, and give that as the source",
    )
