"""Pattern memory: learning workflows from runs, retrieving and evaluating them.

Everything here is pure, apart from the protocol by which a run uses pattern memory.
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
    """The user of this machine; "" if unknown."""

    home: str = ""
    user: str = ""


class Injection(NamedTuple):
    """The decision, the block ("" for none), and the script that runs before the agent."""

    decided: PatternDecided
    block: str = ""
    script: "BoundScript | None" = None


class Memory(Protocol):
    """Pattern memory as a run sees it."""

    def decide(
        self,
        run_id: str | None,
        request: RunRequest,
        *,
        channel: Channel,
        top_files: Sequence[str],
        names: Sequence[str] = (),
    ) -> Injection:
        """Chooses a pattern, or none, for a run that begins.

        `run_id` is None for a dry run; `names` are the names of the files in the agent's folder.
        """

    def get_ready(self) -> None:
        """Loads in advance what the end of a run needs."""

    def remember(
        self, run_id: str, request: RunRequest, failure: Failure | None, stop: CancelToken
    ) -> Iterator[Event | None]:
        """Learns from a run that is about to end and has yielded all other events.

        Yields:
            Events, and None where the events so far have to be stored before the next step.
        """

    def credit(
        self, run_id: str, failure: Failure | None, *, seconds: float | None
    ) -> Iterator[Event | None]:
        """Judges the pattern of a run that is about to end.

        Args:
            run_id: the run, all of whose events so far it has yielded.
            failure: why it cannot succeed, or None.
            seconds: how long it has taken.
        """
