"""Reads `codex exec --json`: each line of its output becomes typed events."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crossrun.events import (
    AgentEvent,
    AgentReasoned,
    AgentSpoke,
    CommandDeclined,
    CommandRan,
    CommandStarted,
    FileChanged,
    ItemStarted,
    PlanItem,
    PlanUpdated,
    ThreadStarted,
    ToolCalled,
    TurnFailed,
    TurnStarted,
    Unrecognised,
    UsageReported,
    Warned,
)
from crossrun.executors import TurnResult
from crossrun.executors.codex.failures import classify, died, refused
from crossrun.executors.codex.items import OpenItems
from crossrun.executors.codex.session import Session, tokens_of
from crossrun.executors.process import ProcessExit
from crossrun.model.tokens import Tokens
from crossrun.system.clock import monotonic
from crossrun.system.json_lines import parsed

_LOOK_AGAIN = 0.5
"""Seconds between two reads of the session file."""

_LASTING = ("command_execution", "mcp_tool_call", "collab_tool_call")
"""Kinds of items that may take long while the agent is silent."""
_BRIEF = ("agent_message", "error", "file_change", "reasoning", "todo_list", "web_search")
_LONGEST_KIND = 100

_CHANGES = {"add": "added", "update": "modified", "delete": "deleted"}


class CodexReader:
    """Reads the lines of one `codex exec` process.

    Args:
        workspace: paths inside it are reported relative to it.
        thread_tokens: what the thread had used before; Codex reports sums over the thread.
        sessions: the folder of Codex's session files, which have the tokens used within a turn.
        patience: seconds for which uncertain items explain a silence, see `OpenItems`.
        clock: returns seconds; Codex does not report how long commands take.
    """

    def __init__(
        self,
        workspace: Path,
        thread_tokens: Tokens,
        sessions: Path | None = None,
        patience: float = math.inf,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._workspace = workspace
        self._thread_tokens = thread_tokens
        self._sessions = sessions
        self._session: Session | None = None
        self._looked_at = 0.0
        self._clock = clock
        self._items = OpenItems(patience, clock)
        self._model_answered = False
        self._began = False
        self._completed = False
        self._over = False
        self._error: str | None = None

    def read(self, line: bytes) -> list[AgentEvent]:
        """At least one event for each line, unless it is blank or only updates a known item."""
        if not line.strip():
            return []
        content: dict[str, Any] = {}
        try:
            content = parsed(line)
            return self._understand(content)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            return [Unrecognised(raw=line.decode("utf-8", "replace"), kind=_kind(content))]

    def meanwhile(self) -> list[AgentEvent]:
        """What the thread has used since the last read of its session file."""
        now = self._clock()
        if now < self._looked_at + _LOOK_AGAIN:
            return []
        self._looked_at = now
        used = self.afterwards()
        self._model_answered = self._model_answered or bool(used)
        return used

    def afterwards(self) -> list[AgentEvent]:
        """The same, at once: an interrupted turn does not report its usage."""
        total = None if self._session is None else self._session.tokens()
        if total is None or total.total <= self._thread_tokens.total:
            return []
        return [self._used(total)]

    def busy(self) -> bool:
        """Whether a command or tool is in progress, or the model has answered since."""
        answered, self._model_answered = self._model_answered, False
        return answered or self._items.explain_silence()

    def over(self) -> bool:
        """Whether the turn has ended, successfully or not."""
        return self._over

    def result(self, end: ProcessExit) -> TurnResult:
        """Success only if the turn completed and the process agrees; else the reason."""
        if end.cut_short is not None:
            return TurnResult(end.cut_short, end.code)
        if self._error is not None:
            resets_at = None if self._session is None else self._session.quota_resets_at
            return TurnResult(classify(self._error, resets_at), end.code)
        if self._completed and (end.code == 0 or end.outstayed):
            return TurnResult(None, end.code)
        if not self._began and not self._completed:
            return TurnResult(refused(end), end.code)
        return TurnResult(died(end, over=self._completed), end.code)

    def _understand(self, line: dict[str, Any]) -> list[AgentEvent]:
        match line["type"]:
            case "thread.started":
                self._began = True
                thread_id = _text(line["thread_id"])
                if self._sessions is not None:
                    self._session = Session(self._sessions, thread_id)
                return [ThreadStarted(thread_id=thread_id)]
            case "turn.started":
                self._completed = self._over = False
                return [TurnStarted()]
            case "turn.completed":
                self._items.clear()
                self._completed = self._over = True
                return [self._usage(line.get("usage"))]
            case "turn.failed":
                self._items.clear()
                self._error = _text(line["error"]["message"])
                self._over = True
                return [TurnFailed(message=self._error)]
            case "error":
                return [Warned(message=_text(line["message"]))]
            case "item.started":
                return [self._item_started(line["item"])]
            case "item.updated":
                return self._item_updated(line["item"])
            case "item.completed":
                return self._item_completed(line["item"])
            case _:
                raise ValueError("unknown type")

    def _item_started(self, item: dict[str, Any]) -> AgentEvent:
        match item["type"]:
            case "command_execution":
                event: AgentEvent = CommandStarted(command=_text(item["command"]))
            case "todo_list":
                event = _plan(item)
            case kind:
                event = ItemStarted(kind=_text(kind), detail=_detail(item))
        if item["type"] not in _BRIEF:
            self._items.begin(_text(item["id"]), doubted=item["type"] not in _LASTING)
        return event

    def _item_updated(self, item: dict[str, Any]) -> list[AgentEvent]:
        """A plan always comes whole; other items only when they are completed."""
        if item["type"] == "todo_list":
            return [_plan(item)]
        if item["type"] in (*_LASTING, *_BRIEF):
            return []
        raise ValueError("unknown item")

    def _item_completed(self, item: dict[str, Any]) -> list[AgentEvent]:
        took = self._items.end(str(item.get("id")))
        match item["type"]:
            case "agent_message":
                return [AgentSpoke(text=_text(item["text"]))]
            case "reasoning":
                return [AgentReasoned(text=_text(item["text"]))]
            case "command_execution":
                return [_command(item, took)]
            case "file_change":
                return self._file_changes(item)
            case "todo_list":
                return [_plan(item)]
            case "error":
                return [Warned(message=_text(item["message"]))]
            case "mcp_tool_call":
                return [_tool_call(item, f"{_text(item['server'])}.{_text(item['tool'])}")]
            case "web_search":
                used = {key: item.get(key) for key in ("query", "action")}
                return [ToolCalled(tool="web_search", arguments=used)]
            case "collab_tool_call":
                return [_tool_call(item, _text(item["tool"]))]
            case _:
                raise ValueError("unknown item")

    def _file_changes(self, item: dict[str, Any]) -> list[AgentEvent]:
        ok = item.get("status") == "completed"
        changes: list[AgentEvent] = [
            FileChanged.of(self._relative(_text(c["path"])), _CHANGES[c["kind"]], ok=ok)
            for c in item["changes"]
        ]
        return changes or [ItemStarted(kind="file_change", detail="nothing changed")]

    def _relative(self, path: str) -> str:
        for root in (self._workspace, self._workspace.resolve()):
            if Path(path).is_relative_to(root):
                return str(Path(path).relative_to(root))
        return path

    def _usage(self, usage: Any) -> UsageReported:  # noqa: ANN401  unchecked JSON
        if not isinstance(usage, dict):
            return UsageReported(source="agent")
        return self._used(tokens_of(usage))

    def _used(self, total: Tokens) -> UsageReported:
        used = (total - self._thread_tokens).or_none()
        self._thread_tokens = total
        return UsageReported(source="agent", tokens=used, thread_total=total)


def _text(value: Any) -> str:  # noqa: ANN401  unchecked JSON
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _kind(line: dict[str, Any]) -> str | None:
    """The type that a line gives itself, which only a newer Codex may know."""
    item = line.get("item")
    parts = (line.get("type"), item.get("type") if isinstance(item, dict) else None)
    return " ".join(part for part in parts if isinstance(part, str))[:_LONGEST_KIND] or None


def _command(item: dict[str, Any], took: float | None) -> AgentEvent:
    if item.get("status") == "declined":
        return CommandDeclined(command=_text(item["command"]))
    code = item.get("exit_code")
    return CommandRan(
        command=_text(item["command"]),
        exit_code=code if type(code) is int else None,
        output=_text(item.get("aggregated_output") or ""),
        duration_s=None if took is None else round(took, 3),
    )


def _plan(item: dict[str, Any]) -> PlanUpdated:
    lines = (PlanItem(_text(line["text"]), bool(line["completed"])) for line in item["items"])
    return PlanUpdated(items=tuple(lines))


def _tool_call(item: dict[str, Any], tool: str) -> ToolCalled:
    error, result = item.get("error"), item.get("result", item.get("agents_states"))
    failed = item.get("status") in ("failed", "declined")
    message = _text(error["message"]) if isinstance(error, dict) else None
    return ToolCalled(
        tool=tool,
        arguments=item.get("arguments", item.get("prompt")),
        result=result,
        error=message if message or not failed else _result_text(result),
    )


def _result_text(result: Any) -> str:  # noqa: ANN401  unchecked JSON
    """What a tool that failed said, as far as it is text."""
    content = result.get("content") if isinstance(result, dict) else None
    parts = content if isinstance(content, list) else []
    texts = [str(part["text"]) for part in parts if isinstance(part, dict) and part.get("text")]
    return " ".join(texts) or "it failed"


def _detail(item: dict[str, Any]) -> str:
    if item.get("changes"):
        return ", ".join(str(change.get("path")) for change in item["changes"])
    return str(item.get("query") or item.get("tool") or item.get("text") or "")
