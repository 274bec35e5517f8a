"""Executors, which carry out the agent's turns."""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from crossrun.events import AgentEvent, Channel
from crossrun.executors.descent import Tracking
from crossrun.model.failures import Failure
from crossrun.model.tokens import NO_TOKENS, Tokens
from crossrun.system.cancellation import CancelToken

if TYPE_CHECKING:
    from crossrun.patterns.compiling.values import BoundScript


class TurnRequest(Struct, frozen=True):
    """One turn of work for an agent, at the top of the `workspace` or in a `subfolder` of it.

    `prompt` is sent unchanged; `instructions` go with it, by `channel`. `thread_id` continues an
    earlier turn, whose thread had used `thread_tokens`. `deadline` is a time of the monotonic
    clock; `idle_timeout` is in seconds and counts only while no command runs. `limit` returns the
    failure if the agent has to end now because of what it has used. `keep` stores each raw line of
    the agent in the transcript. `tracking` says how the agent's processes are found again.
    `script` is what the executor of compiled patterns runs.
    """

    run_id: str
    workspace: Path
    prompt: str
    instructions: str
    channel: Channel
    stop: CancelToken
    keep: Callable[[bytes], None]
    thread_id: str | None = None
    thread_tokens: Tokens = NO_TOKENS
    deadline: float | None = None
    idle_timeout: float | None = None
    limit: Callable[[], Failure | None] = lambda: None
    tracking: Tracking = Tracking()
    subfolder: str = ""
    script: "BoundScript | None" = None

    @property
    def folder(self) -> Path:
        """Where the agent is started."""
        return self.workspace / self.subfolder


class TurnResult(Struct, frozen=True):
    """How a turn ended; it completed if `failure` is None."""

    failure: Failure | None = None
    exit_code: int | None = None
    """Of the agent's process, as the operating system reports it."""


class Executor(Protocol):
    """One kind of agent.

    `execute` yields what the agent does while it does it, and None whenever there is nothing more
    to read, so that listeners can catch up. It leaves no process behind, however it ends.
    """

    def version(self) -> str | None:
        """The version of the agent's program, if it has one."""

    def model(self) -> str | None:
        """The agent's model, if it is known beforehand."""

    def channel(self, folder: Path, *, resumed: bool) -> Channel:
        """How instructions reach the agent that works in a folder."""

    def command(self, turn: TurnRequest) -> list[str]:
        """The exact argument list for a turn; empty if there is no process."""

    def execute(self, turn: TurnRequest) -> Generator[AgentEvent | None, None, TurnResult]:
        """Carries the turn out; the generator returns the result."""
