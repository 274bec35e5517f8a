"""Rollouts: the files that Codex keeps of its sessions, `rollout-*.jsonl`.

Versions differ. The oldest have bare items in their lines; later ones have `type` and `payload`,
where `response_item` is what model and tools said, and `event_msg` what Codex showed. Both may say
the same, so messages are taken from the items, and commands from the events where there are any:
they have exit code and duration, and Codex's code mode has no other record of them.
"""

import json
import re
import shlex
from typing import Any

from msgspec.structs import replace

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
from crossrun.model.tokens import NO_TOKENS, Tokens
from crossrun.sessions.codex_outputs import ToolOutput, tool_output
from crossrun.sessions.items import Asked, Happened, Opened, SessionFacts, SessionItem, Stopped
from crossrun.sessions.lines import UnknownKind
from crossrun.sessions.patches import changes_in, patch_in
from crossrun.sessions.values import (
    LONGEST_TEXT,
    bounded,
    cropped,
    in_folder,
    mapping,
    moment,
    number,
    relative,
    sequence,
    text,
    texts_in,
)
from crossrun.sessions.wording import request_in

_SHELLS = ("bash", "sh", "zsh", "dash", "fish", "pwsh", "powershell", "powershell.exe", "cmd.exe")
_SCRIPT_FLAGS = ("-lc", "-c", "-command", "/c")
_COMMANDS = (
    "shell", "container.exec", "shell_command", "exec_command", "local_shell", "unified_exec",
)  # fmt: skip
_MOST_CALLS = 1_000
"""So many calls without a result, or with one, are remembered."""
_CWD = re.compile(r"<cwd>(.*?)</cwd>|Current working directory: (\S+)")
_CHANGES = {"add": "added", "update": "modified", "delete": "deleted"}
_SILENT_LINES = ("compacted", "world_state", "token_usage_record", "state")
_SILENT_ITEMS = (
    "additional_tools", "agent_message", "compaction", "compaction_summary", "context_compaction",
    "ghost_snapshot", "image_generation_call", "other", "tool_search_call", "tool_search_output",
)  # fmt: skip


class _Call(dict[str, Any]):
    """The arguments of a call whose result has not been read yet; `name` is the tool's."""

    def __init__(self, name: str, arguments: dict[str, Any], at: str) -> None:
        super().__init__(arguments)
        self.name = name
        self.at = at


class RolloutReader:
    """Reads one rollout."""

    def __init__(self) -> None:
        self._facts: SessionFacts | None = None
        self._at = ""
        self._calls: dict[str, _Call] = {}
        self._done: dict[str, None] = {}
        """Calls whose result an event has told; their output says it again."""
        self._used = NO_TOKENS

    def read(self, line: dict[str, Any]) -> list[SessionItem]:
        """What a line says; raises UnknownKind and the errors of damaged values."""
        self._at = moment(line.get("timestamp")) or self._at
        kind, payload = line.get("type"), line.get("payload")
        if kind is None and "record_type" not in line and "id" in line:
            return self._opened(line)
        if not isinstance(payload, dict):
            return self._item(line) if kind is not None else []
        match kind:
            case "session_meta":
                return self._opened(payload.get("meta") or payload) if not self._facts else []
            case "turn_context":
                return self._moved(payload)
            case "response_item":
                return self._item(payload)
            case "event_msg":
                return self._event(payload)
            case _ if kind in _SILENT_LINES:
                return []
            case _:
                raise UnknownKind(str(kind))

    def close(self) -> list[SessionItem]:
        """Commands that were still running when the session ended."""
        left = [(call_id, call) for call_id, call in self._calls.items() if call.name in _COMMANDS]
        self._calls.clear()
        return [
            item
            for call_id, call in left
            for item in self._ran(call_id, call, ToolOutput("", None, None), call.at)
        ]

    # what the session is

    def _opened(self, meta: dict[str, Any]) -> list[SessionItem]:
        git = mapping(meta.get("git"))
        source = meta.get("source")
        self._facts = SessionFacts(
            session_id=text(meta["id"]),
            cwd=_local(text(meta.get("cwd"))),
            began_at=moment(meta.get("timestamp")) or self._at,
            branch=text(git.get("branch")),
            commit=text(git.get("commit_hash")),
            version=text(meta.get("cli_version")),
            sub_agent=isinstance(source, dict) or meta.get("thread_source") == "subagent",
        )
        if not self._facts.session_id:
            raise ValueError("a session without an id")
        return [Opened(self._facts)]

    def _moved(self, context: dict[str, Any]) -> list[SessionItem]:
        if self._facts is None:
            return []
        cwd = self._facts.cwd or _local(text(context.get("cwd")))
        facts = replace(self._facts, cwd=cwd, model=text(context.get("model")) or self._facts.model)
        if facts == self._facts:
            return []
        self._facts = facts
        return [Opened(facts)]

    @property
    def _cwd(self) -> str:
        return self._facts.cwd if self._facts else ""

    # items of the conversation

    def _item(self, item: dict[str, Any]) -> list[SessionItem]:
        call_id = text(item.get("call_id")) or text(item.get("id"))
        match item.get("type"):
            case "message":
                return self._message(item)
            case "reasoning":
                summary = texts_in(item.get("summary"))
                return (
                    [self._did(AgentReasoned(text=cropped(summary, LONGEST_TEXT)))]
                    if summary
                    else []
                )
            case "function_call":
                arguments = _arguments(item.get("arguments"))
                return self._called(call_id, text(item["name"]), arguments)
            case "local_shell_call":
                return self._called(call_id, "local_shell", mapping(item.get("action")))
            case "custom_tool_call":
                arguments = {"input": text(item.get("input"))}
                return self._called(call_id, text(item["name"]), arguments)
            case "function_call_output" | "custom_tool_call_output" | "local_shell_call_output":
                return self._returned(call_id, tool_output(item.get("output")))
            case "web_search_call":
                action = bounded(item.get("action"))
                query = mapping(action).get("query")
                used = {"query": query, "action": action}
                return [self._did(ToolCalled(tool="web_search", arguments=used), call_id)]
            case kind if kind in _SILENT_ITEMS:
                return []
            case kind:
                raise UnknownKind(f"response_item {kind}")

    def _message(self, item: dict[str, Any]) -> list[SessionItem]:
        content = texts_in(item.get("content"))
        match item.get("role"):
            case "assistant":
                message = AgentSpoke(text=cropped(content, LONGEST_TEXT))
                return [self._did(message)] if content.strip() else []
            case "user":
                match = _CWD.search(content) if not self._cwd else None
                moved = self._moved({"cwd": match[1] or match[2]}) if match else []
                asked = request_in(content)
                if asked is None:
                    return moved
                return [*moved, Asked(cropped(asked, LONGEST_TEXT), self._at)]
            case _:
                return []

    def _called(self, call_id: str, name: str, arguments: dict[str, Any]) -> list[SessionItem]:
        if name == "write_stdin" or (name == "exec" and "input" in arguments):
            return []  # it continues a command, or runs code whose commands have their own events
        if name == "update_plan":
            return [self._did(_plan(arguments), call_id)]
        _remember(self._calls, call_id, _Call(name, arguments, self._at))
        return []

    def _returned(self, call_id: str, output: ToolOutput) -> list[SessionItem]:
        call = self._calls.get(call_id)
        if call is None or output.is_running:
            return []
        del self._calls[call_id]
        return self._ran(call_id, call, output, self._at)

    def _ran(self, call_id: str, call: _Call, output: ToolOutput, at: str) -> list[SessionItem]:
        events: list[AgentEvent]
        if call.name in _COMMANDS:
            script = call.get("command") or call.get("cmd")
            folder = text(call.get("workdir")) or text(call.get("working_directory"))
            events = self._command(script, folder, output)
        elif call.name == "apply_patch":
            patch = text(call.get("input")) or text(call.get("patch"))
            events = list(changes_in(patch, self._cwd, ok=output.exit_code in (0, None)))
        else:
            failed = output.exit_code not in (0, None)
            events = [
                ToolCalled(
                    tool=call.name,
                    arguments=bounded(dict(call)),
                    result=None if failed else bounded(output.text),
                    error=bounded(output.text) or "it failed" if failed else None,
                )
            ]
        return [Happened(event, at, call_id) for event in events]

    def _command(
        self,
        command: Any,  # noqa: ANN401  unchecked JSON
        folder: str,
        output: ToolOutput,
    ) -> list[AgentEvent]:
        argv = [text(word) for word in sequence(command)]
        if argv[:1] in (["apply_patch"], ["applypatch"]):
            return list(changes_in(argv[-1], self._cwd, ok=output.exit_code == 0))
        script = in_folder(script_of(argv or text(command)), folder, self._cwd)
        patch = patch_in(script)
        changes: list[AgentEvent] = []
        if patch is not None:
            changes += changes_in(patch, self._cwd, ok=output.exit_code == 0)
        if changes:
            return changes
        if output.declined:
            return [CommandDeclined(command=script)]
        return [
            CommandRan(
                command=script,
                exit_code=output.exit_code,
                output=cropped(output.text),
                duration_s=output.seconds,
            )
        ]

    # what Codex showed

    def _event(self, event: dict[str, Any]) -> list[SessionItem]:
        match event.get("type"):
            case "turn_aborted":
                return [Stopped("aborted", self._at, text(event.get("reason")))]
            case "task_complete" | "turn_complete" | "turn_completed":
                return [Stopped("completed", self._at)]
            case "error" | "turn_failed":
                message = text(event.get("message")) or text(
                    mapping(event.get("error")).get("message")
                )
                return [Stopped("failed", self._at, cropped(message, 2_000))]
            case "token_count":
                return self._usage(mapping(mapping(event.get("info")).get("total_token_usage")))
            case "exec_command_end":
                return self._executed(text(event.get("call_id")), event)
            case "patch_apply_end":
                ok = event.get("success") is not False
                return self._changed(text(event.get("call_id")), event.get("changes"), ok=ok)
            case "mcp_tool_call_end":
                return self._used_tool(text(event.get("call_id")), event)
            case "item_completed":
                return self._completed(mapping(event.get("item")))
            case _:
                return []  # the others repeat items, or say how Codex itself is doing

    def _completed(self, item: dict[str, Any]) -> list[SessionItem]:
        call_id = text(item.get("id"))
        match item.get("type"):
            case "CommandExecution":
                return self._executed(call_id, item)
            case "FileChange":
                ok = item.get("status") in ("completed", None)
                return self._changed(call_id, item.get("changes"), ok=ok)
            case "McpToolCall":
                return self._used_tool(call_id, item)
            case _:
                return []

    def _executed(self, call_id: str, event: dict[str, Any]) -> list[SessionItem]:
        if not self._settle(call_id):
            return []
        code, took = event.get("exit_code"), mapping(event.get("duration"))
        seconds = number(took.get("secs")) + number(took.get("nanos")) / 1e9 if took else None
        output = ToolOutput(
            text(event.get("aggregated_output")) or text(event.get("stdout")),
            code if type(code) is int else None,
            None if seconds is None else round(seconds, 3),
            declined=event.get("status") == "declined",
        )
        events = self._command(event["command"], _local(text(event.get("cwd"))), output)
        return [Happened(each, self._at, call_id) for each in events]

    def _changed(self, call_id: str, changes: Any, *, ok: bool) -> list[SessionItem]:  # noqa: ANN401
        if not self._settle(call_id):
            return []
        return [
            Happened(
                FileChanged.of(
                    relative(_local(path), self._cwd), _CHANGES[_kind_of(change)], ok=ok
                ),
                self._at,
                call_id,
            )
            for path, change in mapping(changes).items()
        ]

    def _used_tool(self, call_id: str, event: dict[str, Any]) -> list[SessionItem]:
        if not self._settle(call_id):
            return []
        call = mapping(event.get("invocation")) or event
        result = event.get("result")
        outcome = mapping(result)
        failed = "Err" in outcome or bool(event.get("error"))
        error = text(outcome.get("Err")) or texts_in(event.get("error")) or "it failed"
        called = ToolCalled(
            tool=f"{text(call.get('server'))}.{text(call.get('tool'))}",
            arguments=bounded(call.get("arguments")),
            result=None if failed else bounded(outcome.get("Ok", result)),
            error=bounded(error) if failed else None,
        )
        return [self._did(called, call_id)]

    def _settle(self, call_id: str) -> bool:
        """Notes that the result of a call is known; False if it was before."""
        if call_id and call_id in self._done:
            return False
        self._calls.pop(call_id, None)
        _remember(self._done, call_id, None)
        return True

    def _usage(self, total: dict[str, Any]) -> list[SessionItem]:
        used = Tokens(
            input=number(total.get("input_tokens")),
            cached_input=number(total.get("cached_input_tokens")),
            output=number(total.get("output_tokens")),
            reasoning=number(total.get("reasoning_output_tokens")),
        )
        more = (used - self._used).or_none()
        self._used = used
        if not more.total:
            return []
        return [self._did(UsageReported(source="agent", tokens=more, thread_total=used))]

    def _did(self, event: AgentEvent, call_id: str = "") -> Happened:
        return Happened(event, self._at, call_id)


def script_of(command: list[str] | str) -> str:
    """A command without the shell around it."""
    match command:
        case str():
            return command
        case [program, *_, flag, script] if _is_shell(program) and flag.lower() in _SCRIPT_FLAGS:
            return script
        case _:
            return shlex.join(command)


def _is_shell(program: str) -> bool:
    return re.split(r"[/\\]", program)[-1].lower() in _SHELLS


def _remember(calls: dict[str, Any], key: str, value: object) -> None:
    calls[key] = value
    if len(calls) > _MOST_CALLS:
        del calls[next(iter(calls))]


def _local(path: str) -> str:
    return path.removeprefix("file://")


def _kind_of(change: Any) -> str:  # noqa: ANN401  unchecked JSON
    """`{"type": "add"}`, or `{"add": {}}` in older versions."""
    values = mapping(change)
    return text(values.get("type")) or next(iter(values))


def _arguments(value: Any) -> dict[str, Any]:  # noqa: ANN401  unchecked JSON
    """The arguments of a call, which are JSON in a text; a model may get that wrong."""
    try:
        return mapping(json.loads(value) if isinstance(value, str) else value)
    except ValueError:
        return {"input": value}


def _plan(arguments: dict[str, Any]) -> PlanUpdated:
    steps = map(mapping, sequence(arguments.get("plan")))
    return PlanUpdated(
        items=tuple(
            PlanItem(bounded(text(step.get("step"))), step.get("status") == "completed")
            for step in steps
        )
    )
