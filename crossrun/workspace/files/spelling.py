"""Names as a folder lists them, where its file system takes other spellings of them for the same.

Some file systems do not tell upper from lower case (exFAT, NTFS, APFS), or one Unicode form from
another (HFS+, APFS). There a name seems to be there that no listing has, so the listing decides.
"""

import os
import unicodedata

from crossrun.workspace.files.dirfd import NO_FOLDER, opened_below


class Listings:
    """How paths below an open folder are spelled there. Each folder is listed only once.

    Args:
        top: the open folder.
    """

    def __init__(self, top: int) -> None:
        self._top = top
        self._names: dict[tuple[str, ...], frozenset[str]] = {}

    def spelled(self, path: str) -> str:
        """A path in the spelling that is there; names that are not there stay as they are."""
        parts: tuple[str, ...] = ()
        for name in path.split("/"):
            parts = (*parts, self._spelled_in(parts, name))
        return "/".join(parts)

    def tells_case(self) -> bool | None:
        """Whether names of different case are different ones; None: there are no names to try."""
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
        """What else may have this name: short names of NTFS, signs that HFS+ leaves out."""
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
    """The same for all spellings that a file system may take for one name."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _answers(top: int, folder: tuple[str, ...], name: str) -> bool:
    try:
        with opened_below(top, folder) as opened:
            os.lstat(name, dir_fd=opened)
    except (OSError, ValueError):
        return False
    return True


def _listed(top: int, folder: tuple[str, ...]) -> list[str]:
    """The names in a folder; none where it is not there. Raises OSError."""
    try:
        with opened_below(top, folder) as opened:
            return os.listdir(opened)  # noqa: PTH208  of a descriptor
    except OSError as error:
        if error.errno not in NO_FOLDER:
            raise
        return []
