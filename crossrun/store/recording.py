"""From facts to stored events: redacted, numbered, stamped, committed in groups, then passed on.

Nothing is shown that is not stored. A group is committed when nothing more is there to read, and
at the latest after 50 ms, so that a calm run is stored event by event and a flood in bulk.
"""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from crossrun.clock import now
from crossrun.errors import ConfigurationError
from crossrun.events import (
    Event,
    PatternJudged,
    PatternLearned,
    Recorded,
    RunFinished,
    decode,
    encode,
)
from crossrun.ledger import advance, artifact
from crossrun.redaction import Redactor
from crossrun.runs import Run

if TYPE_CHECKING:
    from crossrun.store.writing import Writer

_LONGEST_WAIT = 0.05
_LARGEST_GROUP = 500
_LESSONS = (PatternLearned, PatternJudged)


class Recording:
    """One run's way into the store.

    Args:
        run_id: the run.
        redactor: takes secrets out of every event.
        writer: makes the connection that writes; called with the first group.
        run: the run as far as it is stored already.
        last_seq: the number of its newest event.
        redactions: how many secrets were removed from what is stored.
    """

    def __init__(
        self,
        run_id: str,
        redactor: Redactor,
        writer: "Callable[[], Writer]",
        *,
        run: Run | None = None,
        last_seq: int = 0,
        redactions: int = 0,
    ) -> None:
        self._run_id = run_id
        self._redactor = redactor
        self._writer = writer
        self._run = run
        self._seq = last_seq
        self._redactions = redactions
        self._rows: list[dict[str, Any]] = []
        self._group: list[Recorded] = []
        self._group_began = 0.0

    def record(self, facts: Generator[Event | None]) -> Iterator[Recorded | None]:
        """Stores facts as they come and passes them on.

        Yields:
            Each event once it is committed; None where the facts have a pause.

        Raises:
            ConfigurationError: the store failed. The facts are closed, so no process is left.
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
        except Exception:
            with suppress(ConfigurationError):
                self._commit()  # what came before the trouble is not lost with it
            raise
        finally:
            facts.close()

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
        recorded = Recorded(self._run_id, self._seq, now(), fact)
        self._group.append(recorded)
        self._rows.append(
            {
                "run_id": self._run_id,
                "seq": self._seq,
                "at": recorded.at,
                "type": fact.__struct_config__.tag,
                "body": body,
            }
        )

    def _is_due(self) -> bool:
        waited = time.monotonic() - self._group_began
        return bool(self._group) and (waited >= _LONGEST_WAIT or len(self._group) >= _LARGEST_GROUP)

    def _commit(self) -> list[Recorded]:
        if not self._group:
            return []
        run = self._run
        for recorded in self._group:
            run = advance(run, recorded)
        artifacts = [saved for saved in map(artifact, self._group) if saved]
        lessons = [told for told in self._group if isinstance(told.event, _LESSONS)]
        if run is not None:
            self._writer().append(self._rows, run, artifacts, lessons)
        self._run = run
        group, self._group, self._rows = self._group, [], []
        return group
