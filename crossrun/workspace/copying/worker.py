"""One thread's part of copying a tree: folders and files, each opened below an open folder."""

import errno
import os
import posixpath
import stat
from collections.abc import Callable
from contextlib import ExitStack
from typing import Literal, NamedTuple

from crossrun.workspace.copying.links import Links, Redirected
from crossrun.workspace.files.attributes import Attributes, Extended, extended_of, give
from crossrun.workspace.files.copy_file import Blocks
from crossrun.workspace.files.dirfd import NO_FOLDER, opened_below

LeaveOut = Callable[[str], bool]
"""Whether a path, relative to the top, stays out of a copy with all that is below it."""
Parts = tuple[str, ...]
Name = tuple[Parts, str]
"""A folder and a name in it."""
_BATCH = 256
"""Files of one folder that a thread copies before it looks for other work."""
_SPECIAL = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_NO_HARD_LINKS = frozenset((errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK))
_CHANGED = NO_FOLDER | {errno.ENXIO, errno.EISDIR, errno.EINVAL}
"""What opening and reading say of a name that has become something else since it was listed."""


class Skipped(NamedTuple):
    """What a copy does not have: no file, or gone or changed into something else meanwhile."""

    path: str
    kind: Literal["fifo", "socket", "device", "changed"]


class Lost(NamedTuple):
    """Something that a file has and its copy does not."""

    path: str
    what: str


class Task(NamedTuple):
    """A folder to copy, or some of its files."""

    folder: Parts
    files: tuple[str, ...] = ()


class FirstNames:
    """The files with several names that were copied, by their first names; for all threads."""

    def __init__(self) -> None:
        self._first = dict[tuple[int, int], Name]()

    def first(self, status: os.stat_result, name: Name) -> Name:
        """The name that came first of all names of a file."""
        return self._first.setdefault((status.st_dev, status.st_ino), name)


class Unsettled(NamedTuple):
    """A folder whose mode and times have to wait until nothing is written below it."""

    folder: Parts
    status: os.stat_result
    extended: Extended


class Halted(Exception):  # noqa: N818  nothing went wrong
    """The copy is to end."""


class Worker:
    """Carries tasks out, one after the other, and counts. Others may read its counts meanwhile.

    Args:
        source: the open top of the tree that is read.
        target: the open top of the copy.
        leave_out: what does not come along.
        links: knows where links in the source lead.
        hard_links: shared by all workers of a copy.
    """

    def __init__(
        self,
        source: int,
        target: int,
        leave_out: LeaveOut,
        links: Links,
        hard_links: FirstNames,
    ) -> None:
        self._source = source
        self._target = target
        self._leave_out = leave_out
        self._links = links
        self._hard_links = hard_links
        self._itself = os.fstat(target)
        self._blocks = Blocks(self._went_on)
        self.halted = False
        self.files = self.bytes = self.shared = self.folders = self.links = 0
        self.outward: list[str] = []
        self.redirected: list[Redirected] = []
        self.skipped: list[Skipped] = []
        self.unreadable: list[str] = []
        self.lost: list[Lost] = []
        self._others: list[tuple[Name, Name]] = []
        """Further names of files that are copied already, each with the first one."""
        self.unsettled: list[Unsettled] = []

    def carry_out(self, task: Task) -> list[Task]:
        """Returns what is to be done next. Raises OSError, and Halted."""
        with ExitStack() as stack:
            try:
                reading = stack.enter_context(opened_below(self._source, task.folder))
            except OSError as error:
                self._note(error, "/".join(task.folder))
                return []
            writing = stack.enter_context(opened_below(self._target, task.folder))
            if task.files:
                self._copy_files(task, reading, writing)
                return []
            return self._copy_folder(task.folder, reading, writing)

    def link(self) -> None:
        """Makes the further names of files that have several. Raises OSError."""
        for (folder, name), (first_folder, first) in self._others:
            with (
                opened_below(self._target, first_folder) as there,
                opened_below(self._target, folder) as writing,
            ):
                try:
                    os.link(first, name, src_dir_fd=there, dst_dir_fd=writing)
                    self.files += 1
                    continue
                except OSError as error:
                    if error.errno not in _NO_HARD_LINKS:
                        raise
                with opened_below(self._source, folder) as reading:
                    self._copy_files(Task(folder, (name,)), reading, writing, linked=False)
            self.lost.append(Lost("/".join((*folder, name)), "hard link"))

    def settle(self, unsettled: Unsettled) -> None:
        """Gives a folder its mode and times. Raises OSError."""
        folder, status, extended = unsettled
        with opened_below(self._target, folder) as writing:
            self._settle(writing, status, extended, folder)

    def _copy_folder(self, folder: Parts, reading: int, writing: int) -> list[Task]:
        files, below = self._list(folder, reading, writing)
        batches = [tuple(files[at : at + _BATCH]) for at in range(0, len(files), _BATCH)]
        if batches:
            self._copy_files(Task(folder, batches[0]), reading, writing)
        if folder:
            self._settle_folder(folder, reading, writing, has_more=len(batches) > 1)
        self.folders += len(below)
        return [Task((*folder, name)) for name in below] + [
            Task(folder, batch) for batch in batches[1:]
        ]

    def _settle_folder(self, folder: Parts, reading: int, writing: int, *, has_more: bool) -> None:
        """Now, or at the end, when files in it are still to come or would become others by it."""
        status, extended = os.fstat(reading), self._extended(reading)
        is_plain = status.st_mode & (stat.S_IRWXU | _SPECIAL) == stat.S_IRWXU and not extended
        has_more = has_more or any(other[0] == folder for other, _ in self._others)
        if is_plain and not has_more:
            self._settle(writing, status, extended, folder)
        else:
            self.unsettled.append(Unsettled(folder, status, extended))

    def _list(self, folder: Parts, reading: int, writing: int) -> tuple[list[str], list[str]]:
        """The files and folders in a folder. Links are copied at once, folders made."""
        files, below = list[str](), list[str]()
        with os.scandir(reading) as entries:
            for entry in entries:
                path = "/".join((*folder, entry.name))
                if self._leave_out(path):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if self._is_target(entry):
                        continue
                    os.mkdir(entry.name, 0o700, dir_fd=writing)
                    below.append(entry.name)
                elif entry.is_file(follow_symlinks=False):
                    files.append(entry.name)
                else:
                    self._copy_other(entry, path, reading, writing)
        return files, below

    def _is_target(self, entry: "os.DirEntry[str]") -> bool:
        """Whether the copy lies within its source, and has come upon itself."""
        if entry.inode() != self._itself.st_ino:
            return False
        return os.path.samestat(entry.stat(follow_symlinks=False), self._itself)

    def _copy_other(self, entry: "os.DirEntry[str]", path: str, reading: int, writing: int) -> None:
        """A link, or something that cannot be copied."""
        try:
            status = entry.stat(follow_symlinks=False)
            if not stat.S_ISLNK(status.st_mode):
                self.skipped.append(Skipped(path, _kind(status.st_mode)))
                return
            leads_to = os.readlink(entry.name, dir_fd=reading)
        except OSError as error:
            self._note(error, path)
            return
        os.symlink(self._in_copy(path, leads_to), entry.name, dir_fd=writing)
        times = (status.st_atime_ns, status.st_mtime_ns)
        os.utime(entry.name, ns=times, dir_fd=writing, follow_symlinks=False)
        self.links += 1

    def _in_copy(self, path: str, leads_to: str) -> str:
        """What a link says in the copy."""
        if not leads_out(path, leads_to):
            return leads_to
        redirected = self._links.redirected(path, leads_to)
        if redirected is None:
            self.outward.append(path)
            return leads_to
        self.redirected.append(redirected)
        return redirected.now

    def _copy_files(self, task: Task, reading: int, writing: int, *, linked: bool = True) -> None:
        for name in task.files:
            if self.halted:
                raise Halted
            try:
                file = os.open(name, _READ, dir_fd=reading)
            except OSError as error:
                self._note(error, "/".join((*task.folder, name)))
                continue
            try:
                status = os.fstat(file)
                if stat.S_ISREG(status.st_mode):
                    if (
                        linked
                        and status.st_nlink > 1
                        and self._has_other(task.folder, name, status)
                    ):
                        continue
                    self._copy_file((task.folder, name), file, status, writing)
                else:
                    path = "/".join((*task.folder, name))
                    self.skipped.append(Skipped(path, "changed"))
            finally:
                os.close(file)

    def _has_other(self, folder: Parts, name: str, status: os.stat_result) -> bool:
        """Whether the file is copied under another name; this one is made at the end."""
        first = self._hard_links.first(status, (folder, name))
        if first == (folder, name):
            return False
        self._others.append(((folder, name), first))
        return True

    def _copy_file(self, name: Name, file: int, status: os.stat_result, folder: int) -> None:
        copy = os.open(name[1], _WRITE, 0o600, dir_fd=folder)
        try:
            if self._blocks.copy(file, copy, status):
                self.shared += status.st_size
            self._settle(copy, status, self._extended(file), (*name[0], name[1]))
        finally:
            os.close(copy)
        self.files += 1

    def _extended(self, file: int) -> Extended:
        return extended_of(file)

    def _settle(self, copy: int, status: os.stat_result, extended: Extended, path: Parts) -> None:
        """Makes a copy what the original is, its times last."""
        mode = stat.S_IMODE(status.st_mode)
        owners = (status.st_uid, status.st_gid)
        if extended or mode & _SPECIAL or owners != (self._itself.st_uid, self._itself.st_gid):
            wanted = Attributes(mode, *owners, extended)
            lost = give(copy, wanted, os.fstat(copy))
            self.lost += [Lost("/".join(path), what) for what in lost]
        else:
            os.fchmod(copy, mode)
        os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))

    def _went_on(self, more: int) -> None:
        self.bytes += more
        if self.halted:
            raise Halted

    def _note(self, error: OSError, path: str) -> None:
        """What cannot be opened is named, so that nothing is lost silently."""
        if error.errno in _CHANGED:
            self.skipped.append(Skipped(path, "changed"))
        elif isinstance(error, PermissionError):
            self.unreadable.append(path)
        else:
            raise error


def leads_out(path: str, leads_to: str) -> bool:
    """Whether a link would be followed out of its tree, as far as its words tell."""
    met = posixpath.normpath(posixpath.join(posixpath.dirname(path), leads_to))
    return met.startswith(("/", "../")) or met == ".."


def _kind(mode: int) -> Literal["fifo", "socket", "device"]:
    if stat.S_ISFIFO(mode):
        return "fifo"
    return "socket" if stat.S_ISSOCK(mode) else "device"
