"""Trees of git's, made of the paths of files and read again."""

import os
from collections.abc import Callable, Iterable, Iterator

from crossrun.workspace.files.filenames import path_bytes
from crossrun.workspace.snapshots.object_store import named_tree_entries

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""The state without files, which git knows without any object."""
ReadTree = Callable[[str], bytes | None]
"""The content of a tree by its id; None if it is gone."""


def build_tree(files: Iterable[tuple[str, str, bytes]], add: Callable[[str, bytes], str]) -> str:
    """Makes the tree of a state.

    Args:
        files: their paths, modes and blobs.
        add: stores an object of a kind, and returns its id.

    Returns:
        The id of the top tree.
    """
    folders: dict[bytes, list[tuple[bytes, bytes]]] = {b"": []}
    for path, mode, blob in files:
        folder, _, name = path_bytes(path).rpartition(b"/")
        _require(folders, folder)
        folders[folder].append((name, b"%s %s\0%s" % (mode.encode(), name, blob)))
    for folder in sorted(folders, key=lambda each: -each.count(b"/")):
        if not folder:
            continue
        tree = add("tree", _content(folders[folder]))
        above, _, name = folder.rpartition(b"/")
        entry = b"40000 %s\0%s" % (name, bytes.fromhex(tree))
        folders[above].append((name + b"/", entry))
    return add("tree", _content(folders[b""])) if folders[b""] else EMPTY_TREE


def read_files(tree: str, read: ReadTree) -> Iterator[tuple[str, str, bytes]]:
    """The paths, modes and blobs of a state; what is gone is left out."""
    pending = [("", tree)]
    while pending:
        prefix, name = pending.pop()
        for mode, entry_name, object_id in named_tree_entries(read(name) or b""):
            path = prefix + os.fsdecode(entry_name)
            if mode == b"40000":
                pending.append((f"{path}/", object_id.hex()))
            else:
                yield path, mode.decode(), object_id


def _require(folders: dict[bytes, list[tuple[bytes, bytes]]], folder: bytes) -> None:
    """Makes a folder and those that it is in."""
    while folder not in folders:
        folders[folder] = []
        folder = folder.rpartition(b"/")[0]


def _content(entries: list[tuple[bytes, bytes]]) -> bytes:
    """Git orders folders as if their names ended in a slash."""
    return b"".join(entry for _, entry in sorted(entries))
