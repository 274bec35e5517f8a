"""The time as it is stored: in UTC, ISO-8601 with microseconds."""

from datetime import UTC, datetime


def now() -> str:
    """The present moment."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
