"""Vectors of the texts by which patterns are searched, and exact search among them.

A vector belongs to a text, by its hash, and to the encoder that made it, so it stays valid when
patterns change; `pattern_texts` says which texts are whose. Both can be made again. They are
written after the patterns themselves, by those who have the encoder: a store works without them.

Functions work on a connection that the caller owns, and neither begin nor end a transaction.
Reading never writes to the store. A large store is searched in a matrix in the cache folder, which
holds the texts up to some number; those that came later are read from the store. It only points at
candidates: what they are worth is worked out from the store's own vectors.
"""

import hashlib
import json
import os
import sqlite3
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEAREST = 30
"""So many patterns are candidates for their vectors alone."""
LEAST = 0.2
"""The cosine that they need for it: tasks that have nothing to do with each other have less."""
TEXTS = 6
"""So many texts of a pattern have vectors."""
_UNCACHED = 2_000
"""So many vectors are read from the store at each search before they are put into a matrix."""
_LOOKED_AT = 10
"""So many times more texts than patterns are looked at, since some are gone or of one pattern."""
_AT_ONCE = 4_096
"""Rows of the matrix that are compared at once; bounds memory."""
_SAMPLES = 16
_HEAD = 12
"""Bytes before the values of a vector in the matrix: the text's number, and the scale."""
_VALUE = "<f2"


class EncodedTask(NamedTuple):
    """A task as the encoder sees it, and where the matrices of large stores are kept."""

    encoder: str
    vector: bytes
    matrices: Path


def hash_of(text: str) -> str:
    """The key of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def texts_of(searchable: str) -> list[str]:
    """The texts of a pattern that get vectors: the first of those it is searched by, and the last.

    Args:
        searchable: the tasks of its runs, one a line, and last a summary.
    """
    lines = list(dict.fromkeys(line.strip() for line in searchable.splitlines() if line.strip()))
    return lines if len(lines) <= TEXTS else [*lines[: TEXTS - 1], lines[-1]]


# writing


def missing(connection: sqlite3.Connection, encoder: str, limit: int) -> list[str]:
    """The ids of patterns that lack vectors, those that changed last first."""
    rows = connection.execute(
        "SELECT id FROM patterns p"
        " WHERE NOT EXISTS (SELECT 1 FROM pattern_texts t WHERE t.pattern_id = p.id)"
        " OR EXISTS (SELECT 1 FROM pattern_texts t WHERE t.pattern_id = p.id AND NOT EXISTS"
        "  (SELECT 1 FROM pattern_vectors v WHERE v.sha256 = t.sha256 AND v.encoder = ?))"
        " ORDER BY p.updated_at DESC, p.rowid DESC LIMIT ?",
        [encoder, limit],
    )
    return [row[0] for row in rows]


def unknown_texts(connection: sqlite3.Connection, encoder: str, texts: Iterable[str]) -> list[str]:
    """Those of the texts that the encoder has made no vector of yet."""
    by_hash = {hash_of(text): text for text in texts}
    rows = connection.execute(
        "SELECT sha256 FROM json_each(?) CROSS JOIN pattern_vectors ON sha256 = value"
        " WHERE encoder = ?",
        [json.dumps(sorted(by_hash)), encoder],
    )
    there = {row[0] for row in rows}
    return [text for sha256, text in by_hash.items() if sha256 not in there]


def put(
    connection: sqlite3.Connection,
    encoder: str,
    texts: Mapping[str, Sequence[str]],
    vectors: Mapping[str, bytes],
) -> None:
    """Stores which texts patterns have, and the vectors of texts.

    Args:
        connection: within a transaction.
        encoder: the name of the one that made the vectors.
        texts: by pattern; they take the place of those that it had.
        vectors: by text.
    """
    forget(connection, texts)
    connection.executemany(
        "INSERT INTO pattern_texts (pattern_id, sha256) VALUES (?, ?)",
        [(pattern_id, hash_of(text)) for pattern_id, lines in texts.items() for text in lines],
    )
    connection.executemany(
        "INSERT INTO pattern_vectors (sha256, encoder, vector) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET vector = excluded.vector",
        [(hash_of(text), encoder, vector) for text, vector in vectors.items()],
    )


def forget_other_texts(connection: sqlite3.Connection, pattern_id: str, searchable: str) -> None:
    """Removes what texts a pattern has, unless they are still those by which it is searched."""
    rows = connection.execute(
        "SELECT sha256 FROM pattern_texts WHERE pattern_id = ?", [pattern_id]
    ).fetchall()
    if {row[0] for row in rows} != set(map(hash_of, texts_of(searchable))):
        forget(connection, [pattern_id])


def forget(connection: sqlite3.Connection, pattern_ids: Iterable[str]) -> None:
    """Removes what texts patterns have; the vectors stay until `drop_unused`.

    The text with the highest number leaves its number behind: none is ever given twice.
    """
    connection.executemany(
        "UPDATE pattern_texts SET pattern_id = '' WHERE pattern_id = ?",
        [(pattern_id,) for pattern_id in pattern_ids],
    )
    connection.execute(
        "DELETE FROM pattern_texts WHERE pattern_id = ''"
        " AND number < (SELECT max(number) FROM pattern_texts)"
    )


def drop_unused(connection: sqlite3.Connection) -> None:
    """Removes the vectors of texts that no pattern has."""
    connection.execute(
        "DELETE FROM pattern_vectors WHERE sha256 NOT IN"
        " (SELECT sha256 FROM pattern_texts WHERE pattern_id <> '')"
    )


# searching


def similarities(
    connection: sqlite3.Connection, task: EncodedTask, pattern_ids: Iterable[str]
) -> dict[str, float]:
    """The cosine of a task with the nearest text of each pattern; none for one without vectors."""
    rows = connection.execute(
        "SELECT pattern_id, vector FROM json_each(?)"
        " CROSS JOIN pattern_texts t ON t.pattern_id = value"
        " CROSS JOIN pattern_vectors v ON v.sha256 = t.sha256 AND v.encoder = ?"
        " WHERE length(vector) = ?",
        [json.dumps(list(pattern_ids)), task.encoder, len(task.vector)],
    ).fetchall()
    if not rows:
        return {}
    import numpy as np

    cosines = np.nan_to_num(_exact([row[1] for row in rows], task) @ _asked(task), nan=-1.0)
    best: dict[str, float] = {}
    for (pattern_id, _), cosine in zip(rows, cosines.tolist(), strict=True):
        best[pattern_id] = max(best.get(pattern_id, -1.0), cosine)
    return best


def nearest(
    connection: sqlite3.Connection,
    task: EncodedTask,
    *,
    project_id: str | None = None,
    limit: int = NEAREST,
) -> list[str]:
    """The ids of the patterns whose texts are nearest to a task, the nearest first.

    Args:
        connection: to a store; reading is enough.
        task: what is looked for.
        project_id: only patterns of this project. None: of all.
        limit: the number of patterns.
    """
    matrix = _read_matrix(connection, task)
    newer = _texts_after(connection, task, matrix.last)
    if len(newer.numbers) > _UNCACHED:
        matrix, newer = _joined(matrix, newer), _empty(task)
        _write_matrix(matrix, _file_of(connection, task))
    among = None if project_id is None else _numbers_of(connection, project_id)
    numbers = _likely(_joined(matrix, newer), task, among, limit * _LOOKED_AT)
    rows = connection.execute(
        "SELECT DISTINCT pattern_id FROM json_each(?) CROSS JOIN pattern_texts ON number = value"
        " WHERE pattern_id <> ''",
        [json.dumps(numbers)],
    )
    cosines = similarities(connection, task, [row[0] for row in rows])
    near = [pattern_id for pattern_id, cosine in cosines.items() if cosine >= LEAST]
    return sorted(near, key=lambda pattern_id: (-cosines[pattern_id], pattern_id))[:limit]


class VectorMatrix(NamedTuple):
    """Vectors of one byte a value, in the order of the numbers of their texts."""

    numbers: "NDArray[np.int64]"
    scales: "NDArray[np.float32]"
    """What the values of a vector are multiplied with."""
    values: "NDArray[np.int8]"

    @property
    def last(self) -> int:
        """The number of its last text; 0 if there is none."""
        return int(self.numbers[-1]) if len(self.numbers) else 0


def _empty(task: EncodedTask) -> VectorMatrix:
    return _rounded([], [], task)


def _rounded(numbers: Sequence[int], vectors: Sequence[bytes], task: EncodedTask) -> VectorMatrix:
    import numpy as np

    exact = np.nan_to_num(_exact(vectors, task))
    scales = np.abs(exact).max(axis=1, initial=1e-6) / 127
    values = np.rint(exact / scales[:, None]).astype(np.int8)
    return VectorMatrix(np.array(numbers, dtype=np.int64), scales.astype(np.float32), values)


def _exact(vectors: Sequence[bytes], task: EncodedTask) -> "NDArray[np.float32]":
    import numpy as np

    values = np.frombuffer(b"".join(vectors), dtype=_VALUE)
    return values.reshape(len(vectors), len(task.vector) // 2).astype(np.float32)


def _asked(task: EncodedTask) -> "NDArray[np.float32]":
    import numpy as np

    return np.frombuffer(task.vector, dtype=_VALUE).astype(np.float32)


def _texts_after(connection: sqlite3.Connection, task: EncodedTask, last: int) -> VectorMatrix:
    rows = connection.execute(
        "SELECT number, vector FROM pattern_texts t"
        " CROSS JOIN pattern_vectors v ON v.sha256 = t.sha256 AND v.encoder = ?"
        " WHERE number > ? AND pattern_id <> '' AND length(vector) = ? ORDER BY number",
        [task.encoder, last, len(task.vector)],
    ).fetchall()
    return _rounded([row[0] for row in rows], [row[1] for row in rows], task)


def _joined(matrix: VectorMatrix, newer: VectorMatrix) -> VectorMatrix:
    import numpy as np

    if not matrix.last or not newer.last:
        return matrix if matrix.last else newer
    return VectorMatrix(
        np.concatenate((matrix.numbers, newer.numbers)),
        np.concatenate((matrix.scales, newer.scales)),
        np.concatenate((matrix.values, newer.values)),
    )


def _numbers_of(connection: sqlite3.Connection, project_id: str) -> list[int]:
    """The numbers of the texts of a project's patterns."""
    rows = connection.execute(
        "SELECT number FROM patterns p CROSS JOIN pattern_texts t ON t.pattern_id = p.id"
        " WHERE p.project_id = ?",
        [project_id],
    )
    return [row[0] for row in rows]


def _likely(
    matrix: VectorMatrix, task: EncodedTask, among: Sequence[int] | None, limit: int
) -> list[int]:
    """The numbers of the texts that are nearest by the matrix; `among` bounds them."""
    import numpy as np

    if not matrix.last:
        return []
    asked = _asked(task)
    cosines = np.concatenate(
        [
            matrix.values[start : start + _AT_ONCE].astype(np.float32) @ asked
            for start in range(0, len(matrix.values), _AT_ONCE)
        ]
    )
    cosines *= matrix.scales
    if among is not None:
        cosines[~np.isin(matrix.numbers, np.array(among, dtype=np.int64))] = -2
    count = min(limit, len(cosines))
    places = np.argpartition(-cosines, count - 1)[:count]
    return [int(number) for number in matrix.numbers[places[cosines[places] > -1]]]


# the matrix of a large store


def _file_of(connection: sqlite3.Connection, task: EncodedTask) -> Path:
    """The file for a store and an encoder."""
    database = connection.execute("PRAGMA database_list").fetchone()[2]
    return task.matrices / f"{hash_of(database + task.encoder)[:32]}.npy"


def _read_matrix(connection: sqlite3.Connection, task: EncodedTask) -> VectorMatrix:
    """The matrix as it was written last; empty if there is none, or it is not of this store.

    Texts that are gone by now do no harm: what the matrix points at is looked up in the store.
    """
    import numpy as np

    width = len(task.vector) // 2
    with suppress(OSError, ValueError, EOFError):
        raw = np.lib.format.open_memmap(_file_of(connection, task), mode="r")
        if raw.dtype == np.int8 and raw.ndim == 2 and raw.shape[1] == width + _HEAD:  # noqa: PLR2004
            heads = np.ascontiguousarray(raw[:, :_HEAD])
            matrix = VectorMatrix(
                numbers=heads[:, :8].copy().view("<i8").ravel(),
                scales=heads[:, 8:].copy().view("<f4").ravel(),
                values=np.asarray(raw)[:, _HEAD:],
            )
            if _is_of(connection, task, matrix):
                return matrix
    return _empty(task)


def _is_of(connection: sqlite3.Connection, task: EncodedTask, matrix: VectorMatrix) -> bool:
    """Whether samples of the matrix, as far as they are still there, are as the store has them.

    It is also not of this store if most of the samples are gone.
    """
    import numpy as np

    numbers = matrix.numbers
    if not matrix.last or bool((np.diff(numbers, prepend=0) <= 0).any()):
        return False
    places = np.linspace(0, len(numbers) - 1, _SAMPLES).astype(int)
    rows = connection.execute(
        "SELECT number, vector FROM json_each(?) CROSS JOIN pattern_texts t ON number = value"
        " CROSS JOIN pattern_vectors v ON v.sha256 = t.sha256 AND v.encoder = ?",
        [json.dumps(numbers[places].tolist()), task.encoder],
    ).fetchall()
    stored = _rounded([row[0] for row in rows], [row[1] for row in rows], task)
    there = np.searchsorted(numbers, stored.numbers)
    return len(rows) * 2 > _SAMPLES and bool(
        np.array_equal(matrix.values[there], stored.values)
        and np.array_equal(matrix.scales[there], stored.scales)
    )


def _write_matrix(matrix: VectorMatrix, file: Path) -> None:
    """Puts a matrix in place in one step; where that is not possible, the next search reads all."""
    import numpy as np

    rows = len(matrix.numbers)
    numbers = matrix.numbers.astype("<i8").view(np.int8).reshape(rows, 8)
    scales = matrix.scales.astype("<f4").view(np.int8).reshape(rows, 4)
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, name = tempfile.mkstemp(prefix=".new-", dir=file.parent)
        try:
            with os.fdopen(descriptor, "wb") as opened:
                np.save(opened, np.hstack([numbers, scales, matrix.values]), allow_pickle=False)
            Path(name).replace(file)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
