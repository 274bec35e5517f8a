"""The planning model on the real `openai` package, with a scripted server."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Crossrun, Result, types
from contracts import PlannerContract
from scripted_model import Scenario, Script, ScriptedModel

from crossrun.planning import Planner
from crossrun.planning.direct import DirectPlanner
from crossrun.planning.openai import OpenAIPlanner

STEP = {"call": "codex_exec", "arguments": {"prompt": "do a part"}}


def planned(crossrun: Crossrun, script: Script, *words: str, **environ: str) -> Result:
    """A run whose planner follows a script and whose agent is a replay."""
    with ScriptedModel(script) as model:
        given = {"OPENAI_API_KEY": "sk-plan-" + "x" * 24, "OPENAI_BASE_URL": model.base_url}
        return crossrun(
            *("run", "task", "--executor", "replay", "--planner", "openai", "--json"),
            *words,
            **{**given, **environ},
        )


def test_the_planner_sees_what_came_of_each_step(crossrun: Crossrun) -> None:
    with ScriptedModel([STEP, "All done."]) as model:
        key = {"OPENAI_API_KEY": "sk-plan", "OPENAI_BASE_URL": model.base_url}
        words = ("run", "my task", "--executor", "replay", "--planner", "openai", "--json")
        run = crossrun(*words, "--planner-model", "planner-1", **key).json
        first, second = model.requests

    assert (run["status"], run["planner"], run["planner_model"]) == (
        "succeeded",
        "openai",
        "planner-1",
    )
    assert first.body["model"] == "planner-1"
    assert first.last_user == "my task"
    assert "failing" in first.developer_text or "test" in first.developer_text
    assert [tool["function"]["name"] for tool in first.body["tools"]] == ["codex_exec"]
    (report,) = second.tool_outputs
    assert '"changed_files": ["duration.py", "test_duration.py"]' in report
    assert '"exit_code": 1' in report
    assert run["tokens"] == {"input": 200, "cached_input": 20, "output": 40, "reasoning": 10}


def test_a_report_has_a_bound_whatever_the_agent_did(crossrun: Crossrun) -> None:
    files = [
        {"type": "file_changed", "path": f"{n}.txt", "change": "added", "content": ""}
        for n in range(1100)
    ]
    ran = {"type": "command_ran", "output": ""}
    commands = [{**ran, "command": f"exit {n}", "exit_code": n} for n in range(1, 61)]
    recording = crossrun.cwd / "long.yaml"
    about = {"recording": 1, "title": "long", "task_type": "code", "task": "go on"}
    recording.write_text(json.dumps({**about, "events": [*files, *commands]}))
    planned(crossrun, [STEP, "All done."], "--recording", str(recording), "--yes")

    second = [e for e in crossrun.events() if e["type"] == "planner_replied"][1]
    report = json.loads(second["sent"][0]["content"])
    assert len(report["changed_files"]) == 1000
    assert [one["exit_code"] for one in report["failed_commands"]] == list(range(11, 61))


def test_the_planners_conversation_is_stored_whole(crossrun: Crossrun) -> None:
    planned(crossrun, [STEP, "All done."])
    replies = [e for e in crossrun.events() if e["type"] == "planner_replied"]

    roles = [[m["role"] for m in [*e["sent"], e["reply"]]] for e in replies]
    assert roles == [["system", "user", "assistant"], ["tool", "assistant"]]
    assert replies[1]["reply"]["content"] == "All done."
    assert replies[1]["sent"][0]["tool_call_id"] == replies[0]["reply"]["tool_calls"][0]["id"]


@pytest.mark.parametrize(
    ("script", "code", "exit_code"),
    [
        ([{"http_error": 401}], "PLANNER_AUTH", 4),
        ([{"http_error": 403}], "PLANNER_AUTH", 4),
        ([{"http_error": 429, "times": 5}], "RATE_LIMITED", 5),
        (
            [{"http_error": {"status": 429, "code": "insufficient_quota"}, "times": 5}],
            "QUOTA_EXCEEDED",
            5,
        ),
        ([{"http_error": 500, "times": 5}], "PROVIDER_ERROR", 5),
        ([{"http_error": 404}], "PROVIDER_ERROR", 5),
        ([{"http_error": {"status": 200, "body": "<html>hello</html>"}}], "PROVIDER_ERROR", 5),
        ([{"call": "codex_exec", "arguments": "{broken"}], "PLANNER_BAD_CALL", 1),
        ([{"call": "codex_exec", "arguments": {"text": "no prompt"}}], "PLANNER_BAD_CALL", 1),
        ([{"call": "codex_exec", "arguments": {"prompt": " "}}], "PLANNER_BAD_CALL", 1),
        ([{"call": "rm_rf", "arguments": {"prompt": "x"}}], "PLANNER_BAD_CALL", 1),
        (["I would rather not."], "PLANNER_NEVER_ACTED", 1),
    ],
)
def test_a_planner_that_fails_is_a_typed_failure(
    crossrun: Crossrun, script: Script, code: str, exit_code: int
) -> None:
    result = planned(crossrun, script)

    run = result.json
    assert (run["status"], run["failure"]["code"]) == ("failed", code)
    assert result.code == run["exit_code"] == exit_code
    assert run["failure"]["hint"]
    assert types(crossrun.events())[-1] == "run_finished"
    assert "sk-plan-" not in result.out


@pytest.mark.parametrize("address", ["http://127.0.0.1:port/v1", "http://[v1", "v1"])
def test_an_address_that_is_none_is_a_typed_failure(crossrun: Crossrun, address: str) -> None:
    result = planned(crossrun, [], OPENAI_BASE_URL=address)

    assert result.json["status"] == "failed"
    assert result.json["failure"]["code"] in ("PROVIDER_ERROR", "PROVIDER_UNREACHABLE")


def test_a_planner_that_never_answers_ends_by_the_timeout(crossrun: Crossrun) -> None:
    began = time.monotonic()
    result = planned(crossrun, [{"hang": "before_headers"}], "--timeout", "2")

    assert (result.code, result.json["status"]) == (124, "timed_out")
    assert time.monotonic() - began < 10


def test_tokens_bound_a_run(crossrun: Crossrun) -> None:
    script: Script = [Scenario([STEP], after="loop")]
    result = planned(crossrun, script, "--max-tokens", "300")

    assert (result.code, result.json["failure"]["code"]) == (7, "TOKEN_LIMIT")
    assert types(crossrun.events()).count("step_finished") == 2


def test_a_planner_without_a_key_is_refused_unless_it_has_an_address(crossrun: Crossrun) -> None:
    refused = crossrun("run", "x", "--executor", "replay", "--planner", "openai", "--json")
    local = planned(crossrun, [STEP, "Done."], OPENAI_API_KEY="")

    assert (refused.code, refused.json["error"]["code"]) == (4, "PLANNER_AUTH")
    assert local.json["status"] == "succeeded"


def test_a_planner_may_not_write_scripts_for_the_shell(crossrun: Crossrun) -> None:
    words = ("run", "x", "--executor", "shell", "--planner", "openai", "--json")
    result = crossrun(*words, OPENAI_API_KEY="sk-x")

    assert (result.code, result.json["error"]["code"]) == (2, "PLANNER_WITH_SHELL")


def test_the_planner_is_imported_only_where_it_plans(tmp_path: Path) -> None:
    code = "import sys, crossrun.planning.openai; print('openai' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_a_call_that_cannot_be_carried_out_is_paid_for_all_the_same(crossrun: Crossrun) -> None:
    for script in ([{"call": "rm_rf", "arguments": {"prompt": "x"}}], ["I would rather not."]):
        run = planned(crossrun, script).json
        assert run["status"] == "failed"
        assert run["tokens"] == {"input": 100, "cached_input": 10, "output": 20, "reasoning": 5}


class TestDirectPlannerKeepsTheContract(PlannerContract):
    def planner(self) -> Planner:
        return DirectPlanner()


class TestOpenAIPlannerKeepsTheContract(PlannerContract):
    @pytest.fixture(autouse=True)
    def model(self) -> Iterator[None]:
        with ScriptedModel([STEP, STEP, "All done."]) as model:
            self.environ = {"OPENAI_API_KEY": "sk-plan", "OPENAI_BASE_URL": model.base_url}
            yield

    def planner(self) -> Planner:
        return OpenAIPlanner(model="m", environ=self.environ, timeout=60)
