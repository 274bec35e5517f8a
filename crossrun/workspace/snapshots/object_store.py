"""The objects of all recorded states, shared by all workspaces of a user.

A git directory: packs for states with many new files, loose objects for the few that a small run
adds. Each workspace has roots, the objects that must stay with all that they refer to. They are
lines in one log, so a workspace takes no file here.

Writers hold a shared lock from the moment that they rely on an object until its root is in the log.
A process that removes objects holds the lock alone. The kernel releases it when a process dies, and
what a killed writer leaves is either complete or has a temporary name.
"""

import errno
import fcntl
import os
import re
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from crossrun.system.background import checkpoint
from crossrun.system.folders import make_private
from crossrun.workspace.git.bare_repository import make_git_dir
from crossrun.workspace.snapshots.git_objects import read_object
from crossrun.workspace.snapshots.packs import (
    Pack,
    PackedObject,
    PackWriter,
    object_id,
    packed,
    read_loose,
    write_loose,
)
from crossrun.workspace.snapshots.root_log import RootLog, Roots
from crossrun.workspace.snapshots.source_cache import SourceCache

_NAME = "shared.git"
_LOCK = "index.lock"
"""The name by which git itself locks: a git that somebody runs here by hand changes no index."""
_MOST_LOOSE, _LARGEST_LOOSE = 8, 256 * 1024
"""Objects of one state, and their bytes, that are not worth a pack."""
_MOST_PACKS = 48
"""Every git that is started looks at all packs."""
_MERGED_BYTES = 256 * 1024 * 1024
_TICK = 0.02
_ID = re.compile("[0-9a-f]{40}")
_SECONDS_FOR_ALONE = 5.0


class ObjectStore:
    """Reads and writes objects.

    Args:
        folder: its git directory; made with the first object.
        borrowed: another store whose objects it reads, too.
        others: folders with loose objects that git reads, too.
    """

    def __init__(
        self, folder: Path, borrowed: "ObjectStore | None" = None, others: Sequence[Path] = ()
    ) -> None:
        self.folder = folder
        self.objects = folder / "objects"
        self.log = RootLog(folder / "roots")
        self._borrowed = borrowed
        self._others = others
        self._packs: dict[Path, Pack] = {}
        self._pack_folder_changed = -1

    def make(self) -> None:
        """Makes the git directory if there is none."""
        borrowed = [] if self._borrowed is None else [self._borrowed.objects]
        make_git_dir(self.folder, borrowing=[*borrowed, *self._others])

    def has(self, name: bytes) -> bool:
        """Whether there is an object."""
        return any(name in pack for pack in self.packs()) or self.has_unpacked(name)

    def has_unpacked(self, name: bytes) -> bool:
        """Whether there is a loose object, or one in the borrowed store."""
        text = name.hex()
        if _has_content(f"{self.objects}/{text[:2]}/{text[2:]}"):
            return True
        return self._borrowed is not None and self._borrowed.has(name)

    def read(self, name: str) -> tuple[str, bytes] | None:
        """The kind and content of an object; None if there is none, or it is damaged."""
        own = self._read_own(name)
        if own is not None:
            return own
        beside = self._read_beside(name)
        if beside is not None:
            return beside
        return None if self._borrowed is None else self._borrowed.read(name)

    def read_root(self, name: str) -> tuple[str, bytes] | None:
        """An object of which everything that it refers to is there; None if it is not a root.

        After a collection, others may still be in packs of which a part is needed.
        """
        if self.log.has(name):
            return self.read(name)
        beside = self._read_beside(name)
        if beside is not None:
            return beside
        return None if self._borrowed is None else self._borrowed.read_root(name)

    def _read_beside(self, name: str) -> tuple[str, bytes] | None:
        stored = (read_object(objects, name) for objects in self._others)
        return next((each for each in stored if each is not None), None)

    def _read_own(self, name: str) -> tuple[str, bytes] | None:
        loose = read_loose(self.objects, name)
        if loose is not None:
            return loose
        for _ in range(2):  # packs may have been merged since they were listed
            packs = self.packs()
            for pack in packs:
                with suppress(OSError, ValueError, zlib.error):
                    content = pack.read(bytes.fromhex(name))
                    if content is not None:
                        return content
            if all(pack.file.exists() for pack in packs):
                break
        return None

    @contextmanager
    def writing(self, key: str) -> Iterator["ObjectWriter"]:
        """Adds objects for a workspace; they are there for good once the block ends.

        Args:
            key: the workspace.
        """
        self.make()
        with self._locked(fcntl.LOCK_SH):
            writer = ObjectWriter(self, key)
            try:
                yield writer
                writer.finish()
            finally:
                writer.discard()
        if len(self.packs()) > _MOST_PACKS:
            self._merge_small_packs()

    def roots(self, key: str) -> Roots:
        """The roots of a workspace."""
        return self.log.of(key)

    def keys(self) -> set[str]:
        """The workspaces that have roots."""
        return set(self.log.read())

    def drop(self, keys: Iterable[str]) -> None:
        """Takes the roots of workspaces away; their objects go with the next `collect`."""
        if self.log.exists():
            with self._locked(fcntl.LOCK_SH):
                self.log.drop(keys)

    def collect(self) -> int:
        """Removes all objects that no root leads to; the bytes that became free.

        Nothing happens unless roots were dropped since the last time, or while somebody writes; in
        that case the next call does it. Raises OSError, before anything is removed if an object
        cannot be read.
        """
        if not self.log.has_dropped():
            return 0
        with self._locked(fcntl.LOCK_EX, patience=_SECONDS_FOR_ALONE) as held:
            if not held:
                return 0
            before = self._size()
            self._require_packs()
            roots = self.log.read()
            alive = self._reachable(roots)
            self._sweep(alive)
            for cache in (self.folder / "sources").glob("*"):
                if cache.suffix:  # of a writer that was killed
                    cache.unlink(missing_ok=True)
                else:
                    SourceCache(cache).keep_only(alive)
            self.log.rewrite(roots)
            return max(before - self._size(), 0)

    def source_cache(self, source: Path) -> SourceCache:
        """What is known of the files of a source."""
        make_private(self.folder / "sources")
        name = sha256(os.fsencode(source)).hexdigest()[:32]
        return SourceCache(self.folder / "sources" / name)

    def _reachable(self, roots: dict[str, Roots]) -> set[bytes]:
        """The needed objects. Raises OSError if one is there but cannot be read."""
        alive, walked = set[bytes](), set[str]()
        for key, (names, _) in roots.items():
            beside = self.folder.parent / f"{key}.git" / "objects"
            pending = names.copy()
            while pending:
                name = pending.pop()
                if name in walked:
                    continue
                checkpoint()
                alive.add(bytes.fromhex(name))
                stored = self.read(name) or read_object(beside, name)
                if stored is None:  # gone, unless it is beside another workspace
                    self._require_gone(name, beside)
                    continue
                walked.add(name)
                kind, content = stored
                for mode, below in tree_entries(content) if kind == "tree" else ():
                    if mode == b"40000":
                        pending.append(below.hex())
                    else:
                        alive.add(below)
        return alive

    def _require_packs(self) -> None:
        """What a pack needs is not known unless it can be read."""
        packs = {pack.file for pack in self.packs()}
        for file in (self.objects / "pack").glob("pack-*.pack"):
            if file not in packs and file.with_suffix(".idx").exists():
                raise OSError(errno.EIO, "a pack cannot be read", str(file))

    def _require_gone(self, name: str, beside: Path) -> None:
        if self.has(bytes.fromhex(name)) or (beside / name[:2] / name[2:]).exists():
            raise OSError(errno.EIO, "an object that is needed cannot be read", name)

    def _sweep(self, alive: set[bytes]) -> None:
        packs = self.packs()
        for pack in packs:
            counts = [position.object_id in alive for position in pack.positions()]
            if not any(counts):
                pack.remove()
            elif sum(counts) < len(counts) / 2:
                with suppress(OSError):  # such as a full disk: it stays as it is
                    self._repack([pack], alive.__contains__)
        for file in self._loose_files():
            if bytes.fromhex(file.parent.name + file.name) not in alive:
                file.unlink(missing_ok=True)
        for file in (self.objects / "pack").iterdir():
            halves = (file.with_suffix(".idx"), file.with_suffix(".pack"))
            if file.name.startswith("tmp_") or not all(half.is_file() for half in halves):
                file.unlink(missing_ok=True)  # of a writer or a collection that was killed
        for file in self.objects.glob("[0-9a-f][0-9a-f]/tmp_*"):
            file.unlink(missing_ok=True)
        if len(loose := self._loose_files()) > _MOST_PACKS * _MOST_LOOSE:
            with suppress(OSError):
                self._pack_loose(loose)

    def _repack(self, packs: list[Pack], wanted: Callable[[bytes], bool]) -> None:
        """Writes the wanted objects of packs as one pack, and removes these. Raises OSError.

        The new pack may be one of them: its name comes from its content, and a process that was
        killed here may have left it.
        """
        written = self._write_pack(each for pack in packs for each in pack.raw(wanted))
        for pack in packs:
            if pack.index != written:
                pack.remove()

    def _pack_loose(self, files: list[Path]) -> None:
        self._write_pack(
            packed(bytes.fromhex(name), *read)
            for name in (file.parent.name + file.name for file in files)
            if (read := read_loose(self.objects, name)) is not None
        )
        packs = self.packs()
        for file in files:
            name = bytes.fromhex(file.parent.name + file.name)
            if any(name in pack for pack in packs):
                file.unlink(missing_ok=True)

    def _write_pack(self, objects: Iterable[PackedObject]) -> Path:
        writer, written = PackWriter(self.objects / "pack"), set[bytes]()
        try:
            for each in objects:
                checkpoint()
                if each.object_id not in written:
                    written.add(each.object_id)
                    writer.add(each)
            return writer.finish(checkpoint)
        finally:
            writer.discard()

    def _merge_small_packs(self) -> None:
        with self._locked(fcntl.LOCK_EX, patience=0) as held:
            if not held:
                return
            small, total = [], 0
            for pack in sorted(self.packs(), key=lambda each: _size_of(each.file)):
                total += _size_of(pack.file)
                if total > _MERGED_BYTES:
                    break
                small.append(pack)
            if len(small) > 1:
                with suppress(OSError):
                    self._repack(small, lambda _: True)

    def packs(self) -> list[Pack]:
        """The packs that are there now, the newest first."""
        try:
            changed = (self.objects / "pack").stat().st_mtime_ns
        except OSError:
            return []
        if changed != self._pack_folder_changed:
            files = sorted((self.objects / "pack").glob("pack-*.idx"), key=_time_of, reverse=True)
            packs = {}
            for file in files:
                with suppress(OSError, ValueError):
                    packs[file] = self._packs.get(file) or Pack(file)
            self._packs = packs
            is_settled = changed < time.time_ns() - 10**9
            self._pack_folder_changed = changed if is_settled else -1
        return list(self._packs.values())

    def _loose_files(self) -> list[Path]:
        files = self.objects.glob("[0-9a-f][0-9a-f]/*")
        return [file for file in files if _ID.fullmatch(file.parent.name + file.name)]

    def _size(self) -> int:
        files = [*self._loose_files(), *(self.objects / "pack").glob("*")]
        return sum(map(_size_of, files))

    @contextmanager
    def _locked(self, kind: int, *, patience: float | None = None) -> Iterator[bool]:
        """Holds the lock; after so many seconds at most, None: without end."""
        make_private(self.folder)
        file = os.open(self.folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        until = None if patience is None else time.monotonic() + patience
        try:
            while not (held := _try_lock(file, kind)):
                if until is not None and time.monotonic() >= until:
                    break
                checkpoint()
                time.sleep(_TICK)
            yield held
        finally:
            os.close(file)


def object_store(snapshots: Path) -> ObjectStore:
    """The store that all workspaces share.

    Args:
        snapshots: the folder in which it is, with what only one workspace has.
    """
    return ObjectStore(snapshots / _NAME)


class ObjectWriter:
    """Collects new objects, and makes them visible all at once.

    Args:
        store: where they go.
        key: the workspace that they are for.
    """

    def __init__(self, store: ObjectStore, key: str) -> None:
        self._store = store
        self._key = key
        self._packs = store.packs()
        """Those of the beginning: nobody removes one meanwhile."""
        self._few: dict[bytes, PackedObject] = {}
        self._few_bytes = 0
        self._pack: PackWriter | None = None
        self._written: set[bytes] = set()
        self._roots: list[tuple[str, bool]] = []

    def has(self, name: bytes) -> bool:
        """Whether an object need not be added."""
        if name in self._written or name in self._few:
            return True
        return any(name in pack for pack in self._packs) or self._store.has_unpacked(name)

    def add(self, kind: str, content: bytes) -> str:
        """Adds an object; its id. Raises OSError."""
        name = object_id(kind, content)
        if not self.has(name):
            self.add_packed(packed(name, kind, content))
        return name.hex()

    def add_packed(self, packed_object: PackedObject) -> None:
        """Adds an object that is compressed already. Raises OSError."""
        if self.has(packed_object.object_id):
            return
        if self._pack is not None:
            self._add_to_pack(packed_object)
            return
        self._few[packed_object.object_id] = packed_object
        self._few_bytes += len(packed_object.data)
        if len(self._few) > _MOST_LOOSE or self._few_bytes > _LARGEST_LOOSE:
            self.pack()

    def add_stream(self, size: int, pieces: Iterable[bytes]) -> str | None:
        """Adds a file too large for memory; its id, None if its size has changed."""
        name = self.pack().add_stream("blob", size, pieces, self.has)
        if name is None:
            return None
        if not self.has(name):
            self._written.add(name)
        return name.hex()

    def root(self, name: str, *, is_state: bool = False) -> None:
        """Has an object stay, with all that it refers to, for as long as the workspace is known."""
        self._roots.append((name, is_state))

    def pack(self) -> PackWriter:
        """The pack that objects go to from now on. Raises OSError."""
        if self._pack is None:
            self._pack = PackWriter(self._store.objects / "pack")
            for packed_object in self._few.values():
                self._add_to_pack(packed_object)
            self._few = {}
        return self._pack

    def finish(self) -> None:
        """Makes all that was added visible. Raises OSError."""
        if self._pack is not None:
            if self._written:
                self._pack.finish(checkpoint)
            self._pack.discard()
            self._pack = None
        for packed_object in self._few.values():
            write_loose(self._store.objects, packed_object)
        self._few = {}
        if self._roots:
            self._store.log.add(self._key, self._roots)
            self._roots = []

    def _add_to_pack(self, packed_object: PackedObject) -> None:
        self.pack().add(packed_object)
        self._written.add(packed_object.object_id)

    def discard(self) -> None:
        """Forgets what is not visible yet."""
        if self._pack is not None:
            self._pack.discard()


def tree_entries(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The modes and ids in a tree."""
    for mode, _, name in named_tree_entries(content):
        yield mode, name


def named_tree_entries(content: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """The modes, names and ids in a tree."""
    at = 0
    while at < len(content):
        end = content.index(b"\0", at)
        mode, _, name = content[at:end].partition(b" ")
        yield mode, name, content[end + 1 : end + 21]
        at = end + 21


def _try_lock(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _has_content(file: str) -> bool:
    """Whether there is a file, and not the empty one that a power failure leaves."""
    try:
        return os.stat(file).st_size > 0  # noqa: PTH116  it is quick
    except OSError:
        return False


def _size_of(file: Path) -> int:
    try:
        return file.stat().st_blocks * 512
    except OSError:
        return 0


def _time_of(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0
