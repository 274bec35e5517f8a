"""The scripted model against its most demanding client, the real Codex CLI."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from scripted_model import Scenario, Script, ScriptedModel

pytestmark = pytest.mark.codex

Event = dict[str, Any]
NO_RETRIES = "request_max_retries=0,stream_max_retries=0"


class Codex:
    """Codex with a home and a workspace of its own."""

    def __init__(self, executable: str, folder: Path) -> None:
        self.executable = executable
        self.home = folder / "codex-home"
        self.workspace = folder / "workspace"
        self.home.mkdir()
        self.workspace.mkdir()

    def run(
        self, model: ScriptedModel, prompt: str, *, resume: str = "", provider: str = ""
    ) -> list[Event]:
        """Give Codex a task and collect what it tells on stdout."""
        settings = f'name="mock",base_url="{model.base_url}",env_key="OPENAI_API_KEY"'
        settings += ',wire_api="responses"' + (f",{provider}" if provider else "")
        command = [self.executable, "exec", "-s", "workspace-write", "-C", str(self.workspace)]
        command += ["resume"] if resume else []
        command += ["--json", "--skip-git-repo-check", "-m", "mock", "-c", "model_provider=mock"]
        command += ["-c", f"model_providers.mock={{{settings}}}"]
        command += [resume, prompt] if resume else [prompt]
        done = subprocess.run(
            command,
            env={**os.environ, "CODEX_HOME": str(self.home), "OPENAI_API_KEY": "sk-test"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return [json.loads(line) for line in done.stdout.split(b"\n") if line]


@pytest.fixture
def codex(codex_path: str, tmp_path: Path) -> Codex:
    return Codex(codex_path, tmp_path)


def items(events: list[Event], kind: str) -> list[Event]:
    completed = [event["item"] for event in events if event["type"] == "item.completed"]
    return [item for item in completed if item["type"] == kind]


def test_codex_repeats_what_the_model_says(codex: Codex) -> None:
    with ScriptedModel([[{"reasoning": "Be polite"}, "Hello."]]) as model:
        events = codex.run(model, "say hello")

    assert [item["text"] for item in items(events, "agent_message")] == ["Hello."]
    assert [item["text"] for item in items(events, "reasoning")] == ["Be polite"]
    assert [request.last_user for request in model.requests] == ["say hello"]
    assert events[-1]["usage"]["input_tokens"] == 100


def test_a_shell_command_writes_into_the_workspace(codex: Codex) -> None:
    with ScriptedModel([{"shell": "echo made | tee made.txt"}, "Done."]) as model:
        events = codex.run(model, "make a file")

    assert (codex.workspace / "made.txt").read_text() == "made\n"
    assert [item["exit_code"] for item in items(events, "command_execution")] == [0]
    assert "made" in model.requests[1].tool_outputs[0]


def test_a_patch_is_reported_as_a_file_change(codex: Codex) -> None:
    with ScriptedModel([{"write_file": "new.txt", "content": "one\ntwo\n"}, "Done."]) as model:
        events = codex.run(model, "add a file")

    assert (codex.workspace / "new.txt").read_text() == "one\ntwo\n"
    (change,) = items(events, "file_change")
    assert [(Path(c["path"]).name, c["kind"]) for c in change["changes"]] == [("new.txt", "add")]


def test_a_rejected_key_ends_the_turn_as_failed(codex: Codex) -> None:
    with ScriptedModel([{"http_error": 401}]) as model:
        events = codex.run(model, "say hello", provider=NO_RETRIES)

    assert events[-1]["type"] == "turn.failed"
    assert "Incorrect API key" in events[-1]["error"]["message"]


def test_a_resumed_thread_gets_the_scenario_of_its_new_message(codex: Codex) -> None:
    script: Script = [
        Scenario([{"shell": "touch first"}, "First."], match="begin"),
        Scenario([{"http_error": 500, "times": 2}, {"shell": "touch second"}, "Second."]),
    ]
    with ScriptedModel(script) as model:
        begun = codex.run(model, "begin")
        resumed = codex.run(model, "go on", resume=begun[0]["thread_id"])

    assert resumed[0]["thread_id"] == begun[0]["thread_id"]
    assert [item["text"] for item in items(resumed, "agent_message")] == ["Second."]
    assert {path.name for path in codex.workspace.iterdir()} == {"first", "second"}
    assert [request.turn for request in model.requests] == [0, 1, 0, 1, 2, 3]
