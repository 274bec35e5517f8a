"""Runs that the real memory learns from, recorded in a store without starting anything."""

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from crossrun.config.settings import Paths
from crossrun.config.sources import load
from crossrun.config.tasktypes import load as load_task_type
from crossrun.events import (
    CommandRan,
    Event,
    FileChanged,
    PatternDecided,
    ProofAssessed,
    RunFinished,
    RunStarted,
    StepPlanned,
    WorkspacePrepared,
)
from crossrun.memory import StoredMemory
from crossrun.model.failures import Failure
from crossrun.model.requests import RunRequest
from crossrun.model.status import Status
from crossrun.patterns import Person
from crossrun.redaction import Redactor
from crossrun.store import Store
from crossrun.system.cancellation import CancelToken


class Ledger:
    """A store with its memory.

    Args:
        folder: where it is, and the workspaces of its runs.
        paths: where it is, if somewhere else.
    """

    def __init__(self, folder: Path, paths: Paths | None = None) -> None:
        self._folder = folder
        paths = paths or load(flags={}, environ={}, cwd=folder, home=folder / "home").paths
        self.database = paths.database
        self.store = Store(paths)
        self.store.open_for_writing()
        task_type = load_task_type("code", folder)
        self._memory = StoredMemory(
            self.store,
            task_type,
            person=Person(),
            path="/usr/bin:/bin",
            redactor=Redactor(),
            references=paths.references,
        )

    def learn(
        self,
        task: str,
        did: Sequence[Any],
        *,
        shown: str | None = None,
        decision: str = "injected",
        failure: Failure | None = None,
        top_files: tuple[str, ...] = (),
        grade: str | None = None,
    ) -> str:
        """A run that was asked for this and did that; its id.

        Args:
            task: what was asked for.
            did: commands, with their exit code after a tab, or `{write, content}`.
            shown: the pattern that was decided on.
            decision: how.
            failure: why it did not succeed.
            top_files: the marker files in its workspace.
            grade: that of its proof.
        """
        request = RunRequest(task=task)
        with self.store.owning() as run_id:
            folder = self.workspace(run_id)

            def events() -> Generator[Event | None]:
                folder.mkdir()
                yield RunStarted(request=request, workspace=str(folder), crossrun_version="0")
                yield WorkspacePrepared(path=str(folder), baseline="0" * 40, top_files=top_files)
                yield self._decided(shown, decision)
                yield StepPlanned(prompt=task)
                yield from _done(did, folder)
                if grade is not None:
                    yield ProofAssessed(grade=grade)
                yield None
                yield from self._memory.remember(run_id, request, failure, CancelToken())
                status = Status.SUCCEEDED if failure is None else Status.FAILED
                yield RunFinished(status=status, failure=failure)

            for _ in self.store.recording(run_id, events(), Redactor()):
                pass
        return run_id

    def workspace(self, run_id: str) -> Path:
        """The folder of a run."""
        return self._folder / run_id

    def pattern_of(self, run_id: str) -> str:
        """The pattern that a run taught."""
        pattern_id = self.store.patterns.learned_from(run_id)
        assert pattern_id is not None
        return pattern_id

    def members(self) -> dict[str, tuple[str, ...]]:
        """The runs of each pattern."""
        lessons = self.store.patterns.lessons()
        return {
            pattern_id: tuple(one.run_id for one in lessons if one.pattern_id == pattern_id)
            for pattern_id in sorted({one.pattern_id for one in lessons})
        }

    def _decided(self, shown: str | None, decision: str) -> PatternDecided:
        if shown is None:
            return PatternDecided(decision="abstained", reason="", probability=1.0, channel="none")
        pattern = self.store.patterns.exactly(shown)
        return PatternDecided(
            decision=decision,
            reason="",
            probability=0.7,
            channel="developer",
            pattern_id=pattern.id,
            version=pattern.version,
            hash=pattern.hash,
            family_id=pattern.family_id,
        )


def _done(did: Sequence[Any], folder: Path) -> Iterator[Event]:
    for step in did:
        if isinstance(step, str):
            command, _, code = step.partition("\t")
            yield CommandRan(command=command, exit_code=int(code or 0))
        else:
            file = folder / step["write"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(step["content"])
            yield FileChanged(path=step["write"], change="added")
