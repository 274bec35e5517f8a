"""Who decides on the next turn of the agent."""

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct

from crossrun.config.tasktypes import TaskType
from crossrun.model.failures import Failure
from crossrun.model.tokens import Tokens

Message = Mapping[str, Any]
"""A message of a conversation in the chat format."""


class StepReport(Struct, frozen=True):
    """What became of a step, as the planner gets to know it."""

    answer: str | None
    changed_files: tuple[str, ...]
    failed_commands: tuple[tuple[str, int | None, str], ...]
    """Command, exit code and the end of its output."""


class PlannerInput(Struct, frozen=True):
    """All that a planner decides from: it keeps nothing to itself, so any process can go on."""

    task: str
    task_type: TaskType
    reference: str = ""
    """The block of a pattern that fits, for those who plan by it."""
    messages: tuple[Message, ...] = ()
    """The planner's conversation so far, for planners that hold one."""
    reports: tuple[StepReport, ...] = ()
    """Of the steps carried out since the task was given."""


class PlannerDecision(Struct, frozen=True):
    """A planner's decision: the agent's next prompt, or None when the task is done.

    `sent` and `replies` are what was added to the planner's conversation, `failure` says why there
    is no going on with what it replied.
    """

    prompt: str | None
    sent: tuple[Message, ...] = ()
    replies: tuple[Message, ...] = ()
    tokens: Tokens | None = None
    failure: Failure | None = None


class Planner(Protocol):
    """Decides step by step."""

    def next_step(self, planner_input: PlannerInput) -> PlannerDecision:
        """The next step. May take long; it runs in a thread of its own.

        Raises:
            RunFailed: there is no going on.
        """
