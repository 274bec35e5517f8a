"""Git's object format: loose objects and packs, read and written without starting git.

Packs written here hold whole objects, never deltas, so reading one takes a look-up and a
decompression. Git reads them like its own.
"""

import hashlib
import mmap
import os
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple, Protocol

KINDS = ("", "commit", "tree", "blob", "tag")
"""The kinds of objects, at the numbers that packs have for them."""
ID_BYTES = 20
_PIECE = 1024 * 1024
_SAMPLE = 4096
_WORTHWHILE = 0.9
"""Content whose sample shrinks by less than a tenth is stored as it is."""
_HEADER = struct.Struct(">4sII")
_MAGIC = b"\xfftOc\x00\x00\x00\x02"
_FANOUT_END = len(_MAGIC) + 256 * 4
_LARGE_OFFSET = 1 << 31


class Sha1(Protocol):
    """A hash that is fed piece by piece."""

    def update(self, piece: bytes, /) -> None:
        """Adds a piece."""

    def digest(self) -> bytes:
        """The hash of all pieces."""


class PackedObject(NamedTuple):
    """An object as a pack has it: its id, its compressed bytes with their header, their CRC."""

    object_id: bytes
    data: bytes | memoryview
    crc: int


class Position(NamedTuple):
    """Where an object is in a pack."""

    object_id: bytes
    crc: int
    offset: int


def new_hash(kind: str, size: int) -> Sha1:
    """The hash for the id of an object; its content is still to be added."""
    return hashlib.sha1(b"%s %d\0" % (kind.encode(), size), usedforsecurity=False)


def object_id(kind: str, content: bytes) -> bytes:
    """The id that git gives to an object."""
    digest = new_hash(kind, len(content))
    digest.update(content)
    return digest.digest()


def compression_level(sample: bytes) -> int:
    """The fastest level, or none for content that does not get smaller."""
    if len(sample) < _SAMPLE:
        return 1
    middle = sample[len(sample) // 2 :][:_SAMPLE]
    return 1 if len(zlib.compress(middle, 1)) < _WORTHWHILE * len(middle) else 0


def packed(object_id: bytes, kind: str, content: bytes) -> PackedObject:
    """Compresses an object for a pack."""
    level = compression_level(content)
    data = entry_header(kind, len(content)) + zlib.compress(content, level)
    return PackedObject(object_id, data, zlib.crc32(data))


def entry_header(kind: str, size: int) -> bytes:
    """The kind and size of an object, as a pack has them in front of its content."""
    first, size = KINDS.index(kind) << 4 | size & 0x0F, size >> 4
    header = bytearray()
    while size:
        header.append(first | 0x80)
        first, size = size & 0x7F, size >> 7
    header.append(first)
    return bytes(header)


def write_loose(objects: Path, packed_object: PackedObject) -> None:
    """Writes a loose object, complete or not at all. Raises OSError."""
    name = packed_object.object_id.hex()
    kind, start = _entry_start(packed_object.data, 0)
    content = zlib.decompress(packed_object.data[start:])
    folder = objects / name[:2]
    data = zlib.compress(b"%s %d\0" % (kind.encode(), len(content)) + content, 1)
    try:
        _write_whole(folder, name[2:], data)
    except FileNotFoundError:
        folder.mkdir(mode=0o700, exist_ok=True)
        _write_whole(folder, name[2:], data)


def read_loose(objects: Path, object_id: str) -> tuple[str, bytes] | None:
    """The kind and content of a loose object; None if there is none."""
    try:
        data = zlib.decompress((objects / object_id[:2] / object_id[2:]).read_bytes())
    except (OSError, zlib.error):
        return None
    header, _, content = data.partition(b"\0")
    return header.split(b" ")[0].decode(), content


class PackWriter:
    """Writes a pack under a temporary name; nobody sees it before it is complete.

    Args:
        folder: where packs are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._temporary = folder / f"tmp_pack_{os.getpid()}_{os.urandom(6).hex()}"
        self._file: IO[bytes] = self._temporary.open("w+b")
        self._file.write(_HEADER.pack(b"PACK", 2, 0))
        self._offset = _HEADER.size
        self._positions: list[Position] = []

    def add(self, packed_object: PackedObject) -> None:
        """Adds an object. Raises OSError."""
        self._file.write(packed_object.data)
        self._note(packed_object.object_id, packed_object.crc, len(packed_object.data))

    def add_stream(
        self, kind: str, size: int, pieces: Iterable[bytes], is_stored: Callable[[bytes], bool]
    ) -> bytes | None:
        """Adds an object too large for memory, unless it is stored already. Raises OSError.

        Returns:
            Its id; None if the pieces were not as many bytes as announced: nothing was added.
        """
        digest, crc, length, total = new_hash(kind, size), 0, 0, 0
        compressor = None
        for data, piece in _with_header(entry_header(kind, size), pieces):
            total += len(piece)
            digest.update(piece)
            if compressor is None and piece:
                compressor = zlib.compressobj(compression_level(piece))
            output = data + (compressor.compress(piece) if compressor and piece else b"")
            crc, length = zlib.crc32(output, crc), length + len(output)
            self._file.write(output)
        tail = (compressor or zlib.compressobj()).flush()
        self._file.write(tail)
        name = digest.digest()
        if total != size or is_stored(name):
            self._file.seek(self._offset)
            self._file.truncate()
        else:
            self._note(name, zlib.crc32(tail, crc), length + len(tail))
        return name if total == size else None

    def finish(self, checkpoint: Callable[[], None]) -> Path:
        """Makes the pack visible, its contents safely on the disk; the path of its index.

        Raises OSError.
        """
        self._file.seek(0)
        self._file.write(_HEADER.pack(b"PACK", 2, len(self._positions)))
        self._file.seek(0)
        digest = hashlib.sha1(usedforsecurity=False)
        while piece := self._file.read(_PIECE):
            checkpoint()
            digest.update(piece)
        self._file.write(digest.digest())
        self._file.flush()
        os.fdatasync(self._file.fileno())
        self._file.close()
        self._temporary.chmod(0o400)
        name = f"pack-{digest.hexdigest()}"
        index = self._folder / f"{name}.idx"
        self._temporary.rename(self._folder / f"{name}.pack")
        _write_whole(self._folder, index.name, _index(self._positions, digest.digest()), sync=True)
        return index

    def discard(self) -> None:
        """Removes what was written."""
        with suppress(OSError):  # on a full disk, what is not yet written cannot be
            self._file.close()
        self._temporary.unlink(missing_ok=True)

    def _note(self, object_id: bytes, crc: int, length: int) -> None:
        self._positions.append(Position(object_id, crc, self._offset))
        self._offset += length


class Pack:
    """A pack that is complete.

    Args:
        index: its `.idx` file.

    Raises:
        OSError: it is gone.
        ValueError: it is damaged, or of a kind that is not written here.
    """

    def __init__(self, index: Path) -> None:
        self.index = index
        self.file = index.with_suffix(".pack")
        with index.open("rb") as file:
            self._data = _mapped(file)
        if self._data[: len(_MAGIC)] != _MAGIC or len(self._data) < _FANOUT_END:
            raise ValueError(f"{index} is not an index of version 2")
        self._fanout = struct.unpack_from(">256I", self._data, len(_MAGIC))
        self._count = self._fanout[-1]
        self._crcs = _FANOUT_END + self._count * ID_BYTES
        if len(self._data) < self._crcs + self._count * 8 + 2 * ID_BYTES:
            raise ValueError(f"{index} is truncated")
        with self.file.open("rb") as file:
            file.seek(-ID_BYTES, os.SEEK_END)
            if file.read() != self._data[-2 * ID_BYTES : -ID_BYTES]:
                raise ValueError(f"{self.file} is truncated")

    def __contains__(self, object_id: bytes) -> bool:
        return self._number(object_id) is not None

    def read(self, object_id: bytes) -> tuple[str, bytes] | None:
        """The kind and content of an object. Raises OSError, ValueError, zlib.error."""
        number = self._number(object_id)
        if number is None:
            return None
        offset = self._offset(number)
        with self.file.open("rb") as file, _mapped(file) as pack:
            kind, start = _entry_start(pack, offset)
            return kind, b"".join(_inflated(pack, start))

    def positions(self) -> Iterator[Position]:
        """Where all its objects are."""
        for number in range(self._count):
            (crc,) = struct.unpack_from(">I", self._data, self._crcs + number * 4)
            yield Position(self._id(number), crc, self._offset(number))

    def raw(self, wanted: Callable[[bytes], bool]) -> Iterator[PackedObject]:
        """The objects that are wanted, as they are packed, not read into memory. Raises OSError."""
        positions = sorted(self.positions(), key=lambda position: position.offset)
        with self.file.open("rb") as file:
            pack = memoryview(_mapped(file))
        ends = [*(position.offset for position in positions[1:]), len(pack) - ID_BYTES]
        for position, end in zip(positions, ends, strict=True):
            if wanted(position.object_id):
                data = pack[position.offset : end]
                yield PackedObject(position.object_id, data, position.crc)

    def _number(self, object_id: bytes) -> int | None:
        """The place of an object among the ids, which are in order."""
        first = object_id[0]
        low: int = self._fanout[first - 1] if first else 0
        high: int = self._fanout[first]
        while low < high:
            middle = (low + high) // 2
            name = self._id(middle)
            if name == object_id:
                return middle
            low, high = (middle + 1, high) if name < object_id else (low, middle)
        return None

    def _id(self, number: int) -> bytes:
        at = _FANOUT_END + number * ID_BYTES
        return self._data[at : at + ID_BYTES]

    def _offset(self, number: int) -> int:
        (offset,) = struct.unpack_from(">I", self._data, self._crcs + (self._count + number) * 4)
        if not offset & _LARGE_OFFSET:
            return int(offset)
        table = self._crcs + self._count * 8
        (offset,) = struct.unpack_from(">Q", self._data, table + (offset & ~_LARGE_OFFSET) * 8)
        return int(offset)

    def remove(self) -> None:
        """Removes the pack, its index first, so that nobody looks for the rest."""
        self.index.unlink(missing_ok=True)
        self.file.unlink(missing_ok=True)


def _entry_start(pack: bytes | memoryview | mmap.mmap, offset: int) -> tuple[str, int]:
    """The kind of an object, and where its compressed content begins. Raises ValueError."""
    number, at = pack[offset] >> 4 & 7, offset
    while pack[at] & 0x80:
        at += 1
    if not 0 < number < len(KINDS):
        raise ValueError("a pack holds a difference, which crossrun does not write")
    return KINDS[number], at + 1


def _with_header(header: bytes, pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    yield header, b""
    for piece in pieces:
        yield b"", piece


def _mapped(file: IO[bytes]) -> mmap.mmap:
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _inflated(pack: mmap.mmap, at: int) -> Iterator[bytes]:
    inflating = zlib.decompressobj()
    while not inflating.eof:
        piece = pack[at : at + _PIECE]
        if not piece:
            raise ValueError("a pack ends in the middle of an object")
        at += len(piece)
        yield inflating.decompress(piece)


def _index(positions: Iterable[Position], pack_hash: bytes) -> bytes:
    """The index of a pack, in git's version 2."""
    ordered = sorted(positions)
    counts = [0] * 256
    for position in ordered:
        counts[position.object_id[0]] += 1
    fanout, total = [], 0
    for count in counts:
        total += count
        fanout.append(total)
    large = [each.offset for each in ordered if each.offset >= _LARGE_OFFSET]
    places = {offset: _LARGE_OFFSET | number for number, offset in enumerate(large)}
    index = b"".join((
        _MAGIC,
        struct.pack(">256I", *fanout),
        *(each.object_id for each in ordered),
        struct.pack(f">{total}I", *(each.crc for each in ordered)),
        struct.pack(f">{total}I", *(places.get(each.offset, each.offset) for each in ordered)),
        struct.pack(f">{len(large)}Q", *large),
        pack_hash,
    ))  # fmt: skip
    return index + hashlib.sha1(index, usedforsecurity=False).digest()


def _write_whole(folder: Path, name: str, data: bytes, *, sync: bool = False) -> None:
    temporary = folder / f"tmp_obj_{os.urandom(8).hex()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            if sync:
                file.flush()
                os.fdatasync(file.fileno())
        temporary.rename(folder / name)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
