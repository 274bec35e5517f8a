"""Recording events: they are redacted, numbered, stamped, committed in groups, then passed on.

Nothing is shown before it is stored. A group is committed as soon as there is nothing more to read,
and after 50 ms at the latest, so that a calm run is stored event by event and a flood in bulk.
While another program keeps the store locked, the run waits, and the agent's output with it.
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
"""Seconds that a run waits for another program to unlock the store."""
_LOCKED = "STORE_LOCKED"
_LESSONS = (PatternLearned, PatternJudged)


class EventWriter:
    """Records the events of one run.

    Args:
        run_id: the run.
        redactor: removes secrets from every event.
        writer: writes to the store.
        patience: seconds to wait for another program to unlock the store.
        hurry: whether to stop waiting for that.
        clock: returns the time, as `now` does.
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

    def record(self, events: Generator[Event | None]) -> Generator[EventRecord | None]:
        """Stores events as they come and passes them on.

        Yields:
            Each event once it is committed; None when the run pauses.

        Raises:
            ConfigurationError: the store failed. The generator of events is closed, so no process
                is left, and the run is recorded as failed if that is possible.
        """
        try:
            for event in events:
                if event is not None:
                    self._add(event)
                if event is None or self._is_due():
                    yield from self._commit()
                if event is None:
                    yield None
            yield from self._commit()
        except BaseException as error:
            try:
                events.close()
            finally:
                self._end(error)
            raise
        finally:
            events.close()

    def _end(self, error: BaseException) -> None:
        """Ends a run that cannot continue, with the events that wait to be stored or without them.

        Closing the agent may have made room on the disk. If not, the next command will mark the run
        as interrupted.
        """
        if self._run is not None and self._run.ended:
            return
        ending = RunFinished(status=Status.FAILED, failure=_failure(error))
        waiting = sum(not isinstance(recorded.event, RunFinished) for recorded in self._group)
        self._patience = 0.0
        for count in (waiting, 0):
            self._keep_first(count)
            self._add(ending)
            with suppress(ConfigurationError, ValueError):  # ValueError: the run was never recorded
                self._commit()
                return

    def _keep_first(self, count: int) -> None:
        self._seq -= len(self._group) - count
        del self._group[count:], self._rows[count:]

    def _add(self, event: Event) -> None:
        body, redactions = self._redactor(encode(event))
        self._redactions += redactions
        if redactions:
            event = decode(body)
        if isinstance(event, RunFinished):
            event = msgspec.structs.replace(event, redactions=self._redactions)
            body = encode(event)
        if not self._group:
            self._group_began = time.monotonic()
        self._seq += 1
        self._at = max(self._at, self._clock())  # no event is older than the one before
        recorded = EventRecord(self._run_id, self._seq, self._at, event)
        self._group.append(recorded)
        self._rows.append(
            {
                "run_id": self._run_id,
                "seq": self._seq,
                "at": recorded.at,
                "type": type_of(event),
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
        artievents = [saved for saved in map(artifact, self._group) if saved]
        lessons = [recorded for recorded in self._group if isinstance(recorded.event, _LESSONS)]
        if run is not None:
            self._append(run, artievents, lessons)
        self._run = run
        group, self._group, self._rows = self._group, [], []
        return group

    def _append(self, run: Run, artievents: list[Artifact], lessons: list[EventRecord]) -> None:
        until = time.monotonic() + self._patience
        while True:
            try:
                self._writer.append(self._rows, run, artievents, lessons)
            except ConfigurationError as error:
                late = time.monotonic() >= until or self._hurry()
                if error.code != _LOCKED or late:
                    raise
            else:
                return


def _failure(error: BaseException) -> Failure:
    if isinstance(error, ConfigurationError):
        return Failure(
            "STORE_FAILED",
            f"the run was ended because it could not be recorded: {error.message}",
            error.hint,
            retryable=True,
        )
    why = "" if isinstance(error, GeneratorExit) else f": {type(error).__name__}: {error}"
    return Failure(
        "INTERNAL",
        f"crossrun itself failed during the run{why}",
        "this is a bug; run it again with --debug and report what it prints",
    )
