"""What a run is doing at the moment, for the status line."""

from collections.abc import Callable

from msgspec import Struct, field

from crossrun.events import (
    AgentLaunched,
    CommandDeclined,
    CommandRan,
    CommandStarted,
    CopyProgressed,
    EventRecord,
    PlannerReplied,
    RunDequeued,
    RunQueued,
    RunStarted,
    SnapshotProgressed,
    StepFinished,
    StepPlanned,
    TurnStarted,
    UsageReported,
    WaitBegan,
    WorkspaceChanged,
)
from crossrun.model.tokens import NO_TOKENS, Tokens
from crossrun.system.clock import monotonic
from crossrun.system.commandlines import bare_command
from crossrun.views.words import clock, count, moment, short_command


class RunProgress(Struct):
    """Follows events and reports stage, time, idle time, running command and tokens."""

    now: Callable[[], float] = monotonic
    stage: str = "starting"
    tokens: Tokens = NO_TOKENS
    commands: int = 0
    failed_commands: int = 0
    _running: list[str] = field(default_factory=list)
    _began: float = 0.0
    _last_event: float = 0.0

    def __post_init__(self) -> None:
        self._began = self._last_event = self.now()

    def see(self, recorded: EventRecord) -> None:
        """Takes an event into account."""
        self._last_event = self.now()
        match recorded.event:
            case RunStarted() | RunDequeued():
                self.stage = "preparing"
            case CopyProgressed():
                self.stage = "copying"
            case SnapshotProgressed():
                self.stage = "recording the state"
            case RunQueued():
                self.stage = "queued"
            case WaitBegan(until=until):
                self.stage = f"waiting for quota until {moment(until)}"
            case PlannerReplied() | StepFinished():
                self.stage = "planning"
            case StepPlanned() | AgentLaunched():
                self.stage = "starting the agent"
            case TurnStarted():
                self.stage = "executing"
            case CommandStarted(command=command):
                self.stage = "executing"
                self._running.append(command)
            case CommandRan(command=command, exit_code=code):
                self.commands += 1
                self.failed_commands += code != 0
                self._no_longer(command)
            case CommandDeclined(command=command):
                self._no_longer(command)
            case UsageReported(tokens=tokens):
                self.tokens += tokens or NO_TOKENS
            case WorkspaceChanged():
                self.stage = "finishing"
            case _:
                pass

    def _no_longer(self, command: str) -> None:
        if command in self._running:
            self._running.remove(command)

    def line(self) -> str:
        """`executing · 1:42 · last event 2s ago · 12.4k tokens in (9.1k cached), 1.1k out`."""
        idle = int(self.now() - self._last_event)
        parts = [self.stage, clock(self.now() - self._began), f"last event {idle}s ago"]
        if self.tokens.total:
            tokens_in = (
                f"{count(self.tokens.input)} tokens in ({count(self.tokens.cached_input)} cached)"
            )
            parts.append(f"{tokens_in}, {count(self.tokens.output)} out")
        if self._running:
            parts.append(f"$ {short_command(bare_command(self._running[-1]))}")
        return " · ".join(parts)
