"""What differs between two states, as git lists it."""

import os
from typing import Literal

from msgspec import Struct

from crossrun.model.runs import Change
from crossrun.workspace.files.dirfd import shown
from crossrun.workspace.files.filenames import percent_encoded

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


def read_changes(output: bytes) -> tuple[Change, ...]:
    """Reads `--raw --numstat -z`: first a record for each file, then its line counts."""
    fields = os.fsdecode(output).split("\0")
    raw: list[tuple[str, str | None, str]] = []
    counts: dict[str, tuple[int | None, int | None]] = {}
    at = 0
    while at < len(fields) and fields[at]:
        head = fields[at]
        if head.startswith(":"):
            letter = head.split(" ")[4][0]
            paths = 2 if letter in "RC" else 1
            old = fields[at + 1] if letter == "R" else None
            raw.append((letter, old, fields[at + paths]))
            at += 1 + paths
        else:
            added, removed, path = head.split("\t", 2)
            renamed = not path
            counts[fields[at + 2] if renamed else path] = (_count(added), _count(removed))
            at += 3 if renamed else 1
    return tuple(
        Change(
            shown(path),
            _STATUSES[letter],
            None if old is None else shown(old),
            *counts.get(path, (None, None)),
            percent_encoded(path),
            None if old is None else percent_encoded(old),
        )
        for letter, old, path in raw
    )


def _count(text: str) -> int | None:
    return int(text) if text.isdecimal() else None
