"""When a provider's quota is available again, as the provider says, and how long to wait for it."""

import re
from datetime import datetime, timedelta

from crossrun.model.failures import QUOTA_CODES, Failure

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_PART = r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)[a-z]*"
_IN = rf"(?i)(?:try again|resets?|retry) (?:in|after):? ((?:{_PART}[,\s]*(?:and\s)?)+)"
_AT = r"(?i)try again at (?:(\w{3}) (\d{1,2})\w{2}, (\d{4}) )?(\d{1,2}:\d{2} [AP]M)"
_TRUNCATED = timedelta(minutes=1)
"""Times of day are given without seconds."""

_FIRST_GUESS, _LONGEST_GUESS = 30.0, 900.0
"""Seconds."""


def reset_time(message: str, *, now: datetime) -> datetime | None:
    """The time from which a refused request may be repeated; None if the message has none.

    Args:
        message: such as `try again in 1h2m3s` or `try again at Nov 22nd, 2026 3:32 PM`.
        now: when the message came, in the time zone of its times of day.
    """
    after = re.search(_IN, message)
    if after is not None:
        return now + timedelta(seconds=seconds(after[1]))
    at = re.search(_AT, message)
    if at is None:
        return None
    month, day, year, clock = at.groups()
    date = f"{month} {day} {year}" if month else now.strftime("%b %d %Y")
    try:
        at_minute = datetime.strptime(f"{date} {clock.upper()}", "%b %d %Y %I:%M %p")  # noqa: DTZ007
    except ValueError:
        return None
    return max(at_minute.replace(tzinfo=now.tzinfo) + _TRUNCATED, now)


def seconds(text: str) -> float:
    """A duration such as `1h0m2.5s`, `20ms` or `2 days 3 hours` in seconds; 0 if there is none."""
    parts = re.findall(_PART, text, re.IGNORECASE)
    return sum(float(number) * _UNITS[unit.lower()] for number, unit in parts)


class QuotaBackoff:
    """Decides how long a run waits for a provider's quota.

    Args:
        longest: the most seconds to wait in total; None: it does not wait.
    """

    def __init__(self, longest: float | None) -> None:
        self._left = longest or 0.0
        self._guess = _FIRST_GUESS

    def until(self, failure: Failure, now: datetime) -> datetime | None:
        """When to try again after a failure; None: never.

        If the provider gives no time, the waits grow from half a minute to a quarter of an hour.
        """
        if failure.code not in QUOTA_CODES or self._left <= 0:
            return None
        if failure.retry_at is not None:
            wait = max((datetime.fromisoformat(failure.retry_at) - now).total_seconds(), 1.0)
            if wait > self._left:
                return None
        else:
            wait = min(self._guess, self._left)
            self._guess = min(2 * self._guess, _LONGEST_GUESS)
        self._left -= wait
        return now + timedelta(seconds=wait)
