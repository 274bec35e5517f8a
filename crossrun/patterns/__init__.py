"""What runs teach: workflows learned, chosen, and credited with what they did.

Pure, but for the protocol below: what a run asks of pattern memory, and what it gets.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from msgspec import Struct

from crossrun.events import Channel, Event, PatternDecided
from crossrun.model.failures import Failure
from crossrun.model.requests import RunRequest
from crossrun.system.cancellation import CancelToken

if TYPE_CHECKING:
    from crossrun.patterns.compiling.values import BoundScript


class Person(Struct, frozen=True):
    """Whose machine this is; "" where it is not known."""

    home: str = ""
    user: str = ""


class Injection(NamedTuple):
    """What was decided, the block ("" for none), and the script that runs before the agent."""

    decided: PatternDecided
    block: str = ""
    script: "BoundScript | None" = None


class Memory(Protocol):
    """Remembers what worked."""

    def decide(
        self,
        run_id: str | None,
        request: RunRequest,
        *,
        channel: Channel,
        top_files: Sequence[str],
        names: Sequence[str] = (),
    ) -> Injection:
        """One pattern or none for a run that begins; None: for one that would.

        `names` are those of the files that it begins with, where the agent works.
        """

    def get_ready(self) -> None:
        """Loads what the end of a run needs, while there is time."""

    def remember(
        self, run_id: str, request: RunRequest, failure: Failure | None, stop: CancelToken
    ) -> Iterator[Event | None]:
        """What a run teaches that is about to end, all of whose events so far it has yielded.

        Yields:
            Events, and None where the events so far have to be stored before the next step.
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
