"""Schedules on the screen."""

import shlex
from collections.abc import Iterator, Sequence

from crossrun.services.schedules import Entry
from crossrun.views.terminal import Column, Terminal, table
from crossrun.views.unseen import visible
from crossrun.views.words import moment


def schedule_table(entries: Sequence[Entry], terminal: Terminal) -> Iterator[str]:
    """Each schedule with its next time, its newest run and what it runs."""
    columns = [
        Column("SCHEDULE", style="bold"),
        Column("WHEN", essential=False),
        Column("NEXT"),
        Column("LAST RUN", essential=False),
        Column("RUNS", flexible=True),
    ]
    rows = [
        [
            entry.schedule.name,
            entry.schedule.when,
            next_time(entry),
            _last(entry),
            visible(shlex.join(entry.schedule.arguments)),
        ]
        for entry in entries
    ]
    yield from table(columns, rows, terminal)
    for entry in entries:
        if entry.schedule.changed:
            yield terminal.style(
                f"{entry.schedule.name} was changed in {entry.scheduler} by hand", "warn"
            )


def next_time(entry: Entry) -> str:
    """When it runs next, in local time, to the minute."""
    return "paused" if entry.next_at is None else moment(entry.next_at)[: len("2026-11-30 07:00")]


def _last(entry: Entry) -> str:
    if entry.last_run is None:
        return ""
    return f"{entry.last_run.id} {str(entry.last_run.status).replace('_', ' ')}"
