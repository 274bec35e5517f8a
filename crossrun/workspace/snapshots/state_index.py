"""The files of a workspace's last state, and what tells whether they have changed since."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from msgspec import DecodeError, Struct, ValidationError, msgpack

from crossrun.workspace.files.filenames import path_bytes
from crossrun.workspace.snapshots.source_cache import FileStat, write_whole


class IndexEntry(Struct, frozen=True, array_like=True, gc=False):
    """A file of a state. `stat` is None if the file has to be read again to be sure."""

    mode: str
    blob: bytes
    stat: FileStat | None = None


class StateIndex(NamedTuple):
    """The files of a state, by their paths as the system has them."""

    tree: str
    entries: dict[bytes, IndexEntry]


def read_index(file: Path) -> StateIndex | None:
    """The index in a file; None if there is none."""
    with suppress(OSError, DecodeError, ValidationError):
        return msgpack.decode(file.read_bytes(), type=StateIndex)
    return None


def write_index(file: Path, tree: str, entries: Mapping[str, IndexEntry]) -> None:
    """Writes an index, complete or not at all. Raises OSError."""
    index = StateIndex(tree, {path_bytes(path): entry for path, entry in entries.items()})
    write_whole(file, msgpack.encode(index))
