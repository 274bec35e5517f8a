"""What can go wrong, in words for people and codes for scripts.

Two shapes, on purpose: a `Failure` is a value, recorded with a run that did not succeed; a
`CrossrunError` is raised when a command cannot do what it was asked to, and becomes
`error[CODE]: message` and `hint: ...` at the command line's edge.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar


class Exit(IntEnum):
    """Exit codes of the program; scripts rely on them."""

    OK = 0
    RUN_FAILED = 1
    USAGE = 2
    CONFIGURATION = 3
    AUTHENTICATION = 4
    PROVIDER = 5
    NOT_FOUND = 6
    LIMIT_REACHED = 7
    STILL_RUNNING = 8
    VERIFY_FAILED = 9
    CANCELLED = 10
    INTERNAL = 70
    TIMED_OUT = 124
    SIGNAL_BASE = 128
    """Plus the signal's number, when a signal ended the command (130 for Ctrl-C)."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run did not succeed.

    `code` is one of `FAILURES`; `message` says what happened in one sentence, `hint` what to do;
    `retryable` is true when the same run may well succeed later, unchanged.
    """

    code: str
    message: str
    hint: str
    retryable: bool = False


FAILURES: dict[str, tuple[str, Exit]] = {
    "AGENT_FAILED": ("failed", Exit.RUN_FAILED),
    "AGENT_DIED": ("failed", Exit.RUN_FAILED),
    "AGENT_REFUSED": ("failed", Exit.RUN_FAILED),
    "ANSWER_CUT": ("failed", Exit.RUN_FAILED),
    "CONTEXT_FULL": ("failed", Exit.RUN_FAILED),
    "REPLAY_DIVERGED": ("failed", Exit.RUN_FAILED),
    "SCRIPT_FAILED": ("failed", Exit.RUN_FAILED),
    "PLANNER_BAD_CALL": ("failed", Exit.RUN_FAILED),
    "PLANNER_NEVER_ACTED": ("failed", Exit.RUN_FAILED),
    "WORKSPACE_FAILED": ("failed", Exit.RUN_FAILED),
    "INTERNAL": ("failed", Exit.RUN_FAILED),
    "CODEX_AUTH": ("failed", Exit.AUTHENTICATION),
    "PLANNER_AUTH": ("failed", Exit.AUTHENTICATION),
    "QUOTA_EXCEEDED": ("failed", Exit.PROVIDER),
    "RATE_LIMITED": ("failed", Exit.PROVIDER),
    "PROVIDER_UNREACHABLE": ("failed", Exit.PROVIDER),
    "PROVIDER_ERROR": ("failed", Exit.PROVIDER),
    "VERIFY_FAILED": ("failed", Exit.VERIFY_FAILED),
    "CANCELLED": ("cancelled", Exit.CANCELLED),
    "TIMED_OUT": ("timed_out", Exit.TIMED_OUT),
    "STALLED": ("timed_out", Exit.TIMED_OUT),
    "TURN_LIMIT": ("limit_reached", Exit.LIMIT_REACHED),
    "TOKEN_LIMIT": ("limit_reached", Exit.LIMIT_REACHED),
    "INTERRUPTED": ("interrupted", Exit.RUN_FAILED),
}
"""Every failure code, with the run status that it leads to and the run's exit code."""


CANCELLED = Failure("CANCELLED", "the run was asked to stop", "its workspace and events are kept")
TIMED_OUT = Failure(
    "TIMED_OUT",
    "the run took longer than its --timeout",
    "give it more time with --timeout, or split the task",
)


class RunFailed(Exception):  # noqa: N818  it carries a failure, it is none of the program
    """What stops a run from within; it becomes the run's failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class CrossrunError(Exception):
    """A command cannot go on. `code` names the case; `hint` says what the user can do about it."""

    exit_code: ClassVar[Exit] = Exit.INTERNAL

    def __init__(self, code: str, message: str, *, hint: str = "", retryable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.retryable = retryable

    @property
    def docs_url(self) -> str:
        """Where the error reference explains this code, relative to the project's root."""
        return f"docs/reference/errors.md#{self.code.lower()}"


class UsageError(CrossrunError):
    """The words of the command do not make sense."""

    exit_code = Exit.USAGE


class ConfigurationError(CrossrunError):
    """The surroundings are not fit: settings, store, Codex or git missing or broken."""

    exit_code = Exit.CONFIGURATION


class AuthenticationError(CrossrunError):
    """Nobody is logged in and there is no key."""

    exit_code = Exit.AUTHENTICATION


class NotFoundError(CrossrunError):
    """An id matches nothing, or more than one thing."""

    exit_code = Exit.NOT_FOUND


class StillRunningError(CrossrunError):
    """The run has not ended yet."""

    exit_code = Exit.STILL_RUNNING
