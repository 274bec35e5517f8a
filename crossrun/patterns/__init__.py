"""What runs teach: workflows learned, chosen, and credited with what they did.

Pure, but for the protocol below: what a run asks of pattern memory, and what it gets.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from crossrun.events import Channel, Event, PatternDecided
from crossrun.failures import Failure
from crossrun.runs import RunRequest


class Injection(NamedTuple):
    """What was decided, and the block that is injected; "" for none."""

    decided: PatternDecided
    block: str = ""


class Memory(Protocol):
    """Remembers what worked."""

    def decide(
        self, run_id: str, request: RunRequest, *, channel: Channel, top_files: Sequence[str]
    ) -> Injection:
        """One pattern or none for a run that begins."""

    def remember(
        self, run_id: str, request: RunRequest, failure: Failure | None
    ) -> Iterator[Event | None]:
        """What a run teaches that is about to end, all of whose events so far it has yielded.

        Yields:
            Events, and None where what was yielded has to be stored before it goes on.
        """
