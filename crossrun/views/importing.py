"""The sessions that an import has found, how far it is, and what it did."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from crossrun.views.patterns import hanging
from crossrun.views.terminal import Column, Terminal, table
from crossrun.views.words import first_line, moment, plural, size

if TYPE_CHECKING:
    from crossrun.services.importing import (
        FoundSession,
        ImportProgress,
        ImportResult,
        SessionHistory,
        SkippedFile,
    )

_MOST_SKIPPED = 5
_MOST_PROJECTS = 12
_DAY = 10
"""Characters of a date."""


def found_lines(history: "SessionHistory", terminal: Terminal) -> Iterator[str]:
    """The sessions by project: how many, from when to when, how large, how many are new."""
    sessions, files = plural(len(history.sessions), "session"), plural(history.files, "file")
    yield f"{sessions} in {files} under {first_line(history.root)}"
    if not history.sessions:
        return
    by_project: dict[str, list[FoundSession]] = {}
    for session in history.sessions:
        by_project.setdefault(session.folder, []).append(session)
    largest = sorted(by_project.items(), key=lambda item: -len(item[1]))
    columns = [
        Column("PROJECT", style="bold", flexible=True),
        Column("SESSIONS", align="right"),
        Column("NEW", align="right"),
        Column("SIZE", align="right", essential=False),
        Column("FROM", essential=False),
        Column("TO", essential=False),
    ]
    rows = [_row(name, sessions) for name, sessions in largest[:_MOST_PROJECTS]]
    yield from table(columns, rows, terminal)
    if len(largest) > _MOST_PROJECTS:
        yield f"and {plural(len(largest) - _MOST_PROJECTS, 'more project')}"


def _row(name: str, sessions: "Sequence[FoundSession]") -> list[str]:
    times = [moment(session.facts.began_at)[:_DAY] for session in sessions]
    return [
        first_line(name),
        str(len(sessions)),
        str(sum(not session.is_known for session in sessions)),
        size(sum(session.file.size for session in sessions)),
        min(times),
        max(times),
    ]


def progress_line(progress: "ImportProgress") -> str:
    """`importing · session 3 of 12 · 41.0 MB of 1.1 GB · 38 runs`."""
    read = f"{size(progress.bytes)} of {size(progress.of_bytes)}"
    number = f"session {progress.sessions + 1} of {progress.of_sessions}"
    return f"importing · {number} · {read} · {plural(progress.runs, 'run')}"


def result_lines(result: "ImportResult", terminal: Terminal) -> Iterator[str]:
    """What an import did."""
    if not result.sessions and result.unchanged:
        yield terminal.style("nothing new", "bold")
        yield f"  {plural(result.unchanged, 'session')} had been imported before"
        return
    head = f"imported {plural(result.runs, 'run')} from {plural(result.sessions, 'session')}"
    yield terminal.style(f"{head} in {result.seconds:.1f}s", "bold")
    counted = [f"{number} {status}" for status, number in sorted(Counter(result.status).items())]
    if counted:
        yield f"  {', '.join(counted)}"
    yield f"  {plural(sum(result.events.values()), 'event')} from {size(result.bytes)}"
    yield f"  {plural(len(result.learned), 'run')} taught something"
    if result.unchanged:
        yield f"  {plural(result.unchanged, 'session')} had been imported before"
    if result.copies:
        yield f"  {plural(result.copies, 'task')} left out: copies, or runs that you removed"
    if result.unknown:
        kinds = ", ".join(f"{first_line(kind)} ({n})" for kind, n in result.unknown.most_common(5))
        yield from hanging("  lines of unknown kinds: ", kinds, terminal)


def skipped_lines(skipped: "Sequence[SkippedFile]", terminal: Terminal) -> Iterator[str]:
    """What was passed over, and why."""
    for each in skipped[:_MOST_SKIPPED]:
        yield from hanging("  skipped  ", f"{each.reason}: {each.path}", terminal)
    if len(skipped) > _MOST_SKIPPED:
        yield f"  and {len(skipped) - _MOST_SKIPPED} more; all of them with --json"
