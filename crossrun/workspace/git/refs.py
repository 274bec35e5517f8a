"""The branches, tags and stashes of a repository, read as files: git does not open it."""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from crossrun.errors import ConfigurationError
from crossrun.workspace.files.dirfd import read_file
from crossrun.workspace.git.folders import GitFolders, git_folders
from crossrun.workspace.git.ref_files import HEADS, NOTES, TAGS

REMOTES = "refs/remotes/"
STASH = "refs/stash"
_LONGEST = 64 * 1024 * 1024
"""Bytes of `packed-refs`: about a million references."""
_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_NO_NAME = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|^\.|\.lock(?:/|$)|[./]$")

Refs = Mapping[str, str]
"""Ids by name: `refs/heads/main`, `refs/tags/v1`, `stash@{0}`; `HEAD` if it is detached."""


def repository_in(folder: Path, *, own: bool) -> GitFolders | None:
    """The repository of a folder; None if there is none, or none that may be read.

    Args:
        folder: a workspace.
        own: whether crossrun made it. There, an agent may have replaced `.git` by anything, so
            only a plain folder counts.
    """
    git_dir = folder / ".git"
    if not os.path.lexists(git_dir):
        return None
    if own:
        plain = stat.S_ISDIR(git_dir.lstat().st_mode)
        return GitFolders(git_dir, git_dir) if plain else None
    try:
        return git_folders(folder)
    except ConfigurationError:
        return None


def refs_of(folders: GitFolders | None) -> dict[str, str]:
    """The references of a repository: branches, tags, remote branches, stashes, detached HEAD."""
    if folders is None:
        return {}
    refs = dict(_packed(folders.common)) | dict(_loose(folders.common))
    top = refs.pop(STASH, None)
    stashes = _stashes(folders.common, top) if top is not None else []
    refs |= {f"stash@{{{number}}}": at for number, at in enumerate(stashes)}
    head = _text(folders.own / "HEAD")
    return refs | ({"HEAD": head} if _ID.fullmatch(head) else {})


def head_of(folders: GitFolders | None) -> str | None:
    """The branch that is checked out, such as `refs/heads/main`, or `HEAD`."""
    if folders is None:
        return None
    head = _text(folders.own / "HEAD")
    return head.removeprefix("ref: ") if head.startswith("ref: ") else "HEAD"


def in_order(names: Iterable[str], head: str | None) -> list[str]:
    """Sorts references as commits are counted for them: what is checked out comes first."""
    return sorted(names, key=lambda name: (name != head, rank(name)))


def rank(name: str) -> tuple[int, str]:
    """The sort key of a reference: branches, then tags, stashes, notes, and remote branches."""
    kinds = (HEADS, "HEAD", TAGS, "stash@", NOTES, REMOTES)
    return next(number for number, kind in enumerate(kinds) if name.startswith(kind)), name


def encoded(refs: Refs) -> bytes:
    """Encodes references for storage."""
    return os.fsencode("".join(f"{at} {name}\n" for name, at in sorted(refs.items())))


def decoded(content: bytes) -> dict[str, str]:
    """Decodes stored references."""
    lines = (line.partition(" ") for line in os.fsdecode(content).split("\n") if line)
    return {name: at for at, _, name in lines}


def _packed(common: Path) -> Iterator[tuple[str, str]]:
    for line in _text(common / "packed-refs").split("\n"):
        at, _, name = line.partition(" ")
        if _ID.fullmatch(at) and _counts(name):
            yield name, at


def _loose(common: Path) -> Iterator[tuple[str, str]]:
    for place, _, files in os.walk(common / "refs"):
        for file in files:
            name = str((Path(place) / file).relative_to(common))
            at = _text(Path(place) / file)
            if _ID.fullmatch(at) and _counts(name):
                yield name, at


def _counts(name: str) -> bool:
    return not _NO_NAME.search(name) and (
        name == STASH or name.startswith((HEADS, TAGS, NOTES, REMOTES))
    )


def _stashes(common: Path, top: str) -> list[str]:
    """The stashes in their log, the newest first."""
    lines = _text(common / "logs" / STASH).split("\n")
    logged = [line.split(" ")[1] for line in lines if line.count(" ") > 1]
    stashes = [at for at in reversed(logged) if _ID.fullmatch(at)]
    return stashes if stashes[:1] == [top] else [top]


def _text(file: Path) -> str:
    return os.fsdecode(read_file(file, _LONGEST) or b"").strip("\n")
