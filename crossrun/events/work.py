"""What the planner and the agent do."""

from typing import Any, Literal

import msgspec

from crossrun.events.base import BaseEvent, Channel
from crossrun.model.failures import Failure
from crossrun.model.tokens import Tokens


class PlannerReplied(BaseEvent, frozen=True):
    """One exchange with the planning model.

    `sent` are the messages added to the conversation before the call, `reply` is the model's
    answer, both in the chat format: together they are enough to continue the conversation later.
    """

    sent: tuple[dict[str, Any], ...]
    reply: dict[str, Any]


class StepPlanned(BaseEvent, frozen=True):
    """The next turn of the agent: `prompt` is sent unchanged.

    `instructions` reach the agent besides the prompt, by `channel`. `number` counts the steps of a
    planning model from 1; 0: there is none, and the prompt is the task.
    """

    prompt: str
    instructions: str = ""
    channel: Channel = "none"
    number: int = 0


class AgentLaunched(BaseEvent, frozen=True):
    """The agent's process was started; `command` is the exact argument list without secrets."""

    command: tuple[str, ...]
    version: str | None = None


class ThreadStarted(BaseEvent, frozen=True):
    """The agent named its conversation; a resumed one repeats its id."""

    thread_id: str


class TurnStarted(BaseEvent, frozen=True):
    """The agent began to work on the prompt."""


class TurnFailed(BaseEvent, frozen=True):
    """The agent gave up its turn; `message` is its own explanation."""

    message: str


class AgentSpoke(BaseEvent, frozen=True):
    """A message of the agent. The last one in a run is the answer."""

    text: str


class AgentReasoned(BaseEvent, frozen=True):
    """A summary of the agent's reasoning."""

    text: str


class ItemStarted(BaseEvent, frozen=True):
    """The agent began something other than a command; `kind` is the agent's own term."""

    kind: str
    detail: str = ""


class CommandStarted(BaseEvent, frozen=True):
    """A command started."""

    command: str


class CommandRan(BaseEvent, frozen=True):
    """A command ended. `exit_code` is None if it was refused or did not exit by itself.

    `output` is stdout and stderr merged; `duration_s` is in seconds, measured from outside.
    """

    command: str
    exit_code: int | None = None
    output: str = ""
    duration_s: float | None = None


class CommandDeclined(BaseEvent, frozen=True):
    """A command of the agent was refused and did not start."""

    command: str


class FileChanged(BaseEvent, frozen=True):
    """The agent wrote a file with its patch tool. Files written by commands have no such event.

    `path` is relative to the workspace if it is inside. `content` is the id of the git blob, in the
    run's snapshots, with the new content of the file; it makes the run replayable.
    """

    path: str
    change: Literal["added", "modified", "deleted"]
    ok: bool = True
    content: str | None = None

    @classmethod
    def of(cls, path: str, change: str, *, ok: bool) -> "FileChanged":
        """A change by its name. Raises ValueError for an unknown one."""
        match change:
            case "added" | "modified" | "deleted":
                return cls(path=path, change=change, ok=ok)
            case _:
                raise ValueError(change)


class ToolCalled(BaseEvent, frozen=True):
    """The agent used another tool: an MCP server, a web search, a sub-agent."""

    tool: str
    arguments: Any = None
    result: Any = None
    error: str | None = None


class PlanItem(msgspec.Struct, frozen=True):
    """One line of the agent's plan."""

    text: str
    completed: bool


class PlanUpdated(BaseEvent, frozen=True):
    """The agent's own plan, whole."""

    items: tuple[PlanItem, ...]


class UsageReported(BaseEvent, frozen=True):
    """Tokens used since the last report of the same `source`.

    `thread_total` is the agent's own figure: the sum over its thread; None if it gave none. `cost`
    is what the tokens cost, if the model's price is known.
    """

    source: Literal["agent", "planner"]
    tokens: Tokens | None = None
    thread_total: Tokens | None = None
    cost: float | None = None


class Warned(BaseEvent, frozen=True):
    """A problem that did not end the run."""

    message: str


class Unrecognised(BaseEvent, frozen=True):
    """A line of the agent that crossrun does not understand, kept unchanged.

    `bytes` is the length of the whole line if `raw` has only its beginning. `kind` is the type that
    the line gives itself, such as `item.completed poem`.
    """

    raw: str
    bytes: int | None = None
    kind: str | None = None


class WaitBegan(BaseEvent, frozen=True):
    """The run waits for a provider's quota until `until` (ISO-8601, UTC), then tries again."""

    until: str
    reason: str


class StepFinished(BaseEvent, frozen=True):
    """The agent's process has ended. `failure` is None if its turn completed."""

    failure: Failure | None = None
    agent_exit_code: int | None = None
    """As the operating system reports it; negative for the signal that ended it."""
