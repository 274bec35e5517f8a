"""Recording one state of a workspace: which files need not be read, and what the others hold."""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from crossrun.workspace.files.dirfd import opened, shown
from crossrun.workspace.snapshots.file_recording import FileContent, record_files
from crossrun.workspace.snapshots.object_store import ObjectWriter
from crossrun.workspace.snapshots.scan import LINK, Scan, ScannedFile
from crossrun.workspace.snapshots.source_cache import FileStat, SourceCache, stat_of
from crossrun.workspace.snapshots.state_index import IndexEntry


class Original(NamedTuple):
    """What a workspace is a copy of. `copied_at` is when the copy began, in ns since the epoch."""

    path: Path
    copied_at: int


class CopiedSource:
    """Tells the contents of copied files by their originals."""

    def __init__(self, original: Original, cache: SourceCache) -> None:
        self._original = original
        self._cache = cache
        self._settled: dict[str, FileStat] = {}

    def blob(self, path: str, copy: FileStat) -> bytes | None:
        """The content of a copied file, if it is known."""
        try:
            status = os.lstat(f"{self._original.path}/{path}")
        except OSError:
            return None
        original = stat_of(status)
        if not (
            stat.S_ISREG(status.st_mode)
            and original.has_copy(copy)
            and original.is_settled(self._original.copied_at)
        ):
            return None
        self._settled[path] = original
        return self._cache.blob(path, original)

    def learn(self, path: str, blob: bytes) -> None:
        """Remembers the content of a file, if its original has not changed since it was copied."""
        if path in self._settled:
            self._cache.learn(path, self._settled[path], blob)

    def save(self) -> None:
        """Keeps what was learned for the next run."""
        self._cache.save()


class StateRecording:
    """One state while it is recorded."""

    def __init__(
        self,
        top: Path,
        listed: Scan,
        before: Mapping[str, IndexEntry],
        writer: ObjectWriter,
        source: CopiedSource | None,
    ) -> None:
        self._top = top
        self._listed = listed
        self._before = before
        self._writer = writer
        self._source = source
        self.left_out: list[str] = []

    def entries(self, paths: Sequence[str], began: int) -> dict[str, IndexEntry]:
        """The files of the state. Raises OSError.

        Args:
            paths: those that belong to it.
            began: when the files were listed, in ns since the epoch.
        """
        files = self._listed.files
        unread = {path: self._unread_entry(path, files[path], began) for path in paths}
        entries = {path: entry for path, entry in unread.items() if entry is not None}
        to_read = {path: files[path] for path, entry in unread.items() if entry is None}
        with opened(self._top) as root:
            for content in record_files(root, to_read, self._writer, total=len(paths)):
                entry = self._entry(content, began)
                if entry is not None:
                    entries[content.path] = entry
        entries.update(self._in_closed_folders())
        return entries

    def save_source(self) -> None:
        """Keeps what was learned of the source, once the contents are stored."""
        if self._source is not None:
            self._source.save()

    def _unread_entry(self, path: str, file: ScannedFile, began: int) -> IndexEntry | None:
        """What the state has of a file, if the file need not be read."""
        if file.mode == LINK:
            return None
        entry = self._before.get(path)
        if entry is not None and entry.stat == file.stat and entry.mode == file.mode:
            return entry
        blob = None if self._source is None else self._source.blob(path, file.stat)
        if blob is None or not self._writer.has(blob):
            return None
        return _entry(file, blob, began)

    def _entry(self, content: FileContent, began: int) -> IndexEntry | None:
        """What the state has of a file that was read."""
        if content.blob is None:
            if content.reason:
                self.left_out.append(f"{shown(content.path)}: {content.reason}")
                return self._before.get(content.path)
            return None
        if self._source is not None:
            self._source.learn(content.path, content.blob)
        file = replace(self._listed.files[content.path], mode=content.mode)
        return _entry(file, content.blob, began)

    def _in_closed_folders(self) -> Iterator[tuple[str, IndexEntry]]:
        """Files of the last state that may still be there, in folders that cannot be read."""
        for folder, reason in self._listed.closed.items():
            self.left_out.append(f"{shown(folder)}/: {reason}")
            for path, entry in self._before.items():
                if path.startswith(f"{folder}/"):
                    yield path, entry


def _entry(file: ScannedFile, blob: bytes, began: int) -> IndexEntry:
    return IndexEntry(file.mode, blob, file.stat if file.stat.is_settled(began) else None)
