"""Names as a folder lists them, on file systems that accept other spellings of them.

Some file systems ignore case (exFAT, NTFS, APFS) or Unicode normalisation (HFS+, APFS). There, a
file can be opened by a name that no listing has, so the listing decides.
"""

import os
import unicodedata

from crossrun.workspace.files.dirfd import NO_FOLDER, opened_below


class Listings:
    """The spelling of paths below an open folder. Each folder is listed only once.

    Args:
        top: the open folder.
    """

    def __init__(self, top: int) -> None:
        self._top = top
        self._names: dict[tuple[str, ...], frozenset[str]] = {}

    def spelling_of(self, path: str) -> str:
        """A path in its listed spelling; names that do not exist stay the same."""
        parts: tuple[str, ...] = ()
        for name in path.split("/"):
            parts = (*parts, self._spelled_in(parts, name))
        return "/".join(parts)

    def is_case_sensitive(self) -> bool | None:
        """Whether the file system is case-sensitive; None if the folder has no names to try."""
        names = self._names_in(())
        for name in sorted(names):
            other = name.swapcase()
            if other not in names:
                return not _answers(self._top, (), other)
        return None

    def _spelled_in(self, folder: tuple[str, ...], name: str) -> str:
        names = self._names_in(folder)
        if name in names or not names or not _answers(self._top, folder, name):
            return name
        alike = [each for each in names if folded(each) == folded(name)]
        return min(alike or self._same_file(folder, name), default=name)

    def _same_file(self, folder: tuple[str, ...], name: str) -> list[str]:
        """Other names of the same file: short names on NTFS, characters that HFS+ ignores."""
        with opened_below(self._top, folder) as opened:
            status = os.lstat(name, dir_fd=opened)
            return [
                each
                for each in self._names_in(folder)
                if os.path.samestat(os.lstat(each, dir_fd=opened), status)
            ]

    def _names_in(self, folder: tuple[str, ...]) -> frozenset[str]:
        if folder not in self._names:
            self._names[folder] = frozenset(_listed(self._top, folder))
        return self._names[folder]


def folded(name: str) -> str:
    """A form that is the same for all spellings that a file system may treat as one name."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _answers(top: int, folder: tuple[str, ...], name: str) -> bool:
    try:
        with opened_below(top, folder) as opened:
            os.lstat(name, dir_fd=opened)
    except (OSError, ValueError):
        return False
    return True


def _listed(top: int, folder: tuple[str, ...]) -> list[str]:
    """The names in a folder; none if it does not exist. Raises OSError."""
    try:
        with opened_below(top, folder) as opened:
            return os.listdir(opened)  # noqa: PTH208  of a descriptor
    except OSError as error:
        if error.errno not in NO_FOLDER:
            raise
        return []
