"""A session as tasks: which message of the user begins one, and which belongs to the one before.

A task is a request with the work that it led to. A correction (`no, ...`, `still failing`), `go on`
and thanks belong to the task under way, so that a run has the whole story: what was tried, what the
user said to it, and what helped. `yes` to a plan belongs to the request that the plan was made for.
`yes` after work was done agrees to something new that only the agent had named: that is a task, but
one that teaches nothing, because its request does not say what was wanted.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from crossrun.events import CommandRan, FileChanged, ToolCalled, UsageReported
from crossrun.model.tokens import NO_TOKENS, Tokens
from crossrun.sessions.items import (
    Asked,
    Happened,
    Opened,
    Passed,
    SessionFacts,
    SessionItem,
    Stopped,
)
from crossrun.sessions.outcomes import TaskEvidence, Verdict
from crossrun.sessions.wording import reaction
from crossrun.system.clock import seconds_between

_MOST_HELD = 200
"""So many messages before the first act of a task are kept."""


class TaskBegan(Struct, frozen=True):
    """A task with work. `key` tells it from every other, also where a file has a copy of it."""

    number: int
    key: str
    request: str
    at: str
    facts: SessionFacts


class TaskEnded(Struct, frozen=True):
    """The end of a task. `seconds` is how long its turns took, without the user's pauses."""

    verdict: Verdict
    at: str
    seconds: float
    tokens: Tokens | None


TaskPart = Opened | TaskBegan | Asked | Happened | TaskEnded | Passed
"""`Asked` is a message within a task; `Happened` stands between beginning and end of one."""


class _TaskUnderWay(Struct):
    """The task under way."""

    request: str
    at: str
    evidence: TaskEvidence
    has_begun: bool = False
    held: list[Asked | Happened] = []
    last_at: str = ""
    turn_at: str = ""
    seconds: float = 0.0
    tokens: Tokens = NO_TOKENS


class _Splitter:
    """Splits one session."""

    def __init__(self) -> None:
        self._facts = SessionFacts(session_id="")
        self._task: _TaskUnderWay | None = None
        self._number = 0

    def take(self, item: SessionItem) -> Iterator[TaskPart]:
        match item:
            case Opened(facts=facts):
                self._facts = facts
                yield item
            case Passed():
                yield item
            case Asked():
                yield from self._asked(item)
            case Happened():
                yield from self._happened(item)
            case Stopped(how=how, at=at, message=message):
                if self._task is not None:
                    self._task.last_at = at or self._task.last_at
                    self._task.evidence.see_end(how, message)

    def close(self) -> Iterator[TaskPart]:
        yield from self._end(None)

    def _asked(self, asked: Asked) -> Iterator[TaskPart]:
        task = self._task
        if task is not None and self._continues(task, asked.text):
            self._close_turn(task, next_at=asked.at)
            if reaction(asked.text) == "thanks" and task.has_begun:
                yield from self._end(asked.text)
                return
            task.evidence.see_remark(asked.text)
            if task.has_begun:
                yield asked
            else:
                self._hold(task, asked)
            return
        yield from self._end(asked.text)
        self._task = _TaskUnderWay(
            asked.text, asked.at, TaskEvidence(asked.text), last_at=asked.at, turn_at=asked.at
        )

    def _continues(self, task: _TaskUnderWay, message: str) -> bool:
        match reaction(message):
            case "more" | "complaint" | "thanks":
                return True
            case "consent":
                return task.evidence.changes == 0
            case _:
                return not task.has_begun and task.evidence.ending == "aborted"

    def _happened(self, item: Happened) -> Iterator[TaskPart]:
        task = self._task
        if task is None:
            return
        task.last_at = item.at or task.last_at
        if isinstance(item.event, UsageReported):
            task.tokens += item.event.tokens or NO_TOKENS
            return
        task.evidence.see(item.event)
        if not task.has_begun and isinstance(item.event, CommandRan | FileChanged | ToolCalled):
            yield from self._begin(task, item)
        if task.has_begun:
            yield item
        else:
            self._hold(task, item)

    def _begin(self, task: _TaskUnderWay, first: Happened) -> Iterator[TaskPart]:
        self._number += 1
        task.has_begun = True
        key = first.call_id or f"{self._facts.session_id}:{self._number}"
        yield TaskBegan(self._number, key, task.request, task.at, self._facts)
        yield from task.held
        task.held = []

    @staticmethod
    def _hold(task: _TaskUnderWay, item: Asked | Happened) -> None:
        task.held.append(item)
        del task.held[:-_MOST_HELD]

    @staticmethod
    def _close_turn(task: _TaskUnderWay, next_at: str) -> None:
        task.seconds += _between(task.turn_at, task.last_at)
        task.turn_at = task.last_at = next_at

    def _end(self, reply: str | None) -> Iterator[TaskPart]:
        task, self._task = self._task, None
        if task is None or not task.has_begun:
            return
        seconds = task.seconds + _between(task.turn_at, task.last_at)
        tokens = task.tokens if task.tokens.total else None
        yield TaskEnded(task.evidence.verdict(reply), task.last_at, round(seconds, 3), tokens)


def tasks_of(items: Iterable[SessionItem]) -> Iterator[TaskPart]:
    """The tasks of a session, as its items come."""
    splitter = _Splitter()
    for item in items:
        yield from splitter.take(item)
    yield from splitter.close()


def _between(began: str, ended: str) -> float:
    try:
        return max(seconds_between(began, ended) or 0.0, 0.0)
    except ValueError:
        return 0.0
