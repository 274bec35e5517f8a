"""Gives files new content while their metadata stays the same.

A new file is written next to the old one and then renamed over it, so readers see either of them. A
file is overwritten instead if it has hard links, or attributes that a new file cannot be given.
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
from crossrun.workspace.files.hard_links import FileStamp, Inode, LinkedNames, stamp_of
from crossrun.workspace.merge.decisions import TargetEntry
from crossrun.workspace.snapshots.trees import FILE, LINK, PROGRAM, TreeEntry, blob_id
from crossrun.workspace.target.metadata_backup import MetadataByPath
from crossrun.workspace.target.overwrite import finish, overwrite

OTHER = TreeEntry("special", "")
"""A pipe, a socket or a device, which no change ever contains."""
_NOT_WRITABLE = frozenset((errno.EACCES, errno.EPERM, errno.ETXTBSY, errno.EROFS))
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
Note = tuple[str, str]
"""A path and a remark about it."""


class TargetChangedError(Exception):
    """Somebody changed a file in the target since it was read: the one at `path`."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class NewFile(NamedTuple):
    """A file or link to be written in its open folder."""

    folder: int
    name: str
    path: str
    entry: TreeEntry
    content: bytes
    current: TargetEntry

    @property
    def file(self) -> FileStamp | None:
        """The current file, if a file replaces a file."""
        now = self.current.stamp
        is_file = now is not None and stat.S_ISREG(now.mode) and self.entry.mode != LINK
        return now if is_file else None


class FileWriter:
    """Writes files in one folder, and keeps track of hard links among them.

    Args:
        top: the open folder.
        unfinished: the name of files that are being written.
        metadata: the saved metadata of files that may have to be made again.

    Attributes:
        final_blobs: what the changed paths will hold in the end; None for removed ones.
    """

    def __init__(self, top: int, unfinished: str, metadata: MetadataByPath) -> None:
        self._top = top
        self._unfinished = unfinished
        self._metadata = metadata
        self._other_names = LinkedNames(top)
        self._relinked = set[Inode]()
        self._overwritten = dict[Inode, str]()
        self.final_blobs: Mapping[str, str | None] = {}
        self._notes = dict[Note, None]()

    @property
    def notes(self) -> tuple[Note, ...]:
        """Remarks on the files that were written."""
        return tuple(self._notes)

    def put(self, new: NewFile) -> None:
        """Writes a file.

        Raises:
            TargetChangedError: the current file has changed since; it is left alone.
        """
        if not self._overwrites_all_names(new):
            self._replace(new)

    def sweep(self, folder: int, name: str) -> None:
        """Finishes or removes leftovers of a killed process next to a file. Raises OSError."""
        finish(folder, name, self._unfinished)
        self._remove_unfinished(folder)

    def require_untouched(self, folder: int, name: str, current: TargetEntry, path: str) -> None:
        """Raises TargetChangedError if somebody else has changed a file since it was read."""
        now, before = stamp_of(folder, name), current.stamp
        if now is not None and before is not None and now.inode in self._relinked:
            before = before._replace(changed=now.changed, links=now.links)
        if now != before:
            raise TargetChangedError(path)

    def note_removed(self, current: TargetEntry) -> None:
        """Records that we removed one of the hard links of a file."""
        if current.stamp is not None and current.stamp.links > 1:
            self._relinked.add(current.stamp.inode)

    def note_lost(self, path: str, lost: Collection[str]) -> None:
        """Adds a remark about metadata that could not be restored."""
        if lost:
            self._note(path, f"could not keep: {', '.join(lost)}")

    def _note_powers(self, path: str, attributes: Attributes) -> None:
        if attributes.powers:
            self._note(path, f"runs with {', '.join(attributes.powers)} as before")

    def _note(self, path: str, words: str) -> None:
        self._notes[path, words] = None

    def _overwrites_all_names(self, new: NewFile) -> bool:
        """Overwrites a file with hard links if the change wants the same content for all."""
        now, blob = new.file, new.entry.blob
        if now is None or (now.links == 1 and now.inode not in self._overwritten):
            return False
        if self._overwritten.get(now.inode) == blob:
            there = stamp_of(new.folder, new.name)
            return there is not None and there.inode == now.inode
        names = [name for name in self._other_names.of(now.inode) if self._stays(name)]
        unlinked = [name for name in names if self.final_blobs.get(name) != blob]
        if unlinked:
            self._note(new.path, f"is no longer the same file as {unlinked[0]}")
            return False
        if len(names) < now.links:
            self._note(new.path, "has a hard link outside the folder, which changed too")
        return self._overwrites(new)

    def _stays(self, path: str) -> bool:
        return self.final_blobs.get(path, "") is not None

    def _overwrites(self, new: NewFile) -> bool:
        """Overwrites a file; False if its permissions do not allow that."""
        self.require_untouched(new.folder, new.name, new.current, new.path)
        is_program = new.entry.mode == PROGRAM
        try:
            attributes = overwrite(
                new.folder, new.name, new.content, self._unfinished, executable=is_program
            )
        except OSError as error:
            if error.errno not in _NOT_WRITABLE:
                raise
            return False
        self._note_powers(new.path, attributes)
        if new.file is not None:
            self._overwritten[new.file.inode] = new.entry.blob
        return True

    def _replace(self, new: NewFile) -> None:
        """Replaces the current entry with a new file."""
        try:
            lost = () if self._links(new) else self._write(new)
            if lost and new.file is not None and self._overwrites(new):
                return
            self.note_lost(new.path, lost)
            self._make_room(new)
            names = (self._unfinished, new.name)
            os.rename(*names, src_dir_fd=new.folder, dst_dir_fd=new.folder)
        finally:
            self._remove_unfinished(new.folder)
        self.note_removed(new.current)

    def _remove_unfinished(self, folder: int) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self._unfinished, dir_fd=folder)

    def _links(self, new: NewFile) -> bool:
        """Links to a file that used to be the same one, if that has the wanted content."""
        self._remove_unfinished(new.folder)
        saved = self._metadata.get(new.path)
        for path in saved.names if saved and new.entry.mode != LINK else ():
            *above, name = path.split("/")
            with suppress(OSError), opened_below(self._top, above) as folder:
                mode = os.lstat(name, dir_fd=folder).st_mode
                if entry_of(folder, name, mode) == new.entry:
                    os.link(
                        name, self._unfinished, src_dir_fd=folder, dst_dir_fd=new.folder,
                        follow_symlinks=False,
                    )  # fmt: skip
                    return True
        return False

    def _write(self, new: NewFile) -> Collection[str]:
        """Writes the unfinished file. Returns the metadata that could not be set."""
        if new.entry.mode == LINK:
            os.symlink(new.content, os.fsencode(self._unfinished), dir_fd=new.folder)
            return ()
        is_program = new.entry.mode == PROGRAM
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        permissions = 0o777 if is_program else 0o666
        descriptor = os.open(self._unfinished, flags, permissions, dir_fd=new.folder)
        with os.fdopen(descriptor, "wb") as file:
            write_with_holes(file, new.content)
            wanted = self._attributes(new)
            if wanted is None:
                return ()
            wanted = wanted.for_content(executable=is_program)
            self._note_powers(new.path, wanted)
            drop_inherited(descriptor)
            return give(descriptor, wanted, os.fstat(descriptor))

    def _attributes(self, new: NewFile) -> Attributes | None:
        """The attributes for a new file: the saved ones, or else those of the current file."""
        saved = self._metadata.get(new.path)
        if saved is not None and not saved.names:
            return saved.attributes
        if new.file is None:
            return saved.attributes if saved else None
        self.require_untouched(new.folder, new.name, new.current, new.path)
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(new.name, flags, dir_fd=new.folder)
        try:
            return attributes_of(descriptor, os.fstat(descriptor))
        finally:
            os.close(descriptor)

    def _make_room(self, new: NewFile) -> None:
        if new.current.within is not None:
            _remove_empty(new.folder, new.name)
        else:
            self.require_untouched(new.folder, new.name, new.current, new.path)


def entry_of(folder: int, name: str, mode: int) -> TreeEntry:
    """The entry for a name in an open folder, given its mode. Raises OSError."""
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
        return OTHER
    kind = LINK if stat.S_ISLNK(mode) else PROGRAM if mode & stat.S_IXUSR else FILE
    return TreeEntry(kind, blob_id(content_of(folder, name, mode)))


def content_of(folder: int, name: str, mode: int) -> bytes:
    """The content of a file, or the target of a link. Raises OSError."""
    if stat.S_ISLNK(mode):
        return os.readlink(os.fsencode(name), dir_fd=folder)
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    with os.fdopen(os.open(name, flags, dir_fd=folder), "rb") as file:
        return file.read()


def _remove_empty(folder: int, name: str) -> None:
    """Removes a folder that holds only empty folders. Raises OSError if there are files."""
    try:
        with opened_below(folder, [name]) as below:
            for entry in os.listdir(below):  # noqa: PTH208  of a descriptor
                _remove_empty(below, entry)
        os.rmdir(name, dir_fd=folder)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
