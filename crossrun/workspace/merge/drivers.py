"""How texts may be merged, by the `merge` attributes of the files that a change is brought to."""

import tempfile
from pathlib import Path
from typing import Literal, Protocol

from crossrun.workspace.merge.decisions import TargetEntry, is_regular
from crossrun.workspace.snapshots.trees import Trees

Driver = Literal["text", "union", "not"]
_ATTRIBUTES = ".gitattributes"
_NOT_MERGED = ("unset", "binary")


class AttributeSource(Protocol):
    """Where attributes are looked up."""

    def look(self, path: str) -> TargetEntry:
        """What is at a path."""

    def read(self, path: str, current: TargetEntry) -> bytes:
        """The content of what was looked at."""


class MergeDrivers:
    """Asks git for the attribute.

    A driver of the user's own is never run; as where git knows no such driver, texts are merged.

    Args:
        trees: whose git is asked.
        files: those that a change is brought to.
    """

    def __init__(self, trees: Trees, files: AttributeSource) -> None:
        self._trees = trees
        self._files = files

    def driver(self, path: str) -> Driver:
        """How two texts at a path are merged."""
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
        return "not" if value in _NOT_MERGED else "text"

    def _attribute_files(self, path: str) -> dict[str, bytes]:
        """Those on the way to a path."""
        above = ["", *(path[: at + 1] for at, sign in enumerate(path) if sign == "/")]
        contents = {}
        for name in (f"{folder}{_ATTRIBUTES}" for folder in above):
            current = self._files.look(name)
            if is_regular(current.entry):
                contents[name] = self._files.read(name, current)
        return contents
