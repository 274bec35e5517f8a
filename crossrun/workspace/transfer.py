"""One thread's part of copying a tree: folders and files, each opened below an open folder."""

import errno
import os
import posixpath
import stat
from collections.abc import Callable
from contextlib import ExitStack
from typing import Literal, NamedTuple

from crossrun.workspace.blocks import Blocks
from crossrun.workspace.descriptors import NO_FOLDER, opened_below
from crossrun.workspace.links import Links, Redirected

LeaveOut = Callable[[str], bool]
"""Whether a path, relative to the top, stays out of a copy with all that is below it."""
Parts = tuple[str, ...]
_BATCH = 256
"""Files of one folder that a thread copies before it looks for other work."""
_PERMISSIONS = 0o777
"""What is kept of a mode. A copy belongs to whoever copies, and must not run as somebody else."""
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_CHANGED = NO_FOLDER | {errno.ENXIO, errno.EISDIR, errno.EINVAL}
"""What opening and reading say of a name that has become something else since it was listed."""


class Skipped(NamedTuple):
    """What a copy does not have: no file, or gone or changed into something else meanwhile."""

    path: str
    kind: Literal["fifo", "socket", "device", "changed"]


class Task(NamedTuple):
    """A folder to copy, or some of its files."""

    folder: Parts
    files: tuple[str, ...] = ()


class Halted(Exception):  # noqa: N818  nothing went wrong
    """The copy is to end."""


class Worker:
    """Carries tasks out, one after the other, and counts. Others may read its counts meanwhile.

    Args:
        source: the open top of the tree that is read.
        target: the open top of the copy.
        leave_out: what does not come along.
        links: knows where links in the source lead.
    """

    def __init__(self, source: int, target: int, leave_out: LeaveOut, links: Links) -> None:
        self._source = source
        self._target = target
        self._leave_out = leave_out
        self._links = links
        self._itself = os.fstat(target)
        self._blocks = Blocks(self._went_on)
        self.halted = False
        self.files = self.bytes = self.shared = self.folders = self.links = 0
        self.outward: list[str] = []
        self.redirected: list[Redirected] = []
        self.skipped: list[Skipped] = []
        self.unreadable: list[str] = []
        self.unsettled: list[tuple[Parts, os.stat_result]] = []
        """Folders whose mode and times have to wait until nothing is written below them."""

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

    def settle(self) -> None:
        """Gives folders their mode and times, the deepest first. Raises OSError."""
        for folder, status in sorted(self.unsettled, key=lambda entry: -len(entry[0])):
            with opened_below(self._target, folder) as writing:
                _settle(writing, status)

    def _copy_folder(self, folder: Parts, reading: int, writing: int) -> list[Task]:
        files, below = self._list(folder, reading, writing)
        batches = [tuple(files[at : at + _BATCH]) for at in range(0, len(files), _BATCH)]
        if batches:
            self._copy_files(Task(folder, batches[0]), reading, writing)
        status = os.fstat(reading)
        if folder and len(batches) <= 1 and status.st_mode & stat.S_IRWXU == stat.S_IRWXU:
            _settle(writing, status)
        elif folder:
            self.unsettled.append((folder, status))
        self.folders += len(below)
        return [Task((*folder, name)) for name in below] + [
            Task(folder, batch) for batch in batches[1:]
        ]

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

    def _copy_files(self, task: Task, reading: int, writing: int) -> None:
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
                    self._copy_file(name, file, status, writing)
                else:
                    path = "/".join((*task.folder, name))
                    self.skipped.append(Skipped(path, "changed"))
            finally:
                os.close(file)

    def _copy_file(self, name: str, file: int, status: os.stat_result, folder: int) -> None:
        copy = os.open(name, _WRITE, 0o600, dir_fd=folder)
        try:
            if self._blocks.copy(file, copy, status):
                self.shared += status.st_size
            _settle(copy, status)
        finally:
            os.close(copy)
        self.files += 1

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


def _settle(descriptor: int, status: os.stat_result) -> None:
    os.fchmod(descriptor, status.st_mode & _PERMISSIONS)
    os.utime(descriptor, ns=(status.st_atime_ns, status.st_mtime_ns))


def _kind(mode: int) -> Literal["fifo", "socket", "device"]:
    if stat.S_ISFIFO(mode):
        return "fifo"
    return "socket" if stat.S_ISSOCK(mode) else "device"
