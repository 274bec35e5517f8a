"""Files of the user's that get another content, and stay what they are besides.

A file is written beside its place and then renamed into it. One that has to stay the same file,
since it has other names or what it is cannot be given to a new one, is written over.
"""

import errno
import os
import stat
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import NamedTuple

from crossrun.workspace.files.attributes import Attributes, attributes_of, drop_inherited, give
from crossrun.workspace.files.copy_file import write_with_holes
from crossrun.workspace.files.dirfd import opened_below
from crossrun.workspace.files.hard_links import FileStamp, HardLinks, Inode, stamp_of
from crossrun.workspace.merge.decisions import TargetEntry
from crossrun.workspace.snapshots.trees import FILE, LINK, PROGRAM, Entry, blob_id
from crossrun.workspace.target.metadata_backup import MetadataByPath
from crossrun.workspace.target.overwrite import finish, overwrite

OTHER = Entry("special", "")
"""A pipe, a socket or a device: never what a change knows."""
_NOT_WRITABLE = frozenset((errno.EACCES, errno.EPERM, errno.ETXTBSY, errno.EROFS))
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
Note = tuple[str, str]
"""A path, and words about it."""


class TargetChangedError(Exception):
    """Something in the target is not as it was when it was looked at; `path` says what."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class FileWrite(NamedTuple):
    """A file that is being written, in its open folder."""

    folder: int
    name: str
    path: str
    entry: Entry
    content: bytes
    current: TargetEntry

    @property
    def file(self) -> FileStamp | None:
        """The file that is there and that a file takes the place of."""
        now = self.current.stamp
        is_file = now is not None and stat.S_ISREG(now.mode) and self.entry.mode != LINK
        return now if is_file else None


class FileWriter:
    """Writes files of one folder, and remembers which of them are the same file.

    Args:
        top: the open folder.
        unfinished: the name of files that are being written.
        past: what files were that are made again.

    Attributes:
        goals: what all paths that are changed together will hold; None for those that go.
    """

    def __init__(self, top: int, unfinished: str, metadata: MetadataByPath) -> None:
        self._top = top
        self._unfinished = unfinished
        self._metadata = metadata
        self._other_names = HardLinks(top)
        self._relinked = set[Inode]()
        self._overwritten = dict[Inode, str]()
        self.final_blobs: Mapping[str, str | None] = {}
        self._notes = dict[Note, None]()

    @property
    def notes(self) -> tuple[Note, ...]:
        """What there is to say about what became of files."""
        return tuple(self._notes)

    def put(self, item: FileWrite) -> None:
        """Writes a file.

        Raises:
            TouchedError: there is something else by now; it stays.
        """
        if not self._is_written_to_all_names(item):
            self._replace(item)

    def sweep(self, folder: int, name: str) -> None:
        """Finishes or removes what a killed process may have left beside a file. Raises OSError."""
        finish(folder, name, self._unfinished)
        self._remove_unfinished(folder)

    def require_untouched(self, folder: int, name: str, current: TargetEntry, path: str) -> None:
        """Raises TouchedError when somebody else has changed a file since it was looked at."""
        now, before = stamp_of(folder, name), current.stamp
        if now is not None and before is not None and now.inode in self._relinked:
            before = before._replace(changed=now.changed, links=now.links)
        if now != before:
            raise TargetChangedError(path)

    def note_removed(self, current: TargetEntry) -> None:
        """That a file with several names has one less now, by ourselves."""
        if current.stamp is not None and current.stamp.links > 1:
            self._relinked.add(current.stamp.inode)

    def note_lost(self, path: str, lost: Collection[str]) -> None:
        """What a file or a folder could not be given."""
        if lost:
            self._note(path, f"could not keep: {', '.join(lost)}")

    def _note_powers(self, path: str, attributes: Attributes) -> None:
        if attributes.powers:
            self._note(path, f"runs with {', '.join(attributes.powers)} as before")

    def _note(self, path: str, words: str) -> None:
        self._notes[path, words] = None

    def _is_written_to_all_names(self, item: FileWrite) -> bool:
        """Writes over a file with several names, where the change wants the same of all of them."""
        now, blob = item.file, item.entry.blob
        if now is None or (now.links == 1 and now.inode not in self._overwritten):
            return False
        if self._overwritten.get(now.inode) == blob:
            there = stamp_of(item.folder, item.name)
            return there is not None and there.inode == now.inode
        names = [name for name in self._other_names.of(now.inode) if self._stays(name)]
        alone = [name for name in names if self.final_blobs.get(name) != blob]
        if alone:
            self._note(item.path, f"is no longer the same file as {alone[0]}")
            return False
        if len(names) < now.links:
            self._note(item.path, "has another name outside, which changed with it")
        return self._is_overwritten(item)

    def _stays(self, path: str) -> bool:
        return self.final_blobs.get(path, "") is not None

    def _is_overwritten(self, item: FileWrite) -> bool:
        """Writes over a file, if it may be written."""
        self.require_untouched(item.folder, item.name, item.current, item.path)
        is_program = item.entry.mode == PROGRAM
        try:
            attributes = overwrite(
                item.folder, item.name, item.content, self._unfinished, executable=is_program
            )
        except OSError as error:
            if error.errno not in _NOT_WRITABLE:
                raise
            return False
        self._note_powers(item.path, attributes)
        if item.file is not None:
            self._overwritten[item.file.inode] = item.entry.blob
        return True

    def _replace(self, item: FileWrite) -> None:
        """Makes a new file in the place of what is there."""
        try:
            lost = () if self._is_linked(item) else self._write(item)
            if lost and item.file is not None and self._is_overwritten(item):
                return
            self.note_lost(item.path, lost)
            self._make_room(item)
            names = (self._unfinished, item.name)
            os.rename(*names, src_dir_fd=item.folder, dst_dir_fd=item.folder)
        finally:
            self._remove_unfinished(item.folder)
        self.note_removed(item.current)

    def _remove_unfinished(self, folder: int) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self._unfinished, dir_fd=folder)

    def _is_linked(self, item: FileWrite) -> bool:
        """Makes a name of a file that was the same one, if that is as this one is to be."""
        self._remove_unfinished(item.folder)
        was = self._metadata.get(item.path)
        for path in was.names if was and item.entry.mode != LINK else ():
            *above, name = path.split("/")
            with suppress(OSError), opened_below(self._top, above) as folder:
                mode = os.lstat(name, dir_fd=folder).st_mode
                if entry_of(folder, name, mode) == item.entry:
                    os.link(
                        name, self._unfinished, src_dir_fd=folder, dst_dir_fd=item.folder,
                        follow_symlinks=False,
                    )  # fmt: skip
                    return True
        return False

    def _write(self, item: FileWrite) -> Collection[str]:
        """Writes the unfinished file; what it could not be given."""
        if item.entry.mode == LINK:
            os.symlink(item.content, os.fsencode(self._unfinished), dir_fd=item.folder)
            return ()
        is_program = item.entry.mode == PROGRAM
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        permissions = 0o777 if is_program else 0o666
        descriptor = os.open(self._unfinished, flags, permissions, dir_fd=item.folder)
        with os.fdopen(descriptor, "wb") as file:
            write_with_holes(file, item.content)
            wanted = self._attributes(item)
            if wanted is None:
                return ()
            wanted = wanted.for_content(executable=is_program)
            self._note_powers(item.path, wanted)
            drop_inherited(descriptor)
            return give(descriptor, wanted, os.fstat(descriptor))

    def _attributes(self, item: FileWrite) -> Attributes | None:
        """Those that the file had, where that is known, or those of the file that is there."""
        was = self._metadata.get(item.path)
        if was is not None and not was.names:
            return was.attributes
        if item.file is None:
            return was.attributes if was else None
        self.require_untouched(item.folder, item.name, item.current, item.path)
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(item.name, flags, dir_fd=item.folder)
        try:
            return attributes_of(descriptor, os.fstat(descriptor))
        finally:
            os.close(descriptor)

    def _make_room(self, item: FileWrite) -> None:
        if item.current.within is not None:
            _remove_empty(item.folder, item.name)
        else:
            self.require_untouched(item.folder, item.name, item.current, item.path)


def entry_of(folder: int, name: str, mode: int) -> Entry:
    """What there is in an open folder, of which the mode is known already. Raises OSError."""
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
        return OTHER
    kind = LINK if stat.S_ISLNK(mode) else PROGRAM if mode & stat.S_IXUSR else FILE
    return Entry(kind, blob_id(content_of(folder, name, mode)))


def content_of(folder: int, name: str, mode: int) -> bytes:
    """The content of a file, or what a link says. Raises OSError."""
    if stat.S_ISLNK(mode):
        return os.readlink(os.fsencode(name), dir_fd=folder)
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    with os.fdopen(os.open(name, flags, dir_fd=folder), "rb") as file:
        return file.read()


def _remove_empty(folder: int, name: str) -> None:
    """Removes a folder that has nothing but folders in it. Raises OSError where it has more."""
    try:
        with opened_below(folder, [name]) as below:
            for entry in os.listdir(below):  # noqa: PTH208  of a descriptor
                _remove_empty(below, entry)
        os.rmdir(name, dir_fd=folder)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
