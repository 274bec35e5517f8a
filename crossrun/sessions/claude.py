"""The files that Claude Code keeps of its sessions, `projects/FOLDER/SESSION.jsonl`.

Each line is a message with the blocks of its content, in the order of the conversation. What tools
returned comes as a message of the user. Lines of sub-agents (`isSidechain`) are passed over: the
call of the sub-agent and its answer stand in the main conversation.
"""

import re
from typing import Any

from crossrun.events import (
    AgentEvent,
    AgentReasoned,
    AgentSpoke,
    CommandDeclined,
    CommandRan,
    FileChanged,
    PlanItem,
    PlanUpdated,
    ToolCalled,
    UsageReported,
)
from crossrun.model.tokens import Tokens
from crossrun.sessions.items import Asked, Happened, Opened, SessionFacts, SessionItem, Stopped
from crossrun.sessions.lines import UnknownKind
from crossrun.sessions.values import (
    LONGEST_TEXT,
    bounded,
    cropped,
    mapping,
    moment,
    number,
    relative,
    sequence,
    text,
    texts_in,
)
from crossrun.sessions.wording import interrupts, request_in

_SILENT_LINES = (
    "agent-color", "agent-name", "agent-setting", "ai-title", "attachment", "attribution-snapshot",
    "bridge-session", "content-replacement", "cost-state", "custom-title", "file-history-snapshot",
    "last-prompt", "mode", "permission-mode", "pr-link", "progress", "queue-operation", "result",
    "summary", "system", "tag", "task-summary", "worktree-state",
)  # fmt: skip
_EDITS = ("Edit", "MultiEdit", "Write", "NotebookEdit")
_DECLINED = re.compile(
    r"(?i)the user doesn't want to (?:proceed|take this action)"
    r"|permission to use .{1,80} has been denied"
    r"|\[Request interrupted by user for tool use\]|haven't granted it yet"
)
_EXIT = re.compile(r"\A(?:Error: )?Exit code (-?\d+)\n?")
_ERROR_MARKS = re.compile(r"\A<tool_use_error>|</tool_use_error>\Z")
_MOST_CALLS = 1_000


class ClaudeReader:
    """Reads one session."""

    def __init__(self) -> None:
        self._facts: SessionFacts | None = None
        self._at = ""
        self._calls: dict[str, tuple[str, dict[str, Any]]] = {}
        """Tool and arguments of calls whose result has not been read yet."""
        self._answer: tuple[str, Tokens] = ("", Tokens())
        """The id of the model's newest answer, whose usage its last line has whole."""

    def read(self, line: dict[str, Any]) -> list[SessionItem]:
        """What a line says; raises UnknownKind and the errors of damaged values."""
        kind = line.get("type")
        if line.get("isSidechain") is True and not self._is_of_sub_agent():
            return []
        self._at = moment(line.get("timestamp")) or self._at
        match kind:
            case "user":
                return [*self._opened(line), *self._user(line)]
            case "assistant":
                return [*self._opened(line), *self._assistant(line)]
            case _ if kind in _SILENT_LINES:
                return []
            case _:
                raise UnknownKind(str(kind))

    def close(self) -> list[SessionItem]:
        """The usage of the last answer."""
        return self._usage("", Tokens())

    def _is_of_sub_agent(self) -> bool:
        """Whether the whole file is the session of a sub-agent."""
        return self._facts is None or self._facts.sub_agent

    def _opened(self, line: dict[str, Any]) -> list[SessionItem]:
        model = text(mapping(line.get("message")).get("model"))
        earlier = self._facts
        if earlier is not None and (earlier.model or not model):
            return []
        session_id = text(line["sessionId"])
        if not session_id:
            raise ValueError("a session without an id")
        self._facts = SessionFacts(
            session_id=earlier.session_id if earlier else session_id,
            cwd=earlier.cwd if earlier else text(line.get("cwd")),
            began_at=earlier.began_at if earlier else self._at,
            branch=earlier.branch if earlier else text(line.get("gitBranch")),
            version=earlier.version if earlier else text(line.get("version")),
            model="" if model == "<synthetic>" else model,
            sub_agent=earlier.sub_agent if earlier else line.get("isSidechain") is True,
        )
        return [] if self._facts == earlier else [Opened(self._facts)]

    @property
    def _cwd(self) -> str:
        return self._facts.cwd if self._facts else ""

    # the agent

    def _assistant(self, line: dict[str, Any]) -> list[SessionItem]:
        message = mapping(line["message"])
        content = message.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if line.get("isApiErrorMessage") is True:
            return [Stopped("failed", self._at, cropped(texts_in(blocks), 2_000))]
        items = self._usage(text(message.get("id")), _tokens(mapping(message.get("usage"))))
        for block in map(mapping, sequence(blocks)):
            items += self._block(block)
        if message.get("stop_reason") == "end_turn":
            items.append(Stopped("completed", self._at))
        return items

    def _block(self, block: dict[str, Any]) -> list[SessionItem]:
        match block.get("type"):
            case "text" if text(block.get("text")).strip():
                return [self._did(AgentSpoke(text=cropped(block["text"], LONGEST_TEXT)))]
            case "thinking" if text(block.get("thinking")).strip():
                return [self._did(AgentReasoned(text=cropped(block["thinking"], LONGEST_TEXT)))]
            case "tool_use" | "server_tool_use":
                self._calls[text(block["id"])] = text(block["name"]), mapping(block.get("input"))
                if len(self._calls) > _MOST_CALLS:
                    del self._calls[next(iter(self._calls))]
            case _:
                pass
        return []

    def _usage(self, answer_id: str, tokens: Tokens) -> list[SessionItem]:
        """The usage of the answer before, once the next one begins."""
        last_id, used = self._answer
        self._answer = answer_id, tokens
        if last_id == answer_id or not used.total:
            return []
        return [self._did(UsageReported(source="agent", tokens=used))]

    # the user, and what tools returned

    def _user(self, line: dict[str, Any]) -> list[SessionItem]:
        content = mapping(line["message"]).get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        items: list[SessionItem] = []
        written: list[str] = []
        for block in map(mapping, sequence(blocks)):
            if block.get("type") == "tool_result":
                items += self._returned(block, mapping(line.get("toolUseResult")))
            elif block.get("type") == "text":
                written.append(text(block.get("text")))
        message = "\n".join(written)
        if interrupts(message):
            items.append(Stopped("aborted", self._at))
        is_the_programs = any(
            line.get(flag) is True
            for flag in ("isMeta", "isCompactSummary", "isSynthetic", "isVisibleInTranscriptOnly")
        )
        asked = None if is_the_programs else request_in(message)
        return items if asked is None else [*items, Asked(cropped(asked, LONGEST_TEXT), self._at)]

    def _returned(self, block: dict[str, Any], details: dict[str, Any]) -> list[SessionItem]:
        call_id = text(block["tool_use_id"])
        name, arguments = self._calls.pop(call_id, ("", {}))
        if not name:
            return []
        output = texts_in(block.get("content"))
        failed = block.get("is_error") is True
        event = self._event(name, arguments, output, details, failed=failed)
        return [Happened(event, self._at, call_id)]

    def _event(
        self,
        name: str,
        arguments: dict[str, Any],
        output: str,
        details: dict[str, Any],
        *,
        failed: bool,
    ) -> AgentEvent:
        if name == "Bash":
            return _command(text(arguments.get("command")), output, details, failed=failed)
        path = text(arguments.get("file_path")) or text(arguments.get("notebook_path"))
        if name in _EDITS and path:
            new = name == "Write" and details.get("type") == "create"
            change = "added" if new else "modified"
            return FileChanged.of(relative(path, self._cwd), change, ok=not failed)
        if name == "TodoWrite" and not failed:
            return _plan(arguments)
        if path:
            arguments = {**arguments, "file_path": relative(path, self._cwd)}
        return ToolCalled(
            tool=name,
            arguments=bounded(arguments),
            result=None if failed else bounded(output),
            error=(bounded(_ERROR_MARKS.sub("", output)) or "it failed") if failed else None,
        )

    def _did(self, event: AgentEvent) -> Happened:
        return Happened(event, self._at)


def _command(
    command: str, output: str, details: dict[str, Any], *, failed: bool
) -> CommandRan | CommandDeclined:
    if failed and _DECLINED.search(output[:500]):
        return CommandDeclined(command=command)
    code: int | None = 0
    stated = _EXIT.match(output) if failed else None
    if failed:
        code = int(stated[1]) if stated else None
    if details.get("interrupted") is True or details.get("backgroundTaskId"):
        code = None
    shown = output[stated.end() :] if stated else _ERROR_MARKS.sub("", output)
    return CommandRan(command=command, exit_code=code, output=cropped(shown))


def _plan(arguments: dict[str, Any]) -> PlanUpdated:
    todos = map(mapping, sequence(arguments.get("todos")))
    return PlanUpdated(
        items=tuple(
            PlanItem(bounded(text(todo.get("content"))), todo.get("status") == "completed")
            for todo in todos
        )
    )


def _tokens(usage: dict[str, Any]) -> Tokens:
    """With what was read from and written to the cache as part of the input."""
    cached = number(usage.get("cache_read_input_tokens"))
    written = number(usage.get("cache_creation_input_tokens"))
    return Tokens(
        input=number(usage.get("input_tokens")) + cached + written,
        cached_input=cached,
        output=number(usage.get("output_tokens")),
    )
