"""Events keep their whole meaning on the way into the store and out again."""

import json
from typing import Any, get_args

import msgspec
import pytest
from examples import EVENTS

from crossrun.events import (
    AgentEvent,
    ArtifactSaved,
    CommandRan,
    Event,
    FileChanged,
    KnownEvent,
    PatternDecided,
    PatternJudged,
    PatternLearned,
    RunFinished,
    RunStarted,
    StepFinished,
    StepPlanned,
    ToolCalled,
    UnknownEvent,
    UsageReported,
    Verified,
    WorkspaceChanged,
    WorkspacePrepared,
    decode,
    encode,
    type_of,
)
from crossrun.model.requests import AgentOptions, CodexOptions, RunRequest
from crossrun.model.status import Status

TAGS = [str(event.__struct_config__.tag) for event in EVENTS]

every_event = pytest.mark.parametrize("event", EVENTS, ids=TAGS)


FREE = ("sent", "reply", "arguments", "result", "signals", "variables", "values")
"""Fields with names of somebody else's: nothing in them is unknown."""


def from_later(value: Any) -> Any:  # noqa: ANN401  any JSON
    """The same JSON as a later crossrun, which knows more fields, might have written it."""
    match value:
        case dict():
            known = {k: v if k in FREE else from_later(v) for k, v in value.items()}
            return {"later": {"x": [1]}, **known}
        case list():
            return [from_later(item) for item in value]
        case _:
            return value


def test_there_is_one_example_of_every_event_type() -> None:
    known = sorted(kind.__name__ for kind in get_args(KnownEvent))
    assert sorted(type(event).__name__ for event in EVENTS) == known


@every_event
def test_the_example_leaves_no_field_at_its_default(event: Event) -> None:
    left = [
        field.name
        for field in msgspec.structs.fields(event)
        if getattr(event, field.name) in (field.default, "", ())
    ]
    assert left == []


@every_event
def test_an_event_comes_back_from_its_text_as_it_was(event: Event) -> None:
    assert decode(encode(event)) == event


@every_event
def test_an_event_is_one_line_of_json_that_names_its_type(event: Event) -> None:
    text = encode(event)
    assert "\n" not in text
    assert json.loads(text)["type"] == event.__struct_config__.tag


@every_event
def test_unknown_fields_are_passed_over(event: Event) -> None:
    later = from_later(json.loads(encode(event)))
    assert "later" in later
    assert decode(json.dumps(later)) == event


@pytest.mark.parametrize(
    ("body", "event"),
    [
        (
            '{"type":"run_started","request":{"task":"x"},"workspace":"/w","crossrun_version":"0"}',
            RunStarted(request=RunRequest(task="x"), workspace="/w", crossrun_version="0"),
        ),
        (
            '{"type": "workspace_prepared", "path": "/w", "baseline": "4b825dc"}',
            WorkspacePrepared(path="/w", baseline="4b825dc", top_files=()),
        ),
        ('{"type": "step_planned", "prompt": "x"}', StepPlanned(prompt="x")),
        (
            '{"type": "command_ran", "command": "ls"}',
            CommandRan(command="ls", exit_code=None, output="", duration_s=None),
        ),
        (
            '{"type": "file_changed", "path": "a", "change": "added"}',
            FileChanged(path="a", change="added", ok=True, content=None),
        ),
        ('{"type": "tool_called", "tool": "t"}', ToolCalled(tool="t")),
        (
            '{"type": "usage_reported", "source": "planner"}',
            UsageReported(source="planner", tokens=None, thread_total=None),
        ),
        ('{"type": "step_finished"}', StepFinished(failure=None, agent_exit_code=None)),
        (
            '{"type": "run_finished", "status": "succeeded"}',
            RunFinished(status=Status.SUCCEEDED, failure=None, redactions=0),
        ),
    ],
)
def test_an_event_stored_before_a_field_was_added_gets_its_default(body: str, event: Event) -> None:
    assert decode(body) == event


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("step_planned", {"prompt"}),
        ("thread_started", {"thread_id"}),
        ("agent_spoke", {"text"}),
        ("agent_reasoned", {"text"}),
        ("command_started", {"command"}),
        ("command_ran", {"command", "exit_code", "output", "duration_s"}),
        ("file_changed", {"path", "change"}),
        ("unrecognised", {"raw"}),
        ("verified", {"command", "exit_code", "output"}),
        (
            "pattern_decided",
            {"decision", "reason", "probability", "pattern_id", "version", "candidates"},
        ),
        ("pattern_learned", {"pattern_id", "version", "lesson", "workflow"}),
        ("pattern_judged", {"pattern_id", "state", "before", "reason", "stats"}),
        ("run_finished", {"status", "failure"}),
    ],
)
def test_fields_that_scripts_rely_on_keep_their_names(kind: str, fields: set[str]) -> None:
    body = json.loads(encode(EVENTS[TAGS.index(kind)]))
    assert fields - set(body) == set()


def test_types_that_scripts_rely_on_keep_their_names() -> None:
    promised = """
        run_started workspace_prepared step_planned thread_started turn_started agent_spoke
        agent_reasoned command_started command_ran file_changed tool_called plan_updated
        usage_reported warned unrecognised step_finished verified workspace_changed artifact_saved
        cancel_requested run_finished pattern_decided pattern_learned pattern_judged
    """
    assert set(promised.split()) - set(TAGS) == set()


def test_an_agent_can_neither_begin_nor_end_nor_judge_a_run() -> None:
    kept_from_agents = {
        RunStarted, WorkspacePrepared, PatternDecided, StepPlanned, StepFinished, Verified,
        WorkspaceChanged, ArtifactSaved, PatternLearned, PatternJudged, RunFinished,
    }  # fmt: skip
    assert set(get_args(AgentEvent)) & kept_from_agents == set()


@pytest.mark.parametrize(
    "text",
    ["", "\n", "a\r\nb", "tab\t", "\x00\x1b[31m\x7f\x9b", "\u2028\u2029", "漢字 \U0001f600", '"\\'],
)
def test_any_text_survives(text: str) -> None:
    event = CommandRan(command=text, output=text * 1000)
    assert decode(encode(event)) == event


def test_a_file_change_takes_the_words_of_agents_that_are_known() -> None:
    made = [FileChanged.of("a.py", word, ok=False) for word in ("added", "modified", "deleted")]
    assert made == [
        FileChanged(path="a.py", change="added", ok=False),
        FileChanged(path="a.py", change="modified", ok=False),
        FileChanged(path="a.py", change="deleted", ok=False),
    ]
    with pytest.raises(ValueError, match="moved"):
        FileChanged.of("a.py", "moved", ok=True)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{}",
        '{"type": "agent_spoke"}',
        '{"type": "verified", "command": "x", "exit_code": "0"}',
    ],
)
def test_what_is_no_event_is_refused(body: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(body)


@pytest.mark.parametrize(
    "body",
    [
        {"type": "agent_dreamt", "text": "x", "deep": {"er": [1]}},
        {"type": "file_changed", "path": "a", "change": "linked"},
    ],
)
def test_what_a_newer_crossrun_wrote_is_kept_whole(body: dict[str, Any]) -> None:
    event = decode(json.dumps(body))
    assert event == UnknownEvent(str(body["type"]), body)
    assert json.loads(encode(event)) == body
    assert type_of(event) == body["type"]


def test_a_status_of_a_newer_crossrun_is_kept() -> None:
    body = (
        '{"type":"run_finished","status":"paused","failure":null,"redactions":0,"duration_s":1.0}'
    )
    event = decode(body)
    assert isinstance(event, RunFinished)
    assert event.status == "paused"
    assert encode(event) == body


OLDER = """{"type":"run_started","request":{"task":"Fix calc.py","task_type":"code",
"project_id":"default","name":null,"tags":[],"executor":"codex","planner":"direct","model":null,
"planner_model":null,"codex":{"sandbox":"read-only","network":true,"profile":"work",
"add_dirs":["/data"],"images":["/plot.png"],"config":["a=1"],"require_git_repo":true},
"limits":{"timeout":60.0,"idle_timeout":null,"max_turns":3,"max_tokens":null,"max_cost":null,
"wait_for_quota":null},"verify":null,"recording":null},"workspace":"/w","crossrun_version":"0.1.0",
"executor_version":null,"retry_of":null,"resumed_from":null,"new_task":false}"""
"""As versions stored it that had all of the agent's options among those of Codex."""


def test_the_options_of_the_agent_in_an_older_event_are_found() -> None:
    event = decode(OLDER)
    assert isinstance(event, RunStarted)
    assert event.request.agent == AgentOptions(
        "read-only", network=True, add_dirs=("/data",), images=("/plot.png",)
    )
    assert event.request.codex == CodexOptions("work", config=("a=1",), require_git_repo=True)
    assert decode(encode(event)) == event


def test_an_older_version_finds_the_options_of_the_agent_in_an_event_of_now() -> None:
    older = json.loads(OLDER)["request"]["codex"]
    assert json.loads(encode(decode(OLDER)))["request"]["codex"] == older


def test_an_older_request_with_a_sandbox_of_nobody_is_not_guessed_at() -> None:
    assert isinstance(decode(OLDER.replace("read-only", "vm")), UnknownEvent)
