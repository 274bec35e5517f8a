"""The roots of all workspaces: the objects that must stay, with all that they refer to.

They are lines in one log, so a workspace takes no file. Writers hold the store's lock.
"""

import errno
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

_DROPPED, _STATE = "-", "state"
_ID = re.compile("[0-9a-f]{40}")


class Roots(NamedTuple):
    """The objects of a workspace that must stay, the oldest first, and its last state."""

    names: list[str]
    state: str | None = None


class RootLog:
    """Reads and writes the log.

    Args:
        file: where it is; made with the first root.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def exists(self) -> bool:
        """Whether there ever was a root."""
        return self._file.is_file()

    def read(self) -> dict[str, Roots]:
        """The roots of each workspace."""
        return _parsed(self._text())

    def of(self, key: str) -> Roots:
        """The roots of a workspace."""
        log = self._text()
        if f"{key} " not in log:  # parsing takes longer, and new workspaces have none
            return Roots([])
        return _parsed(log).get(key, Roots([]))

    def has(self, name: str) -> bool:
        """Whether an object is a root of any workspace."""
        log = self._text()
        if f" {name}" not in log or f" {_DROPPED}\n" not in log:
            return f" {name}" in log
        return any(name in roots.names for roots in _parsed(log).values())

    def has_dropped(self) -> bool:
        """Whether roots were dropped since the log was rewritten."""
        return f" {_DROPPED}\n" in self._text()

    def add(self, key: str, roots: Iterable[tuple[str, bool]]) -> None:
        """Adds roots of a workspace, and whether they are states. Raises OSError."""
        self._append(_record(key, name, is_state=is_state) for name, is_state in roots)

    def drop(self, keys: Iterable[str]) -> None:
        """Takes the roots of workspaces away. Raises OSError."""
        self._append(_record(key, _DROPPED) for key in keys)

    def rewrite(self, roots: Mapping[str, Roots]) -> None:
        """Makes these roots all that there are. Raises OSError."""
        records = [
            _record(key, name, is_state=name == state)
            for key, (names, state) in roots.items()
            for name in dict.fromkeys(names)
        ]
        temporary = self._file.with_name("roots.new")
        with temporary.open("w") as file:
            file.write("".join(records))
            file.flush()
            os.fsync(file.fileno())  # an empty log after a power failure would free all objects
        temporary.rename(self._file)

    def _append(self, records: Iterable[str]) -> None:
        """A record begins with a line break, so one that was torn spoils none but itself."""
        lines = "".join(f"\n{record}" for record in records).encode()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        file = os.open(self._file, flags, 0o600)
        try:
            if os.write(file, lines) != len(lines):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "roots")
        finally:
            os.close(file)

    def _text(self) -> str:
        try:
            return self._file.read_text(errors="replace")
        except OSError:
            return ""


def _parsed(log: str) -> dict[str, Roots]:
    """The roots of each workspace, by a log that may have torn lines."""
    roots: dict[str, Roots] = {}
    for line in log.split("\n"):
        key, _, rest = line.partition(" ")
        name, _, what = rest.partition(" ")
        if name == _DROPPED:
            roots.pop(key, None)
        elif _ID.fullmatch(name):
            former = roots.get(key, Roots([]))
            former.names.append(name)
            roots[key] = former._replace(state=name) if what == _STATE else former
    return roots


def _record(key: str, name: str, *, is_state: bool = False) -> str:
    return f"{key} {name}{f' {_STATE}' if is_state else ''}\n"
