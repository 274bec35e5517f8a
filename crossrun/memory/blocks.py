"""The block that an agent gets of a pattern, and the reference folder that it names."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from crossrun.errors import CrossrunError
from crossrun.events import Event, decode
from crossrun.memory.references import ReferenceFile, ReferenceFolders
from crossrun.model.requests import MemoryOptions
from crossrun.model.runs import Run
from crossrun.model.workflows import Pattern, PatternFile, Workflow
from crossrun.patterns import Person
from crossrun.patterns.formats.block import TRANSCRIPT, Layout, block_of, with_examples
from crossrun.patterns.formats.block_text import rendered
from crossrun.patterns.formats.fingerprints import fingerprint
from crossrun.store import Store

ROOT_FILE = "PATTERN.md"
_MOST_NEIGHBOURS = 4
_MOST_EVENTS = 600
_LARGEST_PATCH = 200_000
_EVENTS = ("command_ran", "file_changed", "agent_spoke")


class PatternBlock(NamedTuple):
    """A pattern as an agent gets it."""

    text: str
    folder: Path | None
    """Where its files lie; None: it has none."""
    files: dict[str, ReferenceFile]
    """What lies there."""


def layout_of(options: MemoryOptions) -> Layout:
    """Form and bounds of the block, from the user's settings."""
    return Layout(form=options.form, max_steps=options.max_steps, max_tokens=options.max_tokens)


class BlockWriter:
    """Writes the blocks of patterns.

    Args:
        store: the ledger.
        references: the folders for the files of patterns.
        person: the user, whose names must not get into a transcript.
        layout: form and bounds.
    """

    def __init__(
        self, store: Store, references: ReferenceFolders, *, person: Person, layout: Layout
    ) -> None:
        self._store = store
        self._references = references
        self._person = person
        self._layout = layout

    def write(self, pattern: Pattern, near: Iterable[str]) -> PatternBlock:
        """The block of a pattern and the contents of its folder; nothing is written yet.

        Args:
            pattern: the pattern.
            near: ids of other patterns that are near the task, the nearest first.
        """
        from crossrun.patterns.retrieval.neighbours import not_for

        apart = not_for(_summary(pattern.workflow), list(self._summaries(pattern, near)))
        files = self._files(pattern.workflow)
        transcript = self._transcript(pattern.workflow) if files else ""
        if transcript:
            files[TRANSCRIPT] = ReferenceFile(transcript.encode())
        folder = self._folder(pattern, apart, files) if files else None
        text = rendered(
            block_of(
                pattern.id,
                pattern.version,
                pattern.workflow,
                layout=self._layout,
                not_for=apart,
                folder=str(folder or ""),
            )
        )
        if files:
            files[ROOT_FILE] = ReferenceFile(f"{text}\n".encode())
        return PatternBlock(text, folder, files)

    def lay(self, block: PatternBlock) -> None:
        """Writes the files of a block to the folder that it names."""
        if block.folder is not None:
            self._references.lay(block.folder, block.files)

    def _folder(self, pattern: Pattern, apart: str, files: dict[str, ReferenceFile]) -> Path:
        content = (pattern.id, pattern.version, fingerprint(pattern.workflow), apart, self._layout)
        stored = sorted((path, file.content, file.executable) for path, file in files.items())
        return self._references.folder(repr((content, stored)))

    def _summaries(self, pattern: Pattern, near: Iterable[str]) -> Iterator[str]:
        for pattern_id in islice((id_ for id_ in near if id_ != pattern.id), _MOST_NEIGHBOURS):
            other = self._store.patterns.find(pattern_id)
            if other is not None and other.family_id != pattern.family_id:
                yield _summary(other.workflow)

    def _files(self, workflow: Workflow) -> dict[str, ReferenceFile]:
        """The files of the pattern whose contents are in the store."""
        if not workflow.files:
            return {}
        contents = self._store.patterns.contents(file.sha256 for file in workflow.files)
        return {
            file.path: ReferenceFile(contents[file.sha256], file.executable)
            for file in workflow.files
            if file.sha256 in contents and _is_relative(file)
        }

    def _transcript(self, workflow: Workflow) -> str:
        """The run whose commands the block shows; "" if it is not in the ledger."""
        from crossrun.patterns.learning.redaction import Scrub
        from crossrun.patterns.learning.transcripts import transcript_of

        run = self._best_run(workflow)
        if run is None:
            return ""
        scrub = Scrub(
            self._person,
            run.workspace,
            reference=(run.pattern.folder or "") if run.pattern else "",
        )
        return transcript_of(run.task, self._events(run), self._patch(run), scrub)

    def _best_run(self, workflow: Workflow) -> Run | None:
        ids = (step.evidence[0].run_id for step in workflow.steps if step.evidence)
        run_id = next(ids, None)
        try:
            return self._store.read.run(run_id) if run_id else None
        except CrossrunError:
            return None

    def _events(self, run: Run) -> Iterator[Event]:
        stored = self._store.read.events(run.id, types=_EVENTS)
        return (decode(record.body) for record in islice(stored, _MOST_EVENTS))

    def _patch(self, run: Run) -> str:
        """The run's changes, from its artifacts; "" if they are gone."""
        for artifact in self._store.read.artifacts(run.id):
            if artifact.kind == "patch":
                try:
                    with Path(artifact.path).open("rb") as stream:
                        return stream.read(_LARGEST_PATCH).decode("utf-8", "replace")
                except OSError:
                    return ""
        return ""


def _summary(workflow: Workflow) -> str:
    return with_examples(workflow.summary, workflow.variables)


def _is_relative(file: PatternFile) -> bool:
    parts = file.path.split("/")
    reserved = file.path in (ROOT_FILE, TRANSCRIPT)
    return not reserved and "\0" not in file.path and not {"", ".", ".."} & set(parts)
