"""Why runs do not succeed: a value, recorded with the run."""

from msgspec import Struct
from msgspec.structs import replace

from crossrun.errors import Exit


class Failure(Struct, frozen=True):
    """Why a run did not succeed.

    `code` is one of `FAILURES`; `message` says what happened in one sentence, `hint` what to do.
    `retryable`: the same run may succeed later, unchanged; `retry_at` is the time (ISO-8601, UTC)
    from which it may, if the provider gave one.
    """

    code: str
    message: str
    hint: str
    retryable: bool = False
    retry_at: str | None = None

    def of_run(self, run_id: str) -> "Failure":
        """The same failure with the run's id for `RUN` in its hint, so that it can be pasted."""
        return replace(self, hint=self.hint.replace(" RUN", f" {run_id}"))


FAILURES: dict[str, tuple[str, Exit]] = {
    "AGENT_FAILED": ("failed", Exit.RUN_FAILED),
    "AGENT_DIED": ("failed", Exit.RUN_FAILED),
    "AGENT_REFUSED": ("failed", Exit.RUN_FAILED),
    "ANSWER_CUT": ("failed", Exit.RUN_FAILED),
    "CONTEXT_FULL": ("failed", Exit.RUN_FAILED),
    "REPLAY_DIVERGED": ("failed", Exit.RUN_FAILED),
    "SCRIPT_FAILED": ("failed", Exit.RUN_FAILED),
    "SCRIPT_UNAVAILABLE": ("failed", Exit.RUN_FAILED),
    "PLANNER_BAD_CALL": ("failed", Exit.RUN_FAILED),
    "PLANNER_NEVER_ACTED": ("failed", Exit.RUN_FAILED),
    "SETUP_FAILED": ("failed", Exit.RUN_FAILED),
    "WORKSPACE_FAILED": ("failed", Exit.RUN_FAILED),
    "STORE_FAILED": ("failed", Exit.RUN_FAILED),
    "INTERNAL": ("failed", Exit.RUN_FAILED),
    "CODEX_AUTH": ("failed", Exit.AUTHENTICATION),
    "PLANNER_AUTH": ("failed", Exit.AUTHENTICATION),
    "QUOTA_EXCEEDED": ("failed", Exit.PROVIDER),
    "RATE_LIMITED": ("failed", Exit.PROVIDER),
    "PROVIDER_UNREACHABLE": ("failed", Exit.PROVIDER),
    "PROVIDER_ERROR": ("failed", Exit.PROVIDER),
    "VERIFY_FAILED": ("failed", Exit.VERIFY_FAILED),
    "PROOF_MISSING": ("failed", Exit.VERIFY_FAILED),
    "CANCELLED": ("cancelled", Exit.CANCELLED),
    "TIMED_OUT": ("timed_out", Exit.TIMED_OUT),
    "STALLED": ("timed_out", Exit.TIMED_OUT),
    "TURN_LIMIT": ("limit_reached", Exit.LIMIT_REACHED),
    "TOKEN_LIMIT": ("limit_reached", Exit.LIMIT_REACHED),
    "COST_LIMIT": ("limit_reached", Exit.LIMIT_REACHED),
    "INTERRUPTED": ("interrupted", Exit.RUN_FAILED),
}
"""Every failure code, with the run status and the exit code that it leads to."""


def exit_code_of(failure: Failure) -> int:
    """The exit code of a run with this failure, whose code may be unknown to this version."""
    _, code = FAILURES.get(failure.code, ("failed", Exit.RUN_FAILED))
    return int(code)


QUOTA_CODES = ("QUOTA_EXCEEDED", "RATE_LIMITED")
"""The provider refuses requests for some time."""

CANCELLED = Failure(
    "CANCELLED",
    "the run was asked to stop",
    "what it did is kept",
)
TIMED_OUT = Failure(
    "TIMED_OUT",
    "the run took longer than its --timeout",
    "continue it: crossrun resume RUN --timeout 1h; or split the task",
)


class RunFailed(Exception):  # noqa: N818  it carries a failure of a run, not of the program
    """Stops a run from within; it becomes the run's failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure
