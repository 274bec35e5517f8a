"""A folder of the user's that a change is brought to: every name is opened below an open folder.

No link in it is followed, also none that appears in the middle. A file is written beside its place
and then renamed into it, so that there is either the old or the new one.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property

from crossrun.workspace import probing
from crossrun.workspace.descriptors import NO_FOLDER, opened_below
from crossrun.workspace.merging import Place, is_safe
from crossrun.workspace.spelling import Listings
from crossrun.workspace.trees import FILE, LINK, PROGRAM, Entry, blob_id

_OTHER = Entry("special", "")
"""A pipe, a socket or a device: never what a change knows."""
_PERMISSIONS = 0o777


class TouchedError(Exception):
    """Something in the target is not as it was when it was looked at; `path` says what."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class RefusedError(Exception):
    """The file system does not let a file be changed; `path` says which, `reason` why."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


@contextmanager
def naming(path: str) -> Iterator[None]:
    """Tells which file it was that the file system did not let be changed."""
    try:
        yield
    except OSError as error:
        raise RefusedError(path, error.strerror or str(error)) from error


class TargetFolder:
    """Reads and changes files of a folder. Paths that lead out of it raise ValueError.

    All methods raise OSError where the file system refuses.

    Args:
        top: the open folder.
        mark: part of the names of unfinished files; the same for all tries of one application.
    """

    def __init__(self, top: int, mark: str) -> None:
        self._top = top
        self._unfinished = f".crossrun-{mark}"
        self._listings = Listings(top)

    def spelled(self, path: str) -> str:
        """The path as the folder lists it, as it was when it was asked first."""
        return self._listings.spelled(path)

    @cached_property
    def tells_case(self) -> bool:
        """Whether names of different case are different ones."""
        found = self._listings.tells_case()
        return probing.tells_case(self._top) if found is None else found

    @cached_property
    def keeps_modes(self) -> bool:
        """Whether files have modes that mean something."""
        return probing.keeps_modes(self._top)

    def look(self, path: str) -> Place:
        """What is at a path."""
        *above, name = _parts(path)
        blocked_by = self._first_no_folder(above)
        if blocked_by is not None:
            return Place(blocked_by=blocked_by)
        try:
            with opened_below(self._top, above) as folder:
                return self._look_in(folder, name, path)
        except OSError as error:
            if error.errno not in NO_FOLDER:
                raise
            return Place()

    def read(self, path: str, place: Place) -> bytes:
        """The content of what was looked at.

        Raises:
            TouchedError: it is another one by now.
        """
        *above, name = _parts(path)
        try:
            with opened_below(self._top, above) as folder:
                content = _content(folder, name, os.lstat(name, dir_fd=folder).st_mode)
        except OSError as error:
            raise TouchedError(path) from error
        if place.entry is None or blob_id(content) != place.entry.blob:
            raise TouchedError(path)
        return content

    def put(self, path: str, entry: Entry, content: bytes, place: Place) -> None:
        """Writes what belongs at a path in the place of what was looked at there.

        Raises:
            TouchedError: there is something else by now; it stays.
        """
        *above, name = _parts(path)
        self._make_folders(above, path)
        with self._parent(above, path) as folder:
            with suppress(FileNotFoundError):
                os.unlink(self._unfinished, dir_fd=folder)
            try:
                self._write(folder, entry, content, place)
                _make_room(folder, name, place, path)
                os.rename(self._unfinished, name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(self._unfinished, dir_fd=folder)
                raise

    def respell(self, old: str, new: str) -> None:
        """Changes only the spelling of a path, folders included.

        Raises:
            TouchedError: it is gone.
        """
        old_parts, new_parts = _parts(old), _parts(new)
        for number, (here, there) in enumerate(zip(old_parts, new_parts, strict=True)):
            if here != there:
                with self._parent(new_parts[:number], new) as folder:
                    try:
                        os.rename(here, there, src_dir_fd=folder, dst_dir_fd=folder)
                    except FileNotFoundError as error:
                        raise TouchedError(old) from error

    def remove(self, path: str, place: Place) -> None:
        """Removes what was looked at, and the folders that are empty then.

        Raises:
            TouchedError: there is something else by now; it stays.
        """
        *above, name = _parts(path)
        with self._parent(above, path) as folder:
            _require_untouched(folder, name, place, path)
            os.unlink(name, dir_fd=folder)
        self.prune(path)

    def prune(self, path: str) -> None:
        """Removes the folders above a path that are empty."""
        *above, _ = _parts(path)
        with suppress(OSError):
            while above:
                *above, name = above
                with opened_below(self._top, above) as folder:
                    os.rmdir(name, dir_fd=folder)

    def sweep(self, path: str) -> None:
        """Removes the unfinished file that a killed process may have left beside a path."""
        *above, _ = _parts(path)
        with suppress(OSError), opened_below(self._top, above) as folder:
            os.unlink(self._unfinished, dir_fd=folder)

    def _look_in(self, folder: int, name: str, path: str) -> Place:
        try:
            mode = os.lstat(name, dir_fd=folder).st_mode
        except FileNotFoundError:
            return Place()
        if stat.S_ISDIR(mode):
            return Place(within=tuple(_files_below(folder, name, path)))
        seen = _seen(folder, name)
        if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
            return Place(entry=_OTHER, seen=seen)
        content = _content(folder, name, mode)
        kind = LINK if stat.S_ISLNK(mode) else PROGRAM if mode & stat.S_IXUSR else FILE
        return Place(entry=Entry(kind, blob_id(content)), seen=seen)

    def _first_no_folder(self, parts: Sequence[str]) -> str | None:
        """The first path on the way that is something else than a folder."""
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
            with (
                self._parent(parts[: count - 1], path) as folder,
                suppress(FileExistsError),
            ):
                os.mkdir(parts[count - 1], dir_fd=folder)

    @contextmanager
    def _parent(self, parts: Sequence[str], path: str) -> Iterator[int]:
        try:
            opening = opened_below(self._top, parts)
            folder = opening.__enter__()
        except OSError as error:
            if error.errno not in NO_FOLDER:
                raise
            raise TouchedError(path) from error
        try:
            yield folder
        finally:
            opening.__exit__(None, None, None)

    def _write(self, folder: int, entry: Entry, content: bytes, place: Place) -> None:
        if entry.mode == LINK:
            os.symlink(content, os.fsencode(self._unfinished), dir_fd=folder)
            return
        permissions = 0o777 if entry.mode == PROGRAM else 0o666
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        descriptor = os.open(self._unfinished, flags, permissions, dir_fd=folder)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            if place.seen is not None and stat.S_ISREG(place.seen[2]):
                with suppress(PermissionError):  # of a file system without modes
                    os.fchmod(descriptor, _kept_permissions(place.seen[2], entry))


def _parts(path: str) -> list[str]:
    if not is_safe(path):
        raise ValueError(f"{path!r} is no path within a folder")
    return path.split("/")


def _kept_permissions(mode: int, entry: Entry) -> int:
    """Those of the file that was there; who may read a program may run it, and nobody else."""
    kept = mode & _PERMISSIONS
    if (entry.mode == PROGRAM) == bool(kept & stat.S_IXUSR):
        return kept
    may_run = (kept & 0o444) >> 2
    return kept | may_run if entry.mode == PROGRAM else kept & ~0o111


def _seen(folder: int, name: str) -> tuple[int, ...] | None:
    """What changes when somebody touches a file; None when there is none."""
    try:
        status = os.lstat(name, dir_fd=folder)
    except FileNotFoundError:
        return None
    times = (status.st_mtime_ns, status.st_ctime_ns)
    return (status.st_dev, status.st_ino, status.st_mode, status.st_size, *times)


def _make_room(folder: int, name: str, place: Place, path: str) -> None:
    if place.within is not None:
        _remove_empty(folder, name)
    else:
        _require_untouched(folder, name, place, path)


def _require_untouched(folder: int, name: str, place: Place, path: str) -> None:
    if _seen(folder, name) != place.seen:
        raise TouchedError(path)


def _content(folder: int, name: str, mode: int) -> bytes:
    if stat.S_ISLNK(mode):
        return os.readlink(os.fsencode(name), dir_fd=folder)
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    with os.fdopen(os.open(name, flags, dir_fd=folder), "rb") as file:
        return file.read()


def _files_below(folder: int, name: str, path: str) -> Iterator[str]:
    """All that is in a folder and is no folder itself."""
    with opened_below(folder, [name]) as below:
        for entry in sorted(os.listdir(below)):  # noqa: PTH208  of a descriptor
            if stat.S_ISDIR(os.lstat(entry, dir_fd=below).st_mode):
                yield from _files_below(below, entry, f"{path}/{entry}")
            else:
                yield f"{path}/{entry}"


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
