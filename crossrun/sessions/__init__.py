"""The session histories that Codex and Claude Code keep, read as crossrun's own events.

Pure: bytes in, events out. One line at a time is held in memory, and no longer than `LONGEST_LINE`.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import IO

from crossrun.sessions.claude import ClaudeReader
from crossrun.sessions.codex import RolloutReader
from crossrun.sessions.items import (
    Asked,
    Happened,
    Opened,
    Passed,
    SessionFacts,
    SessionItem,
    Stopped,
)
from crossrun.sessions.lines import LONGEST_LINE, SessionReader, read_items
from crossrun.sessions.splitting import TaskBegan, TaskEnded, TaskPart, tasks_of

__all__ = [
    "LONGEST_LINE",
    "PROGRAMS",
    "Asked",
    "Happened",
    "Opened",
    "Passed",
    "SessionFacts",
    "SessionItem",
    "SessionReader",
    "Stopped",
    "TaskBegan",
    "TaskEnded",
    "TaskPart",
    "parts_of",
    "read_items",
    "tasks_of",
]

PROGRAMS: dict[str, Callable[[], SessionReader]] = {"codex": RolloutReader, "claude": ClaudeReader}
"""The programs whose sessions can be read, by the names of their executors."""


def parts_of(program: str, stream: IO[bytes]) -> Iterator[TaskPart]:
    """The tasks of a session, with what the agent did, as its file is read."""
    items: Iterable[SessionItem] = read_items(stream, PROGRAMS[program]())
    yield from tasks_of(items)
