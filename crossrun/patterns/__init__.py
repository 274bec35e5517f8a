"""What runs teach: workflows learned, chosen, and credited with what they did.

Pure, but for the protocol below: what a run asks of pattern memory, and what it gets.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct

from crossrun.events import Channel, Event, PatternDecided
from crossrun.model.failures import Failure
from crossrun.model.requests import RunRequest
from crossrun.system.cancellation import CancelToken


class Person(Struct, frozen=True):
    """Whose machine this is; "" where it is not known."""

    home: str = ""
    user: str = ""


class Injection(NamedTuple):
    """What was decided, and the block that is injected; "" for none."""

    decided: PatternDecided
    block: str = ""


class Memory(Protocol):
    """Remembers what worked."""

    def decide(
        self, run_id: str | None, request: RunRequest, *, channel: Channel, top_files: Sequence[str]
    ) -> Injection:
        """One pattern or none for a run that begins; None: for one that would."""

    def get_ready(self) -> None:
        """Loads what the end of a run needs, while there is time."""

    def remember(
        self, run_id: str, request: RunRequest, failure: Failure | None, stop: CancelToken
    ) -> Iterator[Event | None]:
        """What a run teaches that is about to end, all of whose events so far it has yielded.

        Yields:
            Events, and None where what was yielded has to be stored before it goes on.
        """

    def credit(
        self, run_id: str, failure: Failure | None, *, seconds: float | None
    ) -> Iterator[Event | None]:
        """What a run that is about to end says about the pattern that was decided on.

        Args:
            run_id: the run, all of whose events so far it has yielded.
            failure: why it cannot succeed, if so.
            seconds: how long it has taken.
        """
