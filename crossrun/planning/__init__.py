"""Planners, which decide on the agent's next turn."""

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct

from crossrun.config.tasktypes import TaskType
from crossrun.model.failures import Failure
from crossrun.model.tokens import Tokens

Message = Mapping[str, Any]
"""A message of a conversation in the chat format."""


class StepReport(Struct, frozen=True):
    """The outcome of a step, as reported to the planner."""

    answer: str | None
    changed_files: tuple[str, ...]
    failed_commands: tuple[tuple[str, int | None, str], ...]
    """Command, exit code and the end of its output."""


class PlannerInput(Struct, frozen=True):
    """Everything a planner decides from. Planners keep no state, so any process can continue."""

    task: str
    task_type: TaskType
    reference: str = ""
    """The block of a matching pattern, for planners that use one."""
    messages: tuple[Message, ...] = ()
    """The planner's conversation so far, for planners that have one."""
    reports: tuple[StepReport, ...] = ()
    """The steps carried out since the task was given."""


class PlannerDecision(Struct, frozen=True):
    """A planner's decision: the agent's next prompt, or None when the task is done.

    `sent` and `replies` were added to the planner's conversation. `failure` says why its reply
    cannot be used.
    """

    prompt: str | None
    sent: tuple[Message, ...] = ()
    replies: tuple[Message, ...] = ()
    tokens: Tokens | None = None
    failure: Failure | None = None


class Planner(Protocol):
    """Decides on one step at a time."""

    def next_step(self, planner_input: PlannerInput) -> PlannerDecision:
        """Decides on the next step. May take long; it runs in a background thread.

        Raises:
            RunFailed: the run cannot continue.
        """
