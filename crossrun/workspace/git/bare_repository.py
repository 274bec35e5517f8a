"""Git directories of crossrun's own, made without starting git."""

import os
from collections.abc import Iterable
from pathlib import Path

from crossrun.system.folders import make_private

_ATTRIBUTES = "* -text !eol -ident -filter !diff -working-tree-encoding\n"
"""Files are recorded byte for byte; a .gitattributes file in a workspace has no effect."""
_CONFIG = {
    "sha1": "[core]\n\trepositoryFormatVersion = 0\n\tbare = true\n\tsharedRepository = 0600\n",
    "sha256": "[core]\n\trepositoryFormatVersion = 1\n\tbare = true\n"
    "[extensions]\n\tobjectFormat = sha256\n",
}


def make_git_dir(
    folder: Path, *, borrowing: Iterable[Path] = (), object_format: str = "sha1"
) -> None:
    """Makes a git directory, or completes one. Any number of processes may do so at once.

    Args:
        folder: where it goes.
        borrowing: folders of objects that it reads but does not own.
        object_format: the kind of its ids.
    """
    files = {
        "HEAD": b"ref: refs/heads/none\n",
        "config": _CONFIG[object_format].encode(),
        "info/attributes": _ATTRIBUTES.encode(),
    }
    alternates = b"".join(b"%s\n" % quoted(objects) for objects in borrowing)
    if alternates:
        files["objects/info/alternates"] = alternates
    missing = {name: data for name, data in files.items() if not _has_content(folder / name)}
    if not missing:
        return
    for name in ("objects/info", "objects/pack", "refs", "info"):
        make_private(folder / name)
    for name, data in missing.items():
        temporary = folder / f"{name}.{os.urandom(4).hex()}"
        temporary.write_bytes(data)
        temporary.rename(folder / name)


def _has_content(file: Path) -> bool:
    """Whether a file is there; a power failure may leave an empty one."""
    try:
        return file.stat().st_size > 0
    except OSError:
        return False


def quoted(path: Path) -> bytes:
    """A path as git's list of alternates has it, with any characters in it."""
    raw = os.fsencode(path).replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"%s"' % raw
