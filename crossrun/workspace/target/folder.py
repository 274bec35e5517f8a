"""A folder that a change is applied to. Every name is opened below an open folder.

No symbolic link in it is followed, even one that appears while crossrun is writing.
"""

import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property

from crossrun.workspace.files import probing
from crossrun.workspace.files.attributes import give
from crossrun.workspace.files.dirfd import NO_FOLDER, opened_below
from crossrun.workspace.files.hard_links import stamp_of
from crossrun.workspace.files.spelling import Listings
from crossrun.workspace.git.folders import ignores_modes
from crossrun.workspace.merge.decisions import TargetEntry, is_safe
from crossrun.workspace.snapshots.trees import TreeEntry, blob_id
from crossrun.workspace.target.file_writer import (
    FileWriter,
    NewFile,
    Note,
    TargetChangedError,
    content_of,
    entry_of,
)
from crossrun.workspace.target.metadata_backup import MetadataByPath


class WriteRefusedError(Exception):
    """The file system refuses to change a file: which is in `path`, why in `reason`."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


@contextmanager
def write_errors(path: str) -> Iterator[None]:
    """Names the file in the errors that the file system raises."""
    try:
        yield
    except OSError as error:
        raise WriteRefusedError(path, error.strerror or str(error)) from error


class TargetFolder:
    """Reads and changes files in a folder. Paths that lead out of it raise ValueError.

    All methods raise OSError if the file system refuses.

    Args:
        top: the open folder.
        mark: part of the names of unfinished files; the same for all attempts of one application.
        metadata: the saved metadata of files and folders that may have to be made again.
        lasting: folders to keep even if they become empty.
    """

    def __init__(
        self,
        top: int,
        mark: str,
        *,
        metadata: MetadataByPath | None = None,
        lasting: Collection[str] = (),
    ) -> None:
        self._top = top
        self._unfinished = f".crossrun-{mark}"
        self._listings = Listings(top)
        self._metadata = metadata or {}
        self._lasting = lasting
        self._made_again = list[str]()
        self._writer = FileWriter(top, self._unfinished, self._metadata)

    @property
    def notes(self) -> tuple[Note, ...]:
        """Remarks on the files that were written."""
        return self._writer.notes

    def announce(self, final_blobs: Mapping[str, str | None]) -> None:
        """Sets what the changed paths will hold in the end: a blob, or None if they are removed."""
        self._writer.final_blobs = final_blobs

    def spelling_of(self, path: str) -> str:
        """The path as the folder listed it when first asked."""
        return self._listings.spelling_of(path)

    @cached_property
    def is_case_sensitive(self) -> bool:
        """Whether the file system is case-sensitive."""
        from_names = self._listings.is_case_sensitive()
        return probing.is_case_sensitive(self._top) if from_names is None else from_names

    @cached_property
    def preserves_names(self) -> bool:
        """Whether the file system lists names exactly as they were created."""
        return probing.preserves_names(self._top)

    @cached_property
    def stores_modes(self) -> bool:
        """Whether the executable bit counts: for the file system, and for the folder's git."""
        return not ignores_modes(self._top) and probing.stores_modes(self._top)

    def look(self, path: str) -> TargetEntry:
        """What is at a path."""
        *above, name = _parts(path)
        blocked_by = self._first_blocker(above)
        if blocked_by is not None:
            return TargetEntry(blocked_by=blocked_by)
        try:
            with opened_below(self._top, above) as folder:
                return self._look_in(folder, name, path)
        except OSError as error:
            if error.errno not in NO_FOLDER:
                raise
            return TargetEntry()

    def read(self, path: str, current: TargetEntry) -> bytes:
        """The content of an entry.

        Raises:
            TargetChangedError: it has changed since.
        """
        *above, name = _parts(path)
        try:
            with opened_below(self._top, above) as folder:
                content = content_of(folder, name, os.lstat(name, dir_fd=folder).st_mode)
        except OSError as error:
            raise TargetChangedError(path) from error
        if current.entry is None or blob_id(content) != current.entry.blob:
            raise TargetChangedError(path)
        return content

    def put(self, path: str, entry: TreeEntry, content: bytes, current: TargetEntry) -> None:
        """Writes a file or link in place of the current entry.

        Raises:
            TargetChangedError: that has changed since; it is left alone.
        """
        *above, name = _parts(path)
        self._make_folders(above, path)
        with self._parent(above, path) as folder:
            self._writer.put(NewFile(folder, name, path, entry, content, current))

    def restore_folders(self) -> None:
        """Restores the metadata of folders that were made again, the deepest first."""
        for path in sorted(self._made_again, key=lambda each: -each.count("/")):
            with opened_below(self._top, path.split("/")) as folder:
                lost = give(folder, self._metadata[path].attributes, os.fstat(folder))
                self._writer.note_lost(path, lost)

    def restore_folders_above(self, paths: Iterable[str]) -> None:
        """Restores all folders above some paths, including those that a killed process made."""
        parts = [path.split("/")[:-1] for path in paths]
        above = {"/".join(each[:count]) for each in parts for count in range(1, len(each) + 1)}
        self._made_again = [path for path in above & self._metadata.keys() if self._is_folder(path)]
        self.restore_folders()

    def _is_folder(self, path: str) -> bool:
        with suppress(OSError), opened_below(self._top, path.split("/")):
            return True
        return False

    def respell(self, old: str, new: str) -> None:
        """Changes only the spelling of a path, including its folders.

        Raises:
            TargetChangedError: it is gone.
        """
        old_parts, new_parts = _parts(old), _parts(new)
        for number, (here, there) in enumerate(zip(old_parts, new_parts, strict=True)):
            if here != there:
                with self._parent(new_parts[:number], new) as folder:
                    try:
                        os.rename(here, there, src_dir_fd=folder, dst_dir_fd=folder)
                    except FileNotFoundError as error:
                        raise TargetChangedError(old) from error

    def remove(self, path: str, current: TargetEntry) -> None:
        """Removes the current entry, and the folders that this leaves empty.

        Raises:
            TargetChangedError: the entry has changed since; it is left alone.
        """
        *above, name = _parts(path)
        with self._parent(above, path) as folder:
            self._writer.require_untouched(folder, name, current, path)
            os.unlink(name, dir_fd=folder)
            self._writer.note_removed(current)
        self.prune(path)

    def prune(self, path: str) -> None:
        """Removes the empty folders above a path, up to one that has to stay.

        Some may be gone already, if a process was killed in the middle of this.
        """
        *above, _ = _parts(path)
        with suppress(OSError):
            while above and "/".join(above) not in self._lasting:
                *above, name = above
                with (
                    suppress(FileNotFoundError),
                    opened_below(self._top, above) as folder,
                ):
                    os.rmdir(name, dir_fd=folder)

    def sweep(self, path: str) -> None:
        """Finishes or removes what a killed process may have left next to a path."""
        *above, name = _parts(path)
        with suppress(OSError), opened_below(self._top, above) as folder:
            self._writer.sweep(folder, name)

    def _look_in(self, folder: int, name: str, path: str) -> TargetEntry:
        try:
            mode = os.lstat(name, dir_fd=folder).st_mode
        except FileNotFoundError:
            return TargetEntry()
        if stat.S_ISDIR(mode):
            return TargetEntry(within=tuple(_files_below(folder, name, path)))
        now = stamp_of(folder, name)
        return TargetEntry(entry=entry_of(folder, name, mode), stamp=now)

    def _first_blocker(self, parts: Sequence[str]) -> str | None:
        """The first part of a path that is not a folder."""
        for count in range(1, len(parts) + 1):
            try:
                with opened_below(self._top, parts[:count]):
                    pass
            except FileNotFoundError:
                return None
            except OSError as error:
                if error.errno not in NO_FOLDER:
                    raise
                return "/".join(parts[:count])
        return None

    def _make_folders(self, parts: Sequence[str], path: str) -> None:
        for count in range(1, len(parts) + 1):
            made = "/".join(parts[:count])
            again = made in self._metadata
            with (
                self._parent(parts[: count - 1], path) as folder,
                suppress(FileExistsError),
            ):
                os.mkdir(parts[count - 1], 0o700 if again else 0o777, dir_fd=folder)
                self._made_again += [made] * again

    @contextmanager
    def _parent(self, parts: Sequence[str], path: str) -> Iterator[int]:
        try:
            opening = opened_below(self._top, parts)
            folder = opening.__enter__()
        except OSError as error:
            if error.errno not in NO_FOLDER:
                raise
            raise TargetChangedError(path) from error
        try:
            yield folder
        finally:
            opening.__exit__(None, None, None)


def _parts(path: str) -> list[str]:
    if not is_safe(path):
        raise ValueError(f"{path!r} does not stay within a folder")
    return path.split("/")


def _files_below(folder: int, name: str, path: str) -> Iterator[str]:
    """The paths of everything in a folder, except for the folders themselves."""
    with opened_below(folder, [name]) as below:
        for entry in sorted(os.listdir(below)):  # noqa: PTH208  of a descriptor
            if stat.S_ISDIR(os.lstat(entry, dir_fd=below).st_mode):
                yield from _files_below(below, entry, f"{path}/{entry}")
            else:
                yield f"{path}/{entry}"
