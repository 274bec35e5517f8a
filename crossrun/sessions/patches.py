"""Patches in the form of Codex's patch tool, as far as they say which files change."""

import re
from collections.abc import Iterator

from crossrun.events import FileChanged
from crossrun.sessions.values import relative

_FILE = re.compile(r"(?m)^\*\*\* (Add|Update|Delete) File: (.+?)\s*$")
_CALLED = re.compile(r"\s*(?:cd (\S+) && )?apply_?patch\b")
_CHANGES = {"Add": "added", "Update": "modified", "Delete": "deleted"}


def patch_in(script: str) -> str | None:
    """The patch, where a script does nothing but call the patch tool."""
    return script if _CALLED.match(script) and "*** Begin Patch" in script else None


def changes_in(patch: str, cwd: str, *, ok: bool) -> Iterator[FileChanged]:
    """The files that a patch changes."""
    for what, path in _FILE.findall(patch):
        yield FileChanged.of(relative(path, cwd), _CHANGES[what], ok=ok)
