"""Finds files in a copy that a git filter would convert, since crossrun never runs filters."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from crossrun.workspace.files.dirfd import read_file, shown
from crossrun.workspace.sources.repositories import git_in

_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
_ENCRYPTED = b"\0GITCRYPT\0"
_NO_FILTER = ("unspecified", "unset", "set")


class StoredForms(NamedTuple):
    """Files that differ from what a checkout would write; see `SourceCopy`."""

    lfs_pointers: tuple[str, ...]
    filtered: tuple[str, ...]


def stored_forms(git_dir: Path, reset: Collection[str]) -> StoredForms:
    """Finds files in the form in which a filter stores them, such as encrypted.

    Args:
        git_dir: the repository of a copy.
        reset: files that were restored from the commit, without a filter.
    """
    top = git_dir.parent
    listed = git_in(git_dir, top, "ls-files", "-z")
    attributes = git_in(git_dir, top, "check-attr", "-z", "--stdin", "filter", stdin=listed)
    fields = os.fsdecode(attributes).split("\0")
    pointers, stored = list[str](), list[str]()
    for path, _, name in zip(fields[::3], fields[1::3], fields[2::3], strict=False):
        if name in _NO_FILTER or not (top / path).is_file():
            continue
        beginning = read_file(top / path, len(_POINTER))
        if beginning == _POINTER and name == "lfs":
            pointers.append(shown(path))
        elif beginning is not None and (path in reset or beginning.startswith(_ENCRYPTED)):
            stored.append(shown(path))
    return StoredForms(tuple(pointers), tuple(stored))
