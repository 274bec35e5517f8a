"""Times as cron expresses them: checked, when they come next, and as other schedulers write them.

As in Debian's cron, a time has to fit both day of month and day of week if one of the two fields
begins with a star, and otherwise one of them.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import product

from crossrun.errors import UsageError

_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_FIELDS = ("minute", "hour", "day of month", "month", "day of week")
_RANGES = (range(60), range(24), range(1, 32), range(1, 13), range(7))
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_TERM = re.compile(r"(?:\*|\d{1,2}(?:-\d{1,2})?)(?:/\d{1,2})?")
_SINGLE_WITH_STEP = re.compile(r"\d+/\d+")
_SYSTEMD_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_MOST_CALENDAR_ENTRIES = 500


class CronTimes:
    """The times that an expression stands for.

    Args:
        expression: five fields, or one of `@hourly @daily @weekly @monthly @yearly`.

    Raises:
        UsageError: it is not valid, or no time ever fits it.
    """

    def __init__(self, expression: str) -> None:
        self.expression = " ".join(expression.split())
        fields = _MACROS.get(self.expression.lower(), self.expression).upper().split()
        if len(fields) != len(_FIELDS):
            raise _invalid(
                self.expression, f"it has {len(fields)} fields instead of {len(_FIELDS)}"
            )
        numbers = [*fields[:3], _numbered(fields[3], _MONTHS, 1), _numbered(fields[4], _DAYS, 0)]
        for name, field in zip(_FIELDS, numbers, strict=True):
            for term in field.split(","):
                if not _TERM.fullmatch(term) or _SINGLE_WITH_STEP.fullmatch(term):
                    raise _invalid(self.expression, f"{term!r} is not valid as {name}")
        self.numeric = " ".join(numbers)
        """The five fields without names, as every cron understands them."""
        self._sets = _evaluated(self.expression, self.numeric)
        self._needs_both_days = "*" in (numbers[2][0], numbers[4][0])
        self.next_after(datetime(2000, 1, 1))  # noqa: DTZ001  local time, as cron has it

    def next_after(self, moment: datetime) -> datetime:
        """The first time after a moment, both local and without a time zone."""
        from cronsim import CronSim

        following: datetime | None = next(CronSim(self.numeric, moment), None)
        if following is None:
            raise _invalid(self.expression, "no day ever fits it")
        return following

    def on_calendar(self) -> list[str]:
        """The times for `OnCalendar` of systemd; they may take two."""
        return [
            " ".join(
                filter(
                    None,
                    [
                        ",".join(_SYSTEMD_DAYS[day] for day in _monday_first(weekdays)),
                        f"*-{_listed(months)}-{_listed(days)}",
                        f"{_listed(hours)}:{_listed(minutes)}:00",
                    ],
                )
            )
            for minutes, hours, days, months, weekdays in self._alternatives()
        ]

    def calendar_intervals(self) -> list[dict[str, int]]:
        """The times for `StartCalendarInterval` of launchd.

        Raises:
            UsageError: launchd cannot express them.
        """
        keys = ("Minute", "Hour", "Day", "Month", "Weekday")
        intervals: list[dict[str, int]] = []
        for parts in self._alternatives():
            if parts[2] is not None and parts[4] is not None:
                raise _invalid(
                    self.expression, "launchd cannot restrict day of month and day of week together"
                )
            given = [(key, part) for key, part in zip(keys, parts, strict=True) if part is not None]
            names = [key for key, _ in given]
            values = product(*(part for _, part in given))
            intervals += [dict(zip(names, each, strict=True)) for each in values]
        if len(intervals) > _MOST_CALENDAR_ENTRIES:
            raise _invalid(self.expression, "launchd would need too many entries for it")
        return intervals

    def _alternatives(self) -> Iterator[tuple[list[int] | None, ...]]:
        """The values of each field, None for all. A time has to fit one of the alternatives."""
        minutes, hours, days, months, weekdays = (
            None if len(values) == len(every) else values
            for values, every in zip(self._sets, _RANGES, strict=True)
        )
        if self._needs_both_days or days is None or weekdays is None:
            if not self._needs_both_days:
                days = weekdays = None  # one of them fits every day
            yield minutes, hours, days, months, weekdays
            return
        yield minutes, hours, days, months, None
        yield minutes, hours, None, months, weekdays


def _numbered(field: str, names: tuple[str, ...], first: int) -> str:
    for number, name in enumerate(names, start=first):
        field = re.sub(rf"(?<![A-Z0-9]){name}(?![A-Z0-9])", str(number), field)
    return field


def _evaluated(expression: str, numeric: str) -> list[list[int]]:
    """The values of each field; Sunday is 0."""
    from cronsim import CronSim, CronSimError

    try:
        times = CronSim(numeric, datetime(2000, 1, 1))  # noqa: DTZ001
    except CronSimError as error:
        raise _invalid(expression, str(error).lower()) from error
    sets = (times.minutes, times.hours, times.days, times.months, times.weekdays)
    values = [sorted({int(value) for value in each}) for each in sets]  # type: ignore[attr-defined,arg-type,unused-ignore]  # terms are numbers only
    values[4] = sorted({day % 7 for day in values[4]})
    return values


def _monday_first(weekdays: list[int] | None) -> Iterable[int]:
    return sorted(weekdays or (), key=lambda day: (day - 1) % 7)


def _listed(values: list[int] | None) -> str:
    return "*" if values is None else ",".join(f"{value:02}" for value in values)


def _invalid(expression: str, why: str) -> UsageError:
    return UsageError(
        "SCHEDULE_TIME_INVALID",
        f"{expression!r} is not a time for a schedule: {why}",
        hint="minute, hour, day of month, month, day of week: '0 7 * * 1-5' is 7:00 from Monday to"
        " Friday; or @daily, @weekly",
    )
