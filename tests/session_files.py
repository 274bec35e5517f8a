"""Session files in the forms of several versions of Codex and Claude Code, written by stories.

A story is a list of what happened: `>text` the user wrote, `<text` the agent said, `~path` it
changed a file, `+path` it made one, `$N command` a command with exit code N, `!` the user
interrupted the agent, `.` the turn ended.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

BEGAN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
STORY = (
    ">Fix the failing test in calc.py",
    "<I will run the tests first.",
    "$1 pytest -q",
    "~calc.py",
    "$0 pytest -q",
    "<The test passes now.",
    ".",
    ">thanks, that works!",
    "<You are welcome.",
    ".",
    ">Add a subtract function to calc.py, and test it",
    "~calc.py",
    "+tests/test_subtract.py",
    "$1 pytest -q",
    "<Done.",
    ".",
    ">still failing",
    "~calc.py",
    "$0 pytest -q",
    "<It passes now.",
    ".",
    ">Publish the documentation on the server",
    "$0 make html",
    "!",
)
"""Three tasks: praised, corrected and checked, interrupted."""
CODEX_FORMS = ("bare", "0.34", "0.63", "0.169")
CLAUDE_FORMS = ("1.0", "2.1")


class _Clock:
    def __init__(self, began: datetime) -> None:
        self._now = began

    def __call__(self) -> str:
        self._now += timedelta(seconds=10)
        return self._now.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def codex_session(
    form: str = "0.63",
    story: Sequence[str] = STORY,
    *,
    session_id: str = "019c0000-0000-7000-8000-000000000001",
    cwd: str = "/home/ben/work/calculator",
    began: datetime = BEGAN,
    source: object = "cli",
    calls: str = "call",
) -> list[str]:
    """The lines of a rollout."""
    clock = _Clock(began)
    writer = _Codex(form, cwd, calls)
    lines = list(writer.opening(session_id, clock(), source))
    for happened in story:
        lines += writer.lines(happened, clock())
    return [json.dumps(line) for line in lines]


class _Codex:
    def __init__(self, form: str, cwd: str, calls: str) -> None:
        self._form = form
        self._cwd = cwd
        self._prefix = calls
        self._calls = 0

    def opening(self, session_id: str, at: str, source: object) -> Iterator[dict[str, Any]]:
        context = f"<environment_context>\n  <cwd>{self._cwd}</cwd>\n</environment_context>"
        if self._form == "bare":
            yield {"id": session_id, "timestamp": at, "instructions": None, "git": {}}
            yield {"record_type": "state"}
        else:
            yield self._line(
                at,
                "session_meta",
                {
                    "id": session_id,
                    "timestamp": at,
                    "cwd": self._cwd,
                    "originator": "codex_cli_rs",
                    "cli_version": f"{self._form}.0",
                    "source": source,
                    "git": {"branch": "main", "commit_hash": "0" * 40},
                },
            )
        yield self._message(at, "user", context)
        yield self._message(at, "user", "# AGENTS.md instructions for here\n\nRun the tests.")

    def lines(self, happened: str, at: str) -> Iterator[dict[str, Any]]:
        sign, text = happened[0], happened[1:]
        match sign:
            case ">":
                yield self._message(at, "user", text)
                if self._form != "bare":
                    yield self._event(at, {"type": "user_message", "message": text})
                    yield self._line(at, "turn_context", {"cwd": self._cwd, "model": "gpt-test"})
            case "<":
                if self._form != "bare":
                    yield self._event(at, {"type": "agent_message", "message": text})
                yield self._message(at, "assistant", text)
            case "~" | "+":
                yield from self._patch(at, text, new=sign == "+")
            case "$":
                code, _, command = text.partition(" ")
                yield from self._command(at, command, int(code))
            case "!":
                yield self._event(at, {"type": "turn_aborted", "reason": "interrupted"})
            case ".":
                if self._form == "0.169":
                    yield self._event(at, {"type": "task_complete", "last_agent_message": ""})

    def _patch(self, at: str, path: str, *, new: bool) -> Iterator[dict[str, Any]]:
        head = f"*** {'Add' if new else 'Update'} File: {path}"
        patch = f"*** Begin Patch\n{head}\n@@\n+changed\n*** End Patch"
        call_id = self._next_call()
        if self._form in ("bare", "0.34"):
            arguments = json.dumps({"command": ["apply_patch", patch]})
            yield self._item(at, _call("shell", arguments, call_id))
            output = json.dumps({"output": "Success.", "metadata": {"exit_code": 0}})
            yield self._item(at, _output(call_id, output))
            return
        yield self._item(
            at,
            {"type": "custom_tool_call", "call_id": call_id, "name": "apply_patch", "input": patch},
        )
        if self._form == "0.169":
            item = {
                "type": "FileChange",
                "id": call_id,
                "changes": {f"{self._cwd}/{path}": {"type": "add" if new else "update"}},
                "status": "completed",
            }
            yield self._event(at, {"type": "item_completed", "item": item})
        output = json.dumps({"output": "Success.", "metadata": {"exit_code": 0}})
        yield self._item(
            at, {"type": "custom_tool_call_output", "call_id": call_id, "output": output}
        )

    def _command(self, at: str, command: str, code: int) -> Iterator[dict[str, Any]]:
        call_id, shown = self._next_call(), f"output of {command}"
        match self._form:
            case "bare" | "0.34":
                arguments = json.dumps({"command": ["bash", "-lc", command]})
                yield self._item(at, _call("shell", arguments, call_id))
                metadata = {"exit_code": code, "duration_seconds": 0.5}
                output = json.dumps({"output": shown, "metadata": metadata})
            case "0.63":
                arguments = json.dumps({"command": command, "workdir": self._cwd})
                yield self._item(at, _call("shell_command", arguments, call_id))
                output = f"Exit code: {code}\nWall time: 0.5 seconds\nOutput:\n{shown}"
            case _:
                yield self._item(at, _call("exec_command", json.dumps({"cmd": command}), call_id))
                item = {
                    "type": "CommandExecution",
                    "id": call_id,
                    "command": ["/bin/bash", "-lc", command],
                    "cwd": f"file://{self._cwd}",
                    "status": "completed" if code == 0 else "failed",
                    "aggregated_output": shown,
                    "exit_code": code,
                    "duration": {"secs": 0, "nanos": 500_000_000},
                }
                yield self._event(at, {"type": "item_completed", "item": item})
                output = (
                    f"Chunk ID: a1\nWall time: 0.5000 seconds\nProcess exited with code {code}\n"
                    f"Original token count: 3\nOutput:\n{shown}"
                )
        yield self._item(at, _output(call_id, output))
        if self._form != "bare":
            used = {"input_tokens": 100 * self._calls, "output_tokens": 10 * self._calls}
            yield self._event(at, {"type": "token_count", "info": {"total_token_usage": used}})

    def _next_call(self) -> str:
        self._calls += 1
        return f"{self._prefix}_{self._calls}"

    def _message(self, at: str, role: str, text: str) -> dict[str, Any]:
        kind = "output_text" if role == "assistant" else "input_text"
        content = [{"type": kind, "text": text}]
        return self._item(at, {"type": "message", "role": role, "content": content})

    def _item(self, at: str, item: dict[str, Any]) -> dict[str, Any]:
        return item if self._form == "bare" else self._line(at, "response_item", item)

    def _event(self, at: str, event: dict[str, Any]) -> dict[str, Any]:
        return self._line(at, "event_msg", event)

    @staticmethod
    def _line(at: str, kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        return {"timestamp": at, "type": kind, "payload": payload}


def _call(name: str, arguments: str, call_id: str) -> dict[str, Any]:
    return {"type": "function_call", "name": name, "arguments": arguments, "call_id": call_id}


def _output(call_id: str, output: str) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def claude_session(
    form: str = "2.1",
    story: Sequence[str] = STORY,
    *,
    session_id: str = "7d3c0000-0000-4000-8000-000000000001",
    cwd: str = "/home/ben/work/calculator",
    began: datetime = BEGAN,
    calls: str = "toolu",
) -> list[str]:
    """The lines of a session of Claude Code."""
    clock = _Clock(began)
    writer = _Claude(form, session_id, cwd, calls)
    lines = list(writer.opening(clock()))
    for number, happened in enumerate(story):
        ends = story[number + 1 : number + 2] == (".",)
        lines += writer.lines(happened, clock(), ends=ends)
    return [json.dumps(line) for line in lines]


class _Claude:
    def __init__(self, form: str, session_id: str, cwd: str, calls: str) -> None:
        self._form = form
        self._common = {
            "sessionId": session_id,
            "cwd": cwd,
            "version": f"{form}.0",
            "gitBranch": "main",
            "isSidechain": False,
            "userType": "external",
        }
        self._cwd = cwd
        self._prefix = calls
        self._calls = 0

    def opening(self, at: str) -> Iterator[dict[str, Any]]:
        if self._form == "1.0":
            yield {"type": "summary", "summary": "An earlier talk", "leafUuid": "x"}
        else:
            yield {"type": "file-history-snapshot", "messageId": "x", "snapshot": {}}
        yield self._user(at, "<command-name>/clear</command-name>")
        yield self._user(at, "Caveat: The messages below were generated by", isMeta=True)
        sidechain = self._user(at, "A task for a sub-agent: look around")
        yield sidechain | {"isSidechain": True}

    def lines(self, happened: str, at: str, *, ends: bool) -> Iterator[dict[str, Any]]:
        sign, text = happened[0], happened[1:]
        match sign:
            case ">":
                yield self._user(at, text)
            case "<":
                block = {"type": "text", "text": text}
                yield self._assistant(at, block, stop="end_turn" if ends else None)
            case "~" | "+":
                yield from self._edit(at, text, new=sign == "+")
            case "$":
                code, _, command = text.partition(" ")
                yield from self._bash(at, command, int(code))
            case "!":
                yield self._user(at, [{"type": "text", "text": "[Request interrupted by user]"}])

    def _edit(self, at: str, path: str, *, new: bool) -> Iterator[dict[str, Any]]:
        where = {"file_path": f"{self._cwd}/{path}"}
        name = "Write" if new else "Edit"
        arguments = where | ({"content": "x"} if new else {"old_string": "a", "new_string": "b"})
        details = {"type": "create", "filePath": where["file_path"]} if new else where
        yield from self._tool(at, name, arguments, "The file was changed.", details)

    def _bash(self, at: str, command: str, code: int) -> Iterator[dict[str, Any]]:
        shown = f"output of {command}"
        output = shown if code == 0 else f"Exit code {code}\n{shown}"
        details: object = {"stdout": shown, "stderr": "", "interrupted": False}
        if code:
            details = f"Error: {output}"
        yield from self._tool(at, "Bash", {"command": command}, output, details, failed=code != 0)

    def _tool(
        self,
        at: str,
        name: str,
        arguments: object,
        output: str,
        details: object,
        *,
        failed: bool = False,
    ) -> Iterator[dict[str, Any]]:
        self._calls += 1
        call_id = f"{self._prefix}_{self._calls}"
        use = {"type": "tool_use", "id": call_id, "name": name, "input": arguments}
        yield self._assistant(at, use, stop="tool_use")
        result = {
            "type": "tool_result",
            "tool_use_id": call_id,
            "content": output if self._form == "1.0" else [{"type": "text", "text": output}],
            "is_error": failed,
        }
        yield self._user(at, [result], toolUseResult=details)

    def _user(self, at: str, content: object, **more: object) -> dict[str, Any]:
        message = {"role": "user", "content": content}
        return {"type": "user", "message": message, "timestamp": at, **self._common, **more}

    def _assistant(self, at: str, block: dict[str, Any], *, stop: str | None) -> dict[str, Any]:
        message = {
            "id": f"msg_{self._calls}_{block['type']}",
            "role": "assistant",
            "model": "claude-test",
            "content": [block],
            "stop_reason": stop,
            "usage": {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 10},
        }
        return {"type": "assistant", "message": message, "timestamp": at, **self._common}


def write_codex(home: Path, lines: Sequence[str], name: str = "a") -> Path:
    """Writes a rollout where Codex does."""
    file = home / "sessions" / "2026" / "03" / "02" / f"rollout-2026-03-02T09-00-00-{name}.jsonl"
    return _written(file, lines)


def write_claude(home: Path, lines: Sequence[str], name: str = "a") -> Path:
    """Writes a session where Claude Code does."""
    return _written(home / "projects" / "-home-ben-work-calculator" / f"{name}.jsonl", lines)


def _written(file: Path, lines: Sequence[str]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{line}\n" for line in lines))
    return file
