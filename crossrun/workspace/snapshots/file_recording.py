"""Contents of files into the object store: a few one by one, many in several threads."""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import NamedTuple

from crossrun.system.background import checkpoint
from crossrun.workspace.files.dirfd import opened_below
from crossrun.workspace.snapshots.object_store import ObjectWriter
from crossrun.workspace.snapshots.packs import PackedObject, object_id, packed
from crossrun.workspace.snapshots.scan import FILE, LINK, PROGRAM, ScannedFile

_FEW = 8
"""Files that are not worth threads."""
_BATCH_FILES, _BATCH_BYTES = 64, 4 * 1024 * 1024
_LARGEST_IN_MEMORY = 8 * 1024 * 1024
_PIECE = 1024 * 1024
_THREADS = max(2, min(4, os.cpu_count() or 2))
_TRIES = 3
"""How often a file is read again that changes while it is read."""
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class FileContent(NamedTuple):
    """What a file was when it was read.

    `blob` is None if it could not be read, for the `reason`, or if the file is gone.
    """

    path: str
    mode: str = FILE
    blob: bytes | None = None
    reason: str = ""
    packed: PackedObject | None = None


def record_files(
    root: int, files: Mapping[str, ScannedFile], writer: ObjectWriter, *, total: int
) -> Iterator[FileContent]:
    """Stores the contents of files.

    Args:
        root: the open top folder of the workspace.
        files: by their paths.
        writer: where the contents go.
        total: the files of the whole state; those that are not among `files` are done.
    """
    done = total - len(files)
    for recorded in _recorded(root, files, writer):
        done += 1
        checkpoint(done, total)
        if recorded.packed is not None:
            writer.add_packed(recorded.packed)
        yield recorded._replace(packed=None)


def _recorded(
    root: int, files: Mapping[str, ScannedFile], writer: ObjectWriter
) -> Iterator[FileContent]:
    large = [path for path, file in files.items() if file.stat.size > _LARGEST_IN_MEMORY]
    small = [path for path in files if files[path].stat.size <= _LARGEST_IN_MEMORY]
    if len(small) <= _FEW:
        for path in small:
            yield _record_one(root, path, files[path], writer)
    else:
        yield from _record_many(root, small, files, writer)
    for path in large:
        yield _record_large(root, path, writer)


def _record_one(root: int, path: str, file: ScannedFile, writer: ObjectWriter) -> FileContent:
    content = _read(root, path, is_link=file.mode == LINK)
    if isinstance(content, FileContent):
        return content
    mode, data = content
    return FileContent(path, mode, bytes.fromhex(writer.add("blob", data)))


def _record_many(
    root: int, paths: Sequence[str], files: Mapping[str, ScannedFile], writer: ObjectWriter
) -> Iterator[FileContent]:
    from concurrent.futures import ThreadPoolExecutor

    def record(batch: Sequence[str]) -> list[FileContent]:
        return _record_batch(root, batch, files, writer)

    batches = _batches(paths, files)
    with ThreadPoolExecutor(_THREADS) as threads:
        waiting = [threads.submit(record, batch) for batch in islice(batches, 2 * _THREADS)]
        while waiting:
            yield from waiting.pop(0).result()
            waiting += [threads.submit(record, batch) for batch in islice(batches, 1)]


def _record_batch(
    root: int, paths: Sequence[str], files: Mapping[str, ScannedFile], writer: ObjectWriter
) -> list[FileContent]:
    """Hashes and compresses files of one folder."""
    recorded = []
    for path in paths:
        content = _read(root, path, is_link=files[path].mode == LINK)
        if isinstance(content, FileContent):
            recorded.append(content)
            continue
        mode, data = content
        blob = object_id("blob", data)
        new = None if writer.has(blob) else packed(blob, "blob", data)
        recorded.append(FileContent(path, mode, blob, packed=new))
    return recorded


def _record_large(root: int, path: str, writer: ObjectWriter) -> FileContent:
    for _ in range(_TRIES):
        try:
            file = _opened(root, path)
        except OSError as error:
            return _unreadable(path, error)
        try:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode):
                return FileContent(path)
            blob = writer.add_stream(status.st_size, _pieces(file, status.st_size))
        finally:
            os.close(file)
        if blob is not None:
            return FileContent(path, _mode(status), bytes.fromhex(blob))
    return FileContent(path, reason="it changed while it was read")


def _batches(paths: Iterable[str], files: Mapping[str, ScannedFile]) -> Iterator[Sequence[str]]:
    """Files of one folder, not too many and not too much at once."""
    for _, together in groupby(paths, key=lambda path: path.rpartition("/")[0]):
        batch, size = list[str](), 0
        for path in together:
            batch.append(path)
            size += files[path].stat.size
            if len(batch) == _BATCH_FILES or size > _BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch


def _read(root: int, path: str, *, is_link: bool) -> tuple[str, bytes] | FileContent:
    """The mode and content of a file or link; or why there is none."""
    *parts, name = path.split("/")
    try:
        with opened_below(root, parts) as folder:
            if is_link:
                return LINK, os.fsencode(os.readlink(name, dir_fd=folder))
            file = os.open(name, _READ, dir_fd=folder)
        with os.fdopen(file, "rb", buffering=0) as content:
            status = os.fstat(file)
            if stat.S_ISREG(status.st_mode):
                return _mode(status), content.readall()
    except OSError as error:
        return _unreadable(path, error)
    return FileContent(path)


def _opened(root: int, path: str) -> int:
    *parts, name = path.split("/")
    with opened_below(root, parts) as folder:
        return os.open(name, _READ, dir_fd=folder)


def _pieces(file: int, size: int) -> Iterator[bytes]:
    """The content of a file; not what is appended meanwhile, which may be without end."""
    while piece := os.read(file, min(size, _PIECE)):
        checkpoint()
        size -= len(piece)
        yield piece


def _mode(status: os.stat_result) -> str:
    return PROGRAM if status.st_mode & stat.S_IXUSR else FILE


def _unreadable(path: str, error: OSError) -> FileContent:
    """A file that is gone needs no reason."""
    gone = isinstance(error, FileNotFoundError | NotADirectoryError)
    return FileContent(path, reason="" if gone else error.strerror or str(error))
