"""File names as exact text: to the system they are bytes, which may not be UTF-8."""

import os
import re
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from crossrun.errors import UsageError
from crossrun.workspace.files.dirfd import shown

_ODD = re.compile(r'["\\\x00-\x1f\x7f]')
_ESCAPES = {
    '"': '\\"', "\\": "\\\\", "\a": "\\a", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\v": "\\v",
    "\f": "\\f", "\r": "\\r",
}  # fmt: skip
"""How git escapes characters in quoted names."""


def path_bytes(path: str) -> bytes:
    """The path as the system has it; like `os.fsencode`, but quick for ASCII."""
    return path.encode() if path.isascii() else os.fsencode(path)


def path_text(path: bytes) -> str:
    """The path that `path_bytes` was made from."""
    return path.decode() if path.isascii() else os.fsdecode(path)


def percent_encoded(path: str) -> str | None:
    """A path as in a URL, byte by byte; None if it is UTF-8, so that `shown` is exact."""
    raw = os.fsencode(path)
    try:
        raw.decode()
    except UnicodeDecodeError:
        return quote(raw)
    return None


def system_path(text: str, encoded: str | None) -> str:
    """The path that `shown` and `percent_encoded` were made from."""
    return text if encoded is None else os.fsdecode(unquote_to_bytes(encoded))


def require_utf8(folder: Path) -> None:
    """Makes sure that the path of a folder can be recorded.

    Raises:
        UsageError: PATH_NOT_UTF8.
    """
    if percent_encoded(str(folder)) is not None:
        raise UsageError(
            "PATH_NOT_UTF8",
            f"the path of the folder {shown(str(folder))} is not UTF-8, so it cannot be recorded",
            hint="rename the folder, or work on a copy of it with a different name",
        )


def quoted(path: str) -> str:
    """A path on one line, in double quotes with escapes if git would quote it."""
    if not _ODD.search(path):
        return path
    return f'"{_ODD.sub(_escaped, path)}"'


def _escaped(sign: re.Match[str]) -> str:
    return _ESCAPES.get(sign[0], f"\\{ord(sign[0]):03o}")
