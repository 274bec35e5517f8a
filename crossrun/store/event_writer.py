"""From facts to stored events: redacted, numbered, stamped, committed in groups, then passed on.

Nothing is shown that is not stored. A group is committed when nothing more is there to read, and
at the latest after 50 ms, so that a calm run is stored event by event and a flood in bulk. While
another program keeps the store locked, the run waits, and the agent's output with it.
"""

import time
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

import msgspec

from crossrun.errors import ConfigurationError
from crossrun.events import (
    Event,
    EventRecord,
    PatternJudged,
    PatternLearned,
    RunFinished,
    decode,
    encode,
    type_of,
)
from crossrun.model.failures import Failure
from crossrun.model.runs import Artifact, Run
from crossrun.model.status import Status
from crossrun.projections.run import advance, artifact
from crossrun.redaction import Redactor
from crossrun.store.writing import StoreWriter
from crossrun.system.clock import now

_LONGEST_WAIT = 0.05
_LARGEST_GROUP = 500
_PATIENCE = 300.0
"""Seconds that a run waits for another program to let go of the store."""
_LOCKED = "STORE_LOCKED"
_LESSONS = (PatternLearned, PatternJudged)


class EventWriter:
    """Records the events of one run.

    Args:
        run_id: the run.
        redactor: takes secrets out of every event.
        writer: writes to the store.
        patience: seconds to wait for another program to let go of the store.
        hurry: whether nobody wants to wait for it, or no more.
        clock: tells the time, as `now` does.
    """

    def __init__(
        self,
        run_id: str,
        redactor: Redactor,
        writer: StoreWriter,
        *,
        patience: float = _PATIENCE,
        hurry: Callable[[], bool] = lambda: False,
        clock: Callable[[], str] = now,
    ) -> None:
        self._run_id = run_id
        self._redactor = redactor
        self._writer = writer
        self._patience = patience
        self._hurry = hurry
        self._clock = clock
        self._run: Run | None = None
        self._seq = 0
        self._at = ""
        self._redactions = 0
        self._rows: list[dict[str, Any]] = []
        self._group: list[EventRecord] = []
        self._group_began = 0.0

    def record(self, facts: Generator[Event | None]) -> Generator[EventRecord | None]:
        """Stores facts as they come and passes them on.

        Yields:
            Each event once it is committed; None where the facts have a pause.

        Raises:
            ConfigurationError: the store failed. The facts are closed, so no process is left, and
                the run has an end if it could be stored.
        """
        try:
            for fact in facts:
                if fact is not None:
                    self._add(fact)
                if fact is None or self._is_due():
                    yield from self._commit()
                if fact is None:
                    yield None
            yield from self._commit()
        except BaseException as trouble:
            try:
                facts.close()
            finally:
                self._end(trouble)
            raise
        finally:
            facts.close()

    def _end(self, trouble: BaseException) -> None:
        """Ends a run that cannot go on: with what came before the trouble, or else without it.

        Closing the agent may have made room on the disk. If there is none, the run is found to be
        interrupted by the next command.
        """
        if self._run is not None and self._run.ended:
            return
        ending = RunFinished(status=Status.FAILED, failure=_failure(trouble))
        waiting = sum(not isinstance(told.event, RunFinished) for told in self._group)
        self._patience = 0.0
        for kept in (waiting, 0):
            self._keep_first(kept)
            self._add(ending)
            with suppress(ConfigurationError, ValueError):  # ValueError: the run never began
                self._commit()
                return

    def _keep_first(self, count: int) -> None:
        self._seq -= len(self._group) - count
        del self._group[count:], self._rows[count:]

    def _add(self, fact: Event) -> None:
        body, found = self._redactor(encode(fact))
        self._redactions += found
        if found:
            fact = decode(body)
        if isinstance(fact, RunFinished):
            fact = msgspec.structs.replace(fact, redactions=self._redactions)
            body = encode(fact)
        if not self._group:
            self._group_began = time.monotonic()
        self._seq += 1
        self._at = max(self._at, self._clock())  # no event is older than the one before
        recorded = EventRecord(self._run_id, self._seq, self._at, fact)
        self._group.append(recorded)
        self._rows.append(
            {
                "run_id": self._run_id,
                "seq": self._seq,
                "at": recorded.at,
                "type": type_of(fact),
                "body": body,
            }
        )

    def _is_due(self) -> bool:
        waited = time.monotonic() - self._group_began
        return bool(self._group) and (waited >= _LONGEST_WAIT or len(self._group) >= _LARGEST_GROUP)

    def _commit(self) -> list[EventRecord]:
        if not self._group:
            return []
        run = self._run
        for recorded in self._group:
            run = advance(run, recorded)
        artifacts = [saved for saved in map(artifact, self._group) if saved]
        lessons = [told for told in self._group if isinstance(told.event, _LESSONS)]
        if run is not None:
            self._append(run, artifacts, lessons)
        self._run = run
        group, self._group, self._rows = self._group, [], []
        return group

    def _append(self, run: Run, artifacts: list[Artifact], lessons: list[EventRecord]) -> None:
        until = time.monotonic() + self._patience
        while True:
            try:
                self._writer.append(self._rows, run, artifacts, lessons)
            except ConfigurationError as error:
                late = time.monotonic() >= until or self._hurry()
                if error.code != _LOCKED or late:
                    raise
            else:
                return


def _failure(trouble: BaseException) -> Failure:
    if isinstance(trouble, ConfigurationError):
        return Failure(
            "STORE_FAILED",
            f"the run was ended because it could not be recorded: {trouble.message}",
            trouble.hint,
            retryable=True,
        )
    why = "" if isinstance(trouble, GeneratorExit) else f": {type(trouble).__name__}: {trouble}"
    return Failure(
        "INTERNAL",
        f"crossrun itself failed while the run went on{why}",
        "this is a bug; run it again with --debug and report what it prints",
    )
