"""The time as it is stored, in UTC, ISO-8601 with microseconds; and a clock for lengths of time."""

import time
from datetime import UTC, datetime

_left_out = 0.0


def monotonic() -> float:
    """Seconds of a clock that is never set back and stands still while crossrun is suspended."""
    return time.monotonic() - _left_out


def leave_out(seconds: float) -> None:
    """Takes time out of `monotonic` in which crossrun and all that it started were suspended."""
    global _left_out  # noqa: PLW0603  it is the clock of this process
    _left_out += seconds


def now() -> str:
    """The present moment."""
    return utc(datetime.now(UTC))


def seconds_between(start: str | None, end: str | None) -> float | None:
    """Seconds from one stored time to another; None while one of them is not known.

    Never less than none: between the two, the clock may have been set back.
    """
    if start is None or end is None:
        return None
    took = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    return max(took.total_seconds(), 0.0)


def utc(moment: datetime) -> str:
    """A moment as text."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
