"""Turns the messages of a failed Codex into failures that say what to do."""

import re
import signal
from datetime import datetime

from msgspec.structs import replace

from crossrun.executors.process import ProcessExit
from crossrun.model.failures import QUOTA_CODES, Failure
from crossrun.model.quotas import reset_time
from crossrun.system.clock import utc

_KINDS: tuple[tuple[str, str, str, bool], ...] = (
    # a pattern of the message, the failure's code, its hint, whether it is retryable
    (
        r"Quota exceeded|usage limit|insufficient_quota|out of credits|billing",
        "QUOTA_EXCEEDED",
        "check your plan, or continue later: crossrun resume RUN --wait-for-quota 2h",
        True,
    ),
    (
        r"\b429\b|rate limit",
        "RATE_LIMITED",
        "the provider limits your requests; wait a moment and run it again",
        True,
    ),
    (
        r"\b40[13]\b|Unauthorized|Forbidden|Missing environment variable|Not logged in|API key",
        "CODEX_AUTH",
        "log in: codex login (or set OPENAI_API_KEY)",
        False,
    ),
    (
        r"Connection failed|error sending request|dns error|failed to lookup|connect error",
        "PROVIDER_UNREACHABLE",
        "the model's server cannot be reached; check the network and the provider's address",
        True,
    ),
    (
        r"room in the model's context window|context_length|context window",
        "CONTEXT_FULL",
        "the task does not fit the model's context; split it into smaller ones",
        False,
    ),
    (
        r"Incomplete response returned|max_output_tokens",
        "ANSWER_CUT",
        "the model stopped in the middle of its answer; ask for less at a time",
        True,
    ),
    (
        r"high demand|\b5\d\d\b|stream disconnected|idle timeout waiting|overloaded|network error",
        "PROVIDER_ERROR",
        "the provider had a problem; run it again later",
        True,
    ),
    (
        r"\b40[04]\b|does not exist|not supported|invalid_request|model_not_found|Not Found",
        "PROVIDER_ERROR",
        "the provider refused the request; check --model and the provider's settings",
        False,
    ),
)
_REFUSED_HINT = "correct Codex's configuration (~/.codex/config.toml, --profile, -c)"
_OPTION_HINT = "this Codex does not know an option; update it: npm install -g @openai/codex"
_USAGE_ERROR = 2


def classify(message: str, quota_resets_at: datetime | None = None) -> Failure:
    """The failure for a message of `turn.failed`.

    Args:
        message: Codex's message.
        quota_resets_at: when the quota resets, if that is known from elsewhere.
    """
    for pattern, code, hint, retryable in _KINDS:
        if re.search(pattern, message, re.IGNORECASE):
            failure = Failure(code, _sentence(message), hint, retryable)
            return _with_reset(failure, quota_resets_at) if code in QUOTA_CODES else failure
    return Failure("AGENT_FAILED", _sentence(message), "see what led to it: crossrun events RUN")


def _with_reset(failure: Failure, resets_at: datetime | None) -> Failure:
    at = reset_time(failure.message, now=datetime.now().astimezone()) or resets_at
    return failure if at is None else replace(failure, retry_at=utc(at))


def refused(end: ProcessExit) -> Failure:
    """Codex exited before it began; the reason is on stderr only."""
    if end.code < 0:
        return died(end)
    reason = _error_line(end.stderr) or f"exit code {end.code} and no message"
    if re.search(r"not logged in", reason, re.IGNORECASE):
        return classify(reason)
    if "Not inside a trusted directory" in reason:
        hint = "the workspace is not a git repository; unset require_git_repo to work without one"
        return Failure("AGENT_REFUSED", f"Codex did not start: {reason}", hint)
    hint = _OPTION_HINT if end.code == _USAGE_ERROR else _REFUSED_HINT
    return Failure("AGENT_REFUSED", f"Codex did not start: {reason}", hint)


def died(end: ProcessExit, *, over: bool = False) -> Failure:
    """Codex exited without ending its turn, or failed after that."""
    how = f"with exit code {end.code}"
    if end.code < 0:
        how = f"by {_signal_name(-end.code)}"
    last = _error_line(end.stderr)
    quoted = f" (its last output: {last})" if last else ""
    return Failure(
        "AGENT_DIED",
        f"Codex ended {how} {'after' if over else 'before'} its turn was over{quoted}",
        "its work so far is kept; run it again",
        retryable=True,
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _sentence(message: str) -> str:
    text = " ".join(message.split())
    return text if len(text) <= 600 else text[:600] + "..."  # noqa: PLR2004  about a screen


def _error_line(stderr: str) -> str:
    """The line that names the error, or else the last one."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    named = [at for at, line in enumerate(lines) if line.lower().startswith("error")]
    at = named[-1] if named else len(lines) - 1
    message = lines[at : at + 2] if lines and lines[at].endswith(":") else lines[at : at + 1]
    return " ".join(message)[:300]
