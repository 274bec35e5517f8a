"""What planner and agent do."""

from typing import Any, Literal

import msgspec

from crossrun.events.base import BaseEvent, Channel
from crossrun.model.failures import Failure
from crossrun.model.tokens import Tokens


class PlannerReplied(BaseEvent, frozen=True):
    """One exchange with the planning model.

    `sent` are the messages added to the conversation before the call, `reply` the model's answer,
    both in the chat format: together they are enough to go on with the conversation later.
    """

    sent: tuple[dict[str, Any], ...]
    reply: dict[str, Any]


class StepPlanned(BaseEvent, frozen=True):
    """The next turn of the agent: `prompt` is sent as it is.

    `instructions` go to the agent beside the prompt, by `channel`.
    """

    prompt: str
    instructions: str = ""
    channel: Channel = "none"


class AgentLaunched(BaseEvent, frozen=True):
    """The agent's process was started; `command` is the exact argument list, secrets aside."""

    command: tuple[str, ...]
    version: str | None = None


class ThreadStarted(BaseEvent, frozen=True):
    """The agent named its conversation; a resumed one repeats its id."""

    thread_id: str


class TurnStarted(BaseEvent, frozen=True):
    """The agent began to work on the prompt."""


class TurnFailed(BaseEvent, frozen=True):
    """The agent gave up its turn; `message` in its own words."""

    message: str


class AgentSpoke(BaseEvent, frozen=True):
    """A message of the agent. The last one of a run is its answer."""

    text: str


class AgentReasoned(BaseEvent, frozen=True):
    """A summary of what the agent thought."""

    text: str


class ItemStarted(BaseEvent, frozen=True):
    """The agent began something other than a command; `kind` in the agent's own terms."""

    kind: str
    detail: str = ""


class CommandStarted(BaseEvent, frozen=True):
    """A command runs."""

    command: str


class CommandRan(BaseEvent, frozen=True):
    """A command ended. `exit_code` is None when it was refused or never ended by itself.

    `output` is stdout and stderr merged; `duration_s` in seconds as seen from outside.
    """

    command: str
    exit_code: int | None = None
    output: str = ""
    duration_s: float | None = None


class CommandDeclined(BaseEvent, frozen=True):
    """The agent wanted to run a command and was refused; it never started."""

    command: str


class FileChanged(BaseEvent, frozen=True):
    """The agent wrote a file by its patch tool. Shell commands that write files do not say so.

    `path` is relative to the workspace where it lies inside. `content` is the id of the git blob in
    the run's snapshot that holds the file as it was left, which makes the run replayable.
    """

    path: str
    change: Literal["added", "modified", "deleted"]
    ok: bool = True
    content: str | None = None

    @classmethod
    def of(cls, path: str, change: str, *, ok: bool) -> "FileChanged":
        """A change named by an agent's own word; raises ValueError for an unknown one."""
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

    `thread_total` is what the agent itself reports: the sum over its thread. None: it did not say.
    `cost` is what the tokens cost where the model's price is known.
    """

    source: Literal["agent", "planner"]
    tokens: Tokens | None = None
    thread_total: Tokens | None = None
    cost: float | None = None


class Warned(BaseEvent, frozen=True):
    """Something to know that did not end the run."""

    message: str


class Unrecognised(BaseEvent, frozen=True):
    """A line of the agent that crossrun does not understand, kept as it came.

    `bytes` is the length of the whole line where `raw` holds only its beginning. `kind` is what the
    line calls itself, such as `item.completed poem`, where it does so.
    """

    raw: str
    bytes: int | None = None
    kind: str | None = None


class WaitBegan(BaseEvent, frozen=True):
    """The run waits for a provider's quota until `until` (ISO-8601, UTC), then tries again."""

    until: str
    reason: str


class StepFinished(BaseEvent, frozen=True):
    """The agent's process is over. `failure` is None when its turn completed."""

    failure: Failure | None = None
    agent_exit_code: int | None = None
    """As the operating system tells it; negative: the signal that ended it."""
