"""Which of git's merge drivers applies to a file, by the `merge` attributes in the target."""

import tempfile
from pathlib import Path
from typing import Literal, Protocol

from crossrun.workspace.merge.decisions import TargetEntry, is_regular
from crossrun.workspace.snapshots.trees import Trees

Driver = Literal["text", "union", "binary"]
_ATTRIBUTES = ".gitattributes"
_BINARY = ("unset", "binary")


class AttributeSource(Protocol):
    """Where `.gitattributes` files are read from."""

    def look(self, path: str) -> TargetEntry:
        """What is at a path."""

    def read(self, path: str, current: TargetEntry) -> bytes:
        """The content of an entry."""


class MergeDrivers:
    """Looks up merge drivers by asking git for the attribute.

    Custom drivers are never run. Their files are merged as text, which is what git does for a
    driver that is not configured.

    Args:
        trees: gives access to git.
        files: the target.
    """

    def __init__(self, trees: Trees, files: AttributeSource) -> None:
        self._trees = trees
        self._files = files

    def driver(self, path: str) -> Driver:
        """The driver for a path."""
        contents = self._attribute_files(path)
        if not contents:
            return "text"
        with tempfile.TemporaryDirectory() as folder:
            for name, content in contents.items():
                file = Path(folder) / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            value = self._trees.attribute(Path(folder), "merge", path)
        if value == "union":
            return "union"
        return "binary" if value in _BINARY else "text"

    def _attribute_files(self, path: str) -> dict[str, bytes]:
        """The attribute files that apply to a path, with their contents."""
        above = ["", *(path[: at + 1] for at, sign in enumerate(path) if sign == "/")]
        contents = {}
        for name in (f"{folder}{_ATTRIBUTES}" for folder in above):
            current = self._files.look(name)
            if is_regular(current.entry):
                contents[name] = self._files.read(name, current)
        return contents
