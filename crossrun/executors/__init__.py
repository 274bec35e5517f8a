"""Who carries a step out. An executor carries out one turn and yields what the agent does."""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from crossrun.events import AgentEvent, Channel
from crossrun.executors.descent import Tracking
from crossrun.model.failures import Failure
from crossrun.model.tokens import NO_TOKENS, Tokens
from crossrun.system.cancellation import CancelToken


class TurnRequest(Struct, frozen=True):
    """One turn of work for an agent, at the top of the `workspace` or in a `subfolder` of it.

    `prompt` is sent as it is; `instructions` go beside it by `channel`. `thread_id` continues an
    earlier turn, whose thread had used `thread_tokens`. `deadline` is a time of the monotonic
    clock, `idle_timeout` is in seconds and counts only while no command runs. `limit` tells why
    the agent has to end now because of what it has used, if so. `keep` takes each raw line of the
    agent for the transcript. `tracking` says how the agent's processes are found again.
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

    @property
    def folder(self) -> Path:
        """Where the agent is started."""
        return self.workspace / self.subfolder


class TurnResult(Struct, frozen=True):
    """How a turn ended: well when `failure` is None."""

    failure: Failure | None = None
    exit_code: int | None = None
    """Of the agent's process, as the operating system tells it."""


class Executor(Protocol):
    """One kind of agent.

    `execute` yields what the agent does as it does it, and None whenever nothing more is there to
    read: the moment for whoever listens to catch up. It leaves no process behind, however it ends.
    """

    def version(self) -> str | None:
        """The version of the agent's program, where it has one."""

    def model(self) -> str | None:
        """The model that the agent works with, where that is known beforehand."""

    def channel(self, folder: Path, *, resumed: bool) -> Channel:
        """How instructions reach the agent that works in a folder."""

    def command(self, turn: TurnRequest) -> list[str]:
        """The exact argument list for a turn; empty where there is no process."""

    def execute(self, turn: TurnRequest) -> Generator[AgentEvent | None, None, TurnResult]:
        """Carries the turn out; the generator returns the result."""
