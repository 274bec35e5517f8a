"""Reference folders: the files of patterns for agents, outside of workspaces and read-only.

The name of a folder is a hash of its contents. It appears atomically, and is written again if
anything in it was changed. Agents copy from it; crossrun itself never runs anything there.
"""

import hashlib
import os
import stat
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from crossrun.errors import ConfigurationError
from crossrun.system.folders import make_private
from crossrun.workspace.files.atomic import building, remove_tree, sweep

_NAME_LENGTH = 24
_TRIES = 3
"""Another run may lay the same folder at the same time."""
_LEAST_AGE = 3_600.0
"""Seconds for which a folder stays after it was handed out: its run may not be recorded yet."""


class ReferenceFile(Struct, frozen=True):
    """A file as it lies in a folder."""

    content: bytes
    executable: bool = False


class ReferenceFolders:
    """The reference folders below one root.

    Args:
        root: their parent; created when it is needed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, identity: str) -> Path:
        """The path of a folder, by a text that identifies its contents."""
        name = hashlib.sha256(identity.encode()).hexdigest()[:_NAME_LENGTH]
        return self._root / name

    def lay(self, folder: Path, files: Mapping[str, ReferenceFile]) -> None:
        """Makes sure that `folder` has these files and nothing else.

        Raises:
            ConfigurationError, OSError: it cannot be written.
        """
        make_private(self._root)
        for _ in range(_TRIES):
            if _is_intact(folder, files):
                with suppress(OSError):
                    os.utime(folder)
                return
            if os.path.lexists(folder) and not _is_intact(folder, files):
                remove_tree(folder)  # somebody changed it
            with suppress(ConfigurationError), building(folder) as new:
                _write(new, files)
        if not _is_intact(folder, files):
            raise ConfigurationError(
                "WORKSPACE_UNWRITABLE",
                f"the files of a pattern cannot be put into {folder}",
                hint="check the folder's permissions and the disk's free space, or set --home",
            )

    def unused(self, used: Collection[str], *, spare_new: bool) -> list[Path]:
        """Folders that no run uses.

        Args:
            used: the folders of runs that have not ended.
            spare_new: whether to spare folders of runs that begin and are not recorded yet.
        """
        with suppress(FileNotFoundError):
            return [
                path
                for path in sorted(self._root.iterdir())
                if str(path) not in used
                and not path.name.startswith(".")
                and not (spare_new and _is_new(path))
            ]
        return []

    def remove(self, folders: Collection[Path]) -> int:
        """Removes folders, and leftovers of killed processes; returns the number of folders."""
        for folder in folders:
            remove_tree(folder)
        with suppress(FileNotFoundError):
            sweep(self._root)
        return len(folders)


def _is_new(path: Path) -> bool:
    try:
        return time.time() - path.lstat().st_mtime < _LEAST_AGE
    except OSError:
        return True


def _write(folder: Path, files: Mapping[str, ReferenceFile]) -> None:
    for path, file in files.items():
        place = folder.joinpath(*path.split("/"))
        place.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW
        with os.fdopen(os.open(place, flags, 0o600), "wb") as stream:
            stream.write(file.content)
            os.fchmod(stream.fileno(), _mode(file))
    for top, _, _ in os.walk(folder, topdown=False):
        Path(top).chmod(0o555)


def _mode(file: ReferenceFile) -> int:
    return 0o555 if file.executable else 0o444


def _is_intact(folder: Path, files: Mapping[str, ReferenceFile]) -> bool:
    """Whether the folder has these files with these contents, and nothing else."""
    try:
        present = dict(_present(folder))
    except (OSError, ValueError):
        return False
    return present == {path: (file.content, _mode(file)) for path, file in files.items()}


def _present(folder: Path) -> Iterator[tuple[str, tuple[bytes, int]]]:
    """Path, content and mode of each file. Raises ValueError for links and devices."""
    if not stat.S_ISDIR(folder.lstat().st_mode):
        raise ValueError(f"{folder} is not a folder")
    for place in sorted(folder.iterdir()):
        status = place.lstat()
        if stat.S_ISDIR(status.st_mode):
            for path, file in _present(place):
                yield f"{place.name}/{path}", file
        elif stat.S_ISREG(status.st_mode):
            yield place.name, (place.read_bytes(), stat.S_IMODE(status.st_mode))
        else:
            raise ValueError(f"{place} is a link or a device")
