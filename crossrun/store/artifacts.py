"""Files that outlive a run: redacted, in a folder outside of the workspace."""

import gzip
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from crossrun.events import ArtifactSaved
from crossrun.redaction import Redactor
from crossrun.system.folders import make_private

_CHUNK = 1024 * 1024


class Archives:
    """The artifacts of all runs, in a folder for each run."""

    def __init__(self, root: Path, redactor: Redactor) -> None:
        self._root = root
        self._redactor = redactor

    def of(self, project_folder: str, run_id: str) -> "Archive":
        """The artifacts of one run."""
        return Archive(self._root / project_folder / run_id, run_id, self._redactor)


class Archive:
    """The artifacts of one run.

    Args:
        folder: where they go; made with the first one.
        run_id: the run; artifact ids begin with it.
        redactor: removes secrets from everything that is saved.
    """

    def __init__(self, folder: Path, run_id: str, redactor: Redactor) -> None:
        self._folder = folder
        self._run_id = run_id
        self._redactor = redactor
        self._count = 0
        self._transcript: int | None = None
        self._transcript_redactions = 0

    def keep_line(self, line: bytes) -> None:
        """Appends a raw line of the agent to the transcript, at once."""
        if self._transcript is None:
            self._transcript = self._create("transcript.jsonl")
        text, redactions = self._redactor(line.decode("utf-8", "surrogateescape"))
        self._transcript_redactions += redactions
        rest = text.encode("utf-8", "surrogateescape") if redactions else line
        while rest:  # on a disk that becomes full, a part is written first, without an error
            rest = rest[os.write(self._transcript, rest) :]

    def close_transcript(self) -> ArtifactSaved | None:
        """Compresses the transcript if there is room; None if there were no lines."""
        if self._transcript is None:
            return None
        os.close(self._transcript)
        self._transcript = None
        plain = self._folder / "transcript.jsonl"
        try:
            with (
                plain.open("rb") as lines,
                self._whole("transcript.jsonl.gz") as packed,
                _gzip(packed) as compressed,
            ):
                shutil.copyfileobj(lines, compressed, _CHUNK)
        except OSError:
            return self._saved("transcript", "transcript.jsonl", self._transcript_redactions)
        plain.unlink()
        return self._saved("transcript", "transcript.jsonl.gz", self._transcript_redactions)

    def save(self, kind: str, name: str, content: bytes) -> ArtifactSaved:
        """Saves a text."""
        text, redactions = self._redactor(content.decode("utf-8", "surrogateescape"))
        with self._whole(name) as file:
            file.write(text.encode("utf-8", "surrogateescape"))
        return self._saved(kind, name, redactions)

    def register(self, kind: str, name: str, path: Path, content: IO[bytes]) -> ArtifactSaved:
        """Registers a file that stays where it is; `content` is that file, opened."""
        return self._event(kind, name, path, content, 0)

    @contextmanager
    def _whole(self, name: str) -> Iterator[IO[bytes]]:
        """A new file, which is removed if it cannot be written completely."""
        try:
            with os.fdopen(self._create(name), "wb") as file:
                yield file
        except OSError:
            (self._folder / name).unlink(missing_ok=True)
            raise

    def _create(self, name: str) -> int:
        make_private(self._folder)
        return os.open(self._folder / name, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)

    def _saved(self, kind: str, name: str, redactions: int) -> ArtifactSaved:
        path = self._folder / name
        with path.open("rb") as content:
            return self._event(kind, name, path, content, redactions)

    def _event(
        self, kind: str, name: str, path: Path, content: IO[bytes], redactions: int
    ) -> ArtifactSaved:
        self._count += 1
        digest, size = hashlib.sha256(), 0
        while piece := content.read(_CHUNK):
            digest.update(piece)
            size += len(piece)
        return ArtifactSaved(
            id=f"{self._run_id}-{self._count}",
            kind=kind,
            name=name,
            path=str(path),
            size=size,
            sha256=digest.hexdigest(),
            redactions=redactions,
        )


def _gzip(file: IO[bytes]) -> gzip.GzipFile:
    return gzip.GzipFile(fileobj=file, mode="wb", filename="", mtime=0)
