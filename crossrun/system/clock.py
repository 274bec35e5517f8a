"""Timestamps as stored (UTC, ISO 8601 with microseconds), and a clock for durations."""

import time
from datetime import UTC, datetime

_left_out = 0.0


def monotonic() -> float:
    """Seconds on a clock that never goes back and stands still while crossrun is suspended."""
    return time.monotonic() - _left_out


def leave_out(seconds: float) -> None:
    """Excludes time during which crossrun and everything it started were suspended."""
    global _left_out  # noqa: PLW0603  it is the clock of this process
    _left_out += seconds


def now() -> str:
    """The current time."""
    return utc(datetime.now(UTC))


def seconds_between(start: str | None, end: str | None) -> float | None:
    """Seconds from one stored time to another; None if either is missing.

    Never negative, even if the clock was set back in between.
    """
    if start is None or end is None:
        return None
    took = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    return max(took.total_seconds(), 0.0)


def utc(moment: datetime) -> str:
    """A time as text."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
