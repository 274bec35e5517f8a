"""What differs between two states, as git lists it."""

import os
import re
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from crossrun.model.runs import Change
from crossrun.workspace.files.dirfd import shown
from crossrun.workspace.files.filenames import percent_encoded

_RECORD = re.compile(rb":")
_COUNTS = re.compile(rb"(?:\d+|-)\t(?:\d+|-)\t")
_STATUSES: dict[str, Literal["added", "modified", "deleted", "renamed"]] = {
    "A": "added",
    "C": "added",
    "D": "deleted",
    "M": "modified",
    "R": "renamed",
    "T": "modified",
}


class Difference(Struct, frozen=True):
    """What differs between two states. `patch` is in git's format, binary files included."""

    changes: tuple[Change, ...]
    shortstat: str
    stat: str
    patch: bytes


def read_difference(listed: bytes) -> Difference:
    """Reads `--raw --numstat --stat --patch -z`: records, line counts, a text, and the patch."""
    raw: list[tuple[str, str | None, str]] = []
    counts: dict[str, tuple[int | None, int | None]] = {}
    fields = _Fields(listed)
    while fields.match(_RECORD):
        letter = next(fields).split(" ")[4][0]
        path = next(fields)
        old = path if letter == "R" else None
        raw.append((letter, old, next(fields) if letter in "RC" else path))
    while fields.match(_COUNTS):
        added, removed, path = next(fields).split("\t", 2)
        if not path:
            next(fields)
            path = next(fields)
        counts[path] = (_count(added), _count(removed))
    stat = os.fsencode(next(fields)).decode("utf-8", "replace").rstrip()
    changes = tuple(_change(*record, counts) for record in raw)
    return Difference(changes, stat.splitlines()[-1].strip() if stat else "", stat, fields.rest())


class _Fields:
    """Texts that end in NUL, with something else behind them."""

    def __init__(self, listed: bytes) -> None:
        self._listed = listed
        self._at = 0

    def match(self, beginning: re.Pattern[bytes]) -> bool:
        """Whether the next field begins in a certain way."""
        return beginning.match(self._listed, self._at) is not None

    def __next__(self) -> str:
        start = self._at
        end = self._listed.find(b"\0", start)
        end = len(self._listed) if end < 0 else end
        self._at = end + 1
        return os.fsdecode(self._listed[start:end])

    def rest(self) -> bytes:
        """What is behind the last field."""
        return self._listed[self._at :]


def _change(
    letter: str,
    old: str | None,
    path: str,
    counts: Mapping[str, tuple[int | None, int | None]],
) -> Change:
    return Change(
        shown(path),
        _STATUSES[letter],
        None if old is None else shown(old),
        *counts.get(path, (None, None)),
        percent_encoded(path),
        None if old is None else percent_encoded(old),
    )


def _count(text: str) -> int | None:
    return int(text) if text.isdecimal() else None
