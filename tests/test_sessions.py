"""Session histories of Codex and Claude Code: read as events, split into tasks, judged."""

import io
import json
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from session_files import CLAUDE_FORMS, CODEX_FORMS, STORY, claude_session, codex_session

from crossrun.events import (
    AgentSpoke,
    CommandDeclined,
    CommandRan,
    FileChanged,
    PlanUpdated,
    ToolCalled,
    type_of,
)
from crossrun.model.status import Status
from crossrun.sessions import Asked, Happened, Passed, TaskBegan, TaskEnded, parts_of
from crossrun.sessions.outcomes import Verdict
from crossrun.sessions.wording import is_vague, reaction, request_in

FORMS = [
    *(("codex", form) for form in CODEX_FORMS),
    *(("claude", form) for form in CLAUDE_FORMS),
]


class ReadTask(NamedTuple):
    request: str
    remarks: list[str]
    events: list[object]
    verdict: Verdict


def lines_of(program: str, form: str, story: Sequence[str] = STORY) -> list[str]:
    return codex_session(form, story) if program == "codex" else claude_session(form, story)


def read(program: str, lines: Sequence[str]) -> tuple[list[ReadTask], list[Passed]]:
    tasks: list[ReadTask] = []
    passed: list[Passed] = []
    content = io.BytesIO("".join(f"{line}\n" for line in lines).encode())
    for part in parts_of(program, content):
        match part:
            case TaskBegan(request=request):
                tasks.append(ReadTask(request, [], [], Verdict(Status.RUNNING, "")))
            case Asked(text=text):
                tasks[-1].remarks.append(text)
            case Happened(event=event):
                tasks[-1].events.append(event)
            case TaskEnded(verdict=verdict):
                tasks[-1] = tasks[-1]._replace(verdict=verdict)
            case Passed():
                passed.append(part)
            case _:
                pass
    return tasks, passed


def verdict(story: Sequence[str]) -> Verdict:
    """Of the first task."""
    tasks, _ = read("codex", codex_session("0.63", story))
    return tasks[0].verdict


@pytest.mark.parametrize(("program", "form"), FORMS)
def test_every_version_tells_the_same_story(program: str, form: str) -> None:
    tasks, passed = read(program, lines_of(program, form))
    assert not passed
    assert [(task.request, task.remarks, task.verdict.status) for task in tasks] == [
        ("Fix the failing test in calc.py", [], Status.SUCCEEDED),
        (
            "Add a subtract function to calc.py, and test it",
            ["still failing"],
            Status.SUCCEEDED,
        ),
        ("Publish the documentation on the server", [], Status.INTERRUPTED),
    ]
    assert [task.verdict.teaches for task in tasks] == [True, True, False]
    commands = [event for event in tasks[0].events if isinstance(event, CommandRan)]
    assert [(each.command, each.exit_code, each.output) for each in commands] == [
        ("pytest -q", 1, "output of pytest -q"),
        ("pytest -q", 0, "output of pytest -q"),
    ]
    assert [
        (event.path, event.change, event.ok)
        for event in tasks[1].events
        if isinstance(event, FileChanged)
    ] == [
        ("calc.py", "modified", True),
        ("tests/test_subtract.py", "added", True),
        ("calc.py", "modified", True),
    ]


@pytest.mark.parametrize(("program", "form"), FORMS)
def test_no_event_is_counted_twice_or_lost(program: str, form: str) -> None:
    """What codex says as an item and as an event is one event."""
    counted = Counter(line[0] for line in STORY)
    tasks, _ = read(program, lines_of(program, form))
    events = Counter(
        type_of(event)  # type: ignore[arg-type]  # events are what parts carry
        for task in tasks
        for event in task.events
    )
    assert events["command_ran"] == counted["$"]
    assert events["file_changed"] == counted["~"] + counted["+"]
    assert events["agent_spoke"] == counted["<"] - 1  # the answer to the thanks is no work


@pytest.mark.parametrize(
    ("story", "teaches", "reason"),
    [
        (["~a.py", "$0 pytest -q", "<Done.", "."], True, "its last check passed: “pytest -q”"),
        (
            ["~a.py", "$1 pytest -q", "<Done.", "."],
            False,
            "its last check failed with exit code 1: “pytest -q”",
        ),
        (["$0 pytest -q", "~a.py", "<Done.", "."], False, "nothing shows whether it worked"),
        (["~a.py", "$127 pytest -q", "<Done.", "."], False, "nothing shows whether it worked"),
        (
            ["~a.py", "$0 git commit -qm done", "<Done.", "."],
            True,
            "its last command succeeded: “git commit -qm done”",
        ),
        (["~a.py", "<Done.", "."], False, "nothing shows whether it worked"),
        (
            ["~a.py", "<Done.", ".", ">great, thanks"],
            True,
            "the user continued with “great, thanks”",
        ),
        (
            ["~a.py", "$0 make", "<Done.", ".", ">Why is the second test red?", "<Sorry."],
            True,
            "its last check passed: “make”",
        ),
        (
            ["~a.py", "$0 make", "<Done.", ".", ">The page has an error at the top", "<Sorry."],
            False,
            "the user's next message may be about a problem: “The page has an error at the top”",
        ),
        (
            ["~a.py", "$0 make", "<Done.", ".", ">no, that is not what I meant"],
            False,
            "the user's last word was “no, that is not what I meant”",
        ),
        (["~a.py", "$0 make"], False, "the session ends in the middle of the work"),
        (
            ["$0 cat a.py", "<It says hello.", ".", ">thanks"],
            False,
            "the agent only looked at things",
        ),
    ],
)
def test_a_task_teaches_only_if_something_shows_that_it_worked(
    story: list[str],
    teaches: bool,  # noqa: FBT001  a column of the table
    reason: str,
) -> None:
    found = verdict([">Make the page of the shop faster", *story])
    assert (found.teaches, found.reason) == (teaches, reason)


def test_yes_to_a_plan_belongs_to_the_request_and_yes_after_work_does_not() -> None:
    story = [
        ">Make the page of the shop faster",
        "$0 cat shop.py",
        "<I would cache the prices. Shall I?",
        ".",
        ">yes please",
        "~shop.py",
        "$0 pytest -q",
        "<Done. Shall I do the same in the cart?",
        ".",
        ">yes",
        "~cart.py",
        "$0 pytest -q",
        "<Done.",
        ".",
    ]
    tasks, _ = read("codex", codex_session("0.63", story))
    assert [(task.request, task.remarks) for task in tasks] == [
        ("Make the page of the shop faster", ["yes please"]),
        ("yes", []),
    ]
    assert tasks[0].verdict.reason == "the user continued with “yes”"
    assert tasks[1].verdict == Verdict(Status.SUCCEEDED, "its request does not say what was wanted")


@pytest.mark.parametrize(
    ("message", "asked"),
    [
        ("<environment_context>\n<cwd>/x</cwd>\n</environment_context>", None),
        ("# AGENTS.md instructions for /x\n\n<INSTRUCTIONS>\na\n</INSTRUCTIONS>", None),
        ("<command-name>/clear</command-name>\n<command-args></command-args>", None),
        ("<local-command-stdout>ok</local-command-stdout>", None),
        ("[Request interrupted by user]", None),
        ("[Request interrupted by user for tool use] use pip instead", "use pip instead"),
        ("This session is being continued from a previous conversation that ran out", None),
        ("<system-reminder>be nice</system-reminder>", None),
        ("Fix it<system-reminder>be nice</system-reminder>", "Fix it"),
        (
            "# Context from my IDE setup:\n\n## Files: a\n\n## My request for Codex:\nFix it",
            "Fix it",
        ),
        ("Use <b>bold</b> in the title", "Use <b>bold</b> in the title"),
        ("  \n", None),
    ],
)
def test_what_programs_put_among_the_messages_is_no_request(
    message: str, asked: str | None
) -> None:
    assert request_in(message) == asked


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("yes", "consent"),
        ("OK, do it", "consent"),
        ("yes p[lease", "consent"),
        ("continue", "more"),
        ("OK, continue", "more"),
        ("weiter", "more"),
        ("no, the other file", "complaint"),
        ("still failing", "complaint"),
        ("that didn't help", "complaint"),
        ("Thanks!", "thanks"),
        ("works", "thanks"),
        ("danke", "thanks"),
        ("no problem, now write the docs", "request"),
        ("Now write the docs", "request"),
        ("thanks, but there is an error in line 3", "request"),
        ("Continue the work on the parser of dates", "request"),
        ("please add do-it buttons", "request"),
    ],
)
def test_what_a_message_is_with_regard_to_the_work_before(message: str, expected: str) -> None:
    assert reaction(message) == expected


@pytest.mark.parametrize("request_text", ["/", "shell", "/review", "yes to all, and hurry", "ok"])
def test_some_requests_do_not_say_what_is_wanted(request_text: str) -> None:
    assert is_vague(request_text)


def test_damaged_and_unknown_lines_are_counted_named_and_passed_over() -> None:
    lines = codex_session("0.63")
    lines[5:5] = ["{not json", '"a text"', '{"type":"new_kind","payload":{}}', "\x00\xff"]
    lines.append('{"type": "response_item", "payload": {"type": "function_call"}}')
    tasks, passed = read("codex", lines)
    assert len(tasks) == 3
    assert [(each.line, each.kind, each.damaged) for each in passed] == [
        (6, "not a JSON object", True),
        (7, "not a JSON object", True),
        (8, "new_kind", False),
        (9, "not a JSON object", True),
        (len(lines), "response_item", True),
    ]


def test_a_line_that_is_being_written_is_left_for_the_next_time() -> None:
    content = "".join(f"{line}\n" for line in codex_session("0.63"))
    parts = list(parts_of("codex", io.BytesIO(f'{content}{{"timestamp": "20'.encode())))
    assert not [part for part in parts if isinstance(part, Passed)]


def test_a_line_without_end_is_passed_over_without_being_held() -> None:
    lines = codex_session("0.63")
    huge = '{"type":"x","payload":"' + "x" * (17 * 1024 * 1024) + '"}'
    tasks, passed = read("codex", [*lines[:5], huge, *lines[5:]])
    assert len(tasks) == 3
    assert passed == [Passed(6, "a line of more than 16 MiB", damaged=True)]


def test_long_outputs_keep_their_beginning_and_their_end() -> None:
    arguments = json.dumps({"command": "seq 9"})
    output = "Exit code: 0\nWall time: 1 seconds\nOutput:\n" + "a" * 50_000 + "END"
    call = {
        "type": "function_call",
        "name": "shell_command",
        "call_id": "c",
        "arguments": arguments,
    }
    told = {"type": "function_call_output", "call_id": "c", "output": output}
    lines = [
        *codex_session("0.63", [">Count to nine please"]),
        *(json.dumps({"type": "response_item", "payload": item}) for item in (call, told)),
    ]
    tasks, _ = read("codex", lines)
    (event,) = tasks[0].events
    assert isinstance(event, CommandRan)
    assert len(event.output) < 17_000
    assert "[34003 characters left out]" in event.output
    assert event.output.endswith("END")


def test_the_folder_of_a_command_is_a_part_of_it() -> None:
    arguments = json.dumps({"cmd": "ls", "workdir": "/home/ben/work/calculator/src dir"})
    call = {"type": "function_call", "name": "exec_command", "call_id": "c", "arguments": arguments}
    told = {"type": "function_call_output", "call_id": "c", "output": "Exit code: 0\nOutput:\n"}
    lines = [
        *codex_session("0.63", [">List the files there"]),
        *(json.dumps({"type": "response_item", "payload": item}) for item in (call, told)),
    ]
    tasks, _ = read("codex", lines)
    assert tasks[0].events == [CommandRan(command="cd 'src dir' && ls", exit_code=0, output="")]


def test_claudes_tools_become_events_of_their_kinds() -> None:
    def use(call_id: str, name: str, **arguments: object) -> dict[str, object]:
        return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}

    def told(call_id: str, content: str, *, error: bool = False) -> dict[str, object]:
        return {
            "type": "tool_result", "tool_use_id": call_id, "content": content, "is_error": error
        }  # fmt: skip

    opening = [json.loads(line) for line in claude_session("2.1", [">Look at the mail server"])]
    common = {key: opening[-1][key] for key in ("sessionId", "cwd", "timestamp", "version")}
    uses = [
        use("1", "TodoWrite", todos=[{"content": "look", "status": "completed"}]),
        use("2", "Read", file_path="/home/ben/work/calculator/a.py"),
        use("3", "Bash", command="rm -rf /"),
        use("4", "mcp__mail__send", to="anna"),
        use("5", "Bash", command="sleep 9"),
    ]
    results = [
        told("1", "ok"),
        told("2", "text"),
        told("3", "The user doesn't want to proceed with this tool use.", error=True),
        told("4", "<tool_use_error>no such tool</tool_use_error>", error=True),
        told("5", "killed", error=True),
    ]
    lines = [
        *map(json.dumps, opening),
        json.dumps({"type": "assistant", "message": {"id": "m", "content": uses}, **common}),
        json.dumps({"type": "user", "message": {"content": results}, **common}),
    ]
    tasks, passed = read("claude", lines)
    assert not passed
    plan, looked, declined, failed, killed = tasks[0].events
    assert isinstance(plan, PlanUpdated)
    assert plan.items[0].completed
    assert looked == ToolCalled(tool="Read", arguments={"file_path": "a.py"}, result="text")
    assert declined == CommandDeclined(command="rm -rf /")
    assert failed == ToolCalled(
        tool="mcp__mail__send", arguments={"to": "anna"}, error="no such tool"
    )
    assert killed == CommandRan(command="sleep 9", exit_code=None, output="killed")


def test_an_answer_of_the_agent_alone_is_no_task() -> None:
    tasks, _ = read("codex", codex_session("0.63", [">What is a monad?", "<A monoid.", "."]))
    assert tasks == []


def test_messages_before_the_first_act_belong_to_the_task() -> None:
    story = [">Make the tests faster", "<I will look.", "$0 pytest -q", "<Done.", "."]
    tasks, _ = read("codex", codex_session("0.63", story))
    assert [type(event) for event in tasks[0].events] == [AgentSpoke, CommandRan, AgentSpoke]
