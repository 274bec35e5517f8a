"""The files of a run's workspace at its end, as material to learn from.

They are untrusted: no link is followed, only regular files are read, and only a bounded part of
each. Secrets and names are removed as they are read.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from crossrun.errors import CrossrunError
from crossrun.workspace.snapshots.files import OnDisk, inside

_LARGEST = 64_000
"""Bytes of a file that is read as a text."""


class RunFiles:
    """Reads the files of one run.

    Args:
        workspace: the run's; None: its files are not crossrun's, so none is read.
        subfolder: where in it the agent worked; "" for the top.
        clean: removes secrets and names from a text.
    """

    def __init__(self, workspace: Path | None, subfolder: str, clean: Callable[[str], str]) -> None:
        self._disk = None if workspace is None else OnDisk(workspace)
        self._subfolder = subfolder
        self._clean = clean

    def program(self, path: str) -> tuple[str, bool] | None:
        """A text file and whether it is executable; None if it is missing or large."""
        for content, executable in self._read(path, _LARGEST):
            text = _as_text(content)
            if text is not None and len(content) < _LARGEST:
                return self._clean(text), executable
        return None

    def text(self, path: str) -> str | None:
        """The current content of a text file; None if it is missing or large."""
        program = self.program(path)
        return None if program is None else program[0]

    def head(self, path: str, size: int) -> bytes | None:
        """The first bytes of a file; None if it is missing."""
        return next((content for content, _ in self._read(path, size)), None)

    def _read(self, path: str, size: int) -> Iterator[tuple[bytes, bool]]:
        """The file by its path from the agent's folder, then by its path from the top."""
        if self._disk is None:
            return
        for place in dict.fromkeys((f"{self._subfolder}/{path}".lstrip("/"), path)):
            with (
                suppress(CrossrunError, OSError, ValueError),
                self._disk.reading(inside(place)) as stream,
            ):
                yield stream.read(size), bool(os.fstat(stream.fileno()).st_mode & 0o111)


def _as_text(content: bytes) -> str | None:
    if b"\0" in content:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None
