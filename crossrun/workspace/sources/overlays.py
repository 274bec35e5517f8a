"""Puts a file into a copy that its source does not have, or has otherwise."""

import os
import re
from pathlib import Path

from crossrun.workspace.sources.repositories import git_in

_GIT = ".git"


def overlay(file: Path, text: str) -> None:
    """Writes a file in place of what is there; what a link leads to is left alone. Raises OSError.

    Args:
        file: where; its folder exists.
        text: its content.
    """
    file.unlink(missing_ok=True)
    file.write_text(text, encoding="utf-8")


def hide(top: Path, path: str) -> None:
    """Makes git consider a file of a fresh copy unchanged, so that nobody commits it by accident.

    Args:
        top: the copy. Its configuration is ours: git runs in it.
        path: the file.
    """
    git_dir = top / _GIT
    if git_dir.is_symlink() or not git_dir.is_dir():
        return
    if git_in(git_dir, top, "--literal-pathspecs", "ls-files", "-z", "--", path):
        words = ("update-index", "--assume-unchanged", "-z", "--stdin")
        git_in(git_dir, top, *words, stdin=os.fsencode(path) + b"\0")
        return
    pattern = re.sub(r"([\\*?\[])", r"\\\1", path)
    (git_dir / "info").mkdir(exist_ok=True)
    with (git_dir / "info" / "exclude").open("a", encoding="utf-8", errors="surrogateescape") as f:
        f.write(f"\n/{pattern}\n")
