"""The time as it is stored: in UTC, ISO-8601 with microseconds."""

from datetime import UTC, datetime


def now() -> str:
    """The present moment."""
    return utc(datetime.now(UTC))


def utc(moment: datetime) -> str:
    """A moment as text."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
