"""What can go wrong, in words for people and codes for scripts.

A `CrossrunError` is raised when a command cannot do what it was asked to, and becomes
`error[CODE]: message` and `hint: ...` at the command line's edge. Why a run did not succeed is a
value, see `failures`.
"""

from collections.abc import Mapping
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


class CrossrunError(Exception):
    """A command cannot continue. `code` names the case; `hint` says what the user can do."""

    exit_code: ClassVar[Exit] = Exit.INTERNAL

    def __init__(self, code: str, message: str, *, hint: str = "", retryable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.retryable = retryable

    @property
    def docs_url(self) -> str:
        """The command that explains this code: every installation has the pages."""
        return f"crossrun help {self.code}"


class UsageError(CrossrunError):
    """The words of the command do not make sense."""

    exit_code = Exit.USAGE


class ConsentNeeded(UsageError):  # noqa: N818  it asks rather than reports
    """The user has to agree first: ask `question`, then repeat the call with consent."""

    def __init__(self, code: str, question: str, *, hint: str) -> None:
        super().__init__(code, f"this needs your consent: {question}", hint=hint)
        self.question = question


class InputNeeded(UsageError):  # noqa: N818  it asks rather than reports
    """Values are missing or wrong. `questions` asks for each by its name, if that would do."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str = "",
        retryable: bool = False,
        questions: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, message, hint=hint, retryable=retryable)
        self.questions = questions or {}


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
