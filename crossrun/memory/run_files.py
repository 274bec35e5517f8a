"""The files of a run's workspace as they are when it ends, as material to learn from.

They are the agent's: no link is followed, nothing but regular files is read, and only so much of
each. What is read is without secrets and names before anything looks at it.
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
    """Reads files of one run.

    Args:
        workspace: the run's.
        subfolder: where in it the agent worked; "" for the top.
        clean: takes secrets and names out of a text.
    """

    def __init__(self, workspace: Path, subfolder: str, clean: Callable[[str], str]) -> None:
        self._disk = OnDisk(workspace)
        self._subfolder = subfolder
        self._clean = clean

    def program(self, path: str) -> tuple[str, bool] | None:
        """A text file, and whether it is executable; None: there is none, or it is large."""
        for content, executable in self._read(path, _LARGEST):
            text = _as_text(content)
            if text is not None and len(content) < _LARGEST:
                return self._clean(text), executable
        return None

    def text(self, path: str) -> str | None:
        """A text file as it is now; None: there is none, or it is large."""
        program = self.program(path)
        return None if program is None else program[0]

    def head(self, path: str, size: int) -> bytes | None:
        """The first bytes of a file; None: there is none."""
        return next((content for content, _ in self._read(path, size)), None)

    def _read(self, path: str, size: int) -> Iterator[tuple[bytes, bool]]:
        """The file by its path from the agent's folder, then by its path from the top."""
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
