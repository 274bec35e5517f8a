"""What Codex says, what it means, and how it is started: nothing is lost, nothing raises."""

import json
import os
import platform
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import Crossrun, without_packaged_codex
from contracts import OutputReaderContract
from msgspec.structs import replace

from crossrun.errors import AuthenticationError, ConfigurationError
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
    decode,
    encode,
)
from crossrun.executors import TurnRequest, TurnResult
from crossrun.executors.agent_cli import OutputReader
from crossrun.executors.codex import Codex
from crossrun.executors.codex.config import UserConfig, read
from crossrun.executors.codex.failures import classify, refused
from crossrun.executors.codex.program import OLDEST, Program, credentials, find
from crossrun.executors.codex.stream import CodexReader
from crossrun.executors.process import STALLED, Launch, ProcessExit
from crossrun.model.failures import CANCELLED, FAILURES, TIMED_OUT
from crossrun.model.requests import AgentOptions, CodexOptions
from crossrun.model.tokens import NO_TOKENS, Tokens
from crossrun.system.cancellation import CancelToken

WS = Path("/ws")
DATA = Path(__file__).parent / "data" / "codex"
RECORDED = sorted(DATA.glob("stream-output-*.jsonl"))
PLAN = (PlanItem("read", completed=False), PlanItem("write", completed=False))
SEARCH = {"type": "search", "query": "codex docs", "queries": ["codex docs"]}
EVENTS: list[AgentEvent] = [
    ThreadStarted(thread_id="01a1f7f5-52ef-7192-8498-e27bb78bd82b"),
    TurnStarted(),
    Warned(
        message="Model metadata for `mock` not found. Defaulting to fallback metadata; this can"
        " degrade performance and cause issues."
    ),
    AgentReasoned(text="**Thinking** about it"),
    AgentSpoke(text="I will run a command."),
    CommandStarted(command="/bin/bash -lc 'exit 3'"),
    CommandRan(command="/bin/bash -lc 'exit 3'", exit_code=3, output="..."),
    ItemStarted(kind="file_change", detail="/ws/src/new.py"),
    FileChanged(path="src/new.py", change="added"),
    ItemStarted(kind="web_search", detail="codex docs"),
    ToolCalled(
        tool="web_search",
        arguments={"query": "codex docs", "action": SEARCH},
    ),
    PlanUpdated(items=PLAN),
    PlanUpdated(items=(PlanItem("read", completed=True), PLAN[1])),
    PlanUpdated(items=(PlanItem("read", completed=True), PlanItem("write", completed=True))),
    ItemStarted(kind="mcp_tool_call", detail="add"),
    ToolCalled(
        tool="tiny.add",
        arguments={"a": 2, "b": 3},
        result={"content": [{"type": "text", "text": "5"}], "structured_content": {"sum": 5}},
    ),
    ToolCalled(
        tool="tiny.boom",
        arguments={},
        error="MCP tool call requires approval, but approval policy is never",
    ),
    ToolCalled(
        tool="spawn_agent",
        arguments="TAG-child please",
        result={"01a1f7f6-0807-...": {"status": "pending_init", "message": None}},
    ),
    Warned(
        message="Reconnecting... 1/5 (unexpected status 401 Unauthorized: Incorrect API key"
        " provided: sk-test., url: http://127.0.0.1:18222/v1/responses, request id:"
        " req_mock_83)"
    ),
    TurnFailed(message="unexpected status 401 Unauthorized: ..."),
    UsageReported(
        source="agent", tokens=Tokens(700, 70, 140, 35), thread_total=Tokens(700, 70, 140, 35)
    ),
]
"""What the lines of samples.jsonl mean, one after the other."""
LINES = (DATA / "samples.jsonl").read_bytes().splitlines()
SAMPLES = list(zip(LINES, EVENTS, strict=True))


def reader(thread_tokens: Tokens = NO_TOKENS, clock: Sequence[float] = ()) -> CodexReader:
    if not clock:
        return CodexReader(WS, thread_tokens)
    times = iter(clock)
    return CodexReader(WS, thread_tokens, clock=lambda: next(times))


def item(kind: str, event: str = "completed", **fields: Any) -> bytes:  # noqa: ANN401  any JSON
    """A line about an item."""
    about = {"id": "item_0", "type": kind, **fields}
    return json.dumps({"type": f"item.{event}", "item": about}).encode()


def command(number: int, event: str, **fields: Any) -> bytes:  # noqa: ANN401  any JSON
    """A line about a command."""
    return item("command_execution", event, id=f"item_{number}", command=f"c{number}", **fields)


def turn_completed(*counts: int) -> bytes:
    names = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens")
    usage = dict(zip(names, counts, strict=True))
    return json.dumps({"type": "turn.completed", "usage": usage}).encode()


class TestLines:
    @pytest.mark.parametrize(("line", "event"), SAMPLES, ids=range(len(SAMPLES)))
    def test_a_line_becomes_its_event(self, line: bytes, event: AgentEvent) -> None:
        assert reader().read(line) == [event]

    @pytest.mark.parametrize("ending", [b"\r", b" ", b"\t \r"])
    def test_space_after_a_line_does_not_matter(self, ending: bytes) -> None:
        seen = [event for line in LINES for event in reader().read(line + ending)]
        assert seen == EVENTS

    def test_a_mark_of_byte_order_does_not_matter(self) -> None:
        seen = [event for line in LINES for event in reader().read(b"\xef\xbb\xbf" + line)]
        assert seen == EVENTS

    @pytest.mark.parametrize("blank", [b"", b" ", b"\r", b"\t  \r"])
    def test_a_blank_line_means_nothing(self, blank: bytes) -> None:
        assert reader().read(blank) == []

    def test_text_stays_as_it_is(self) -> None:
        text = "a\u2028b\x85c\0d\x1b[31me\ufffdf\U0001f600\n\r\n\t\"'\\"
        escaped = item("agent_message", text=text)
        plain = json.dumps(json.loads(escaped), ensure_ascii=False).encode()
        assert escaped != plain
        assert reader().read(escaped) == reader().read(plain) == [AgentSpoke(text=text)]

    def test_fields_that_are_not_known_yet_do_not_matter(self) -> None:
        line = item("agent_message", text="x", phase="final", extra={"deep": [1, None]})
        assert reader().read(line) == [AgentSpoke(text="x")]

    def test_a_patch_of_several_files_gives_an_event_for_each(self) -> None:
        changes = [
            {"path": "/ws/a", "kind": "add"},
            {"path": "/ws/b c/ü.txt", "kind": "update"},
            {"path": "/elsewhere/d", "kind": "delete"},
            {"path": "/ws-other/e", "kind": "add"},
        ]
        assert reader().read(item("file_change", changes=changes, status="completed")) == [
            FileChanged(path="a", change="added"),
            FileChanged(path="b c/ü.txt", change="modified"),
            FileChanged(path="/elsewhere/d", change="deleted"),
            FileChanged(path="/ws-other/e", change="added"),
        ]

    def test_a_patch_that_failed_says_so(self) -> None:
        changes = [{"path": "/ws/a", "kind": "add"}]
        assert reader().read(item("file_change", changes=changes, status="failed")) == [
            FileChanged(path="a", change="added", ok=False)
        ]

    def test_a_path_below_the_workspaces_real_place_is_told_relative(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to("real")
        seen = CodexReader(tmp_path / "link", NO_TOKENS)
        for place in ("link", "real"):
            changes = [{"path": str(tmp_path / place / "a"), "kind": "add"}]
            line = item("file_change", changes=changes, status="completed")
            assert seen.read(line) == [FileChanged(path="a", change="added")]

    def test_a_patch_of_nothing_still_leaves_a_trace(self) -> None:
        assert len(reader().read(item("file_change", changes=[], status="completed"))) == 1

    def test_a_command_without_an_exit_code_has_none(self) -> None:
        line = command(1, "completed", aggregated_output="", status="failed")
        assert reader().read(line) == [CommandRan(command="c1")]

    def test_a_declined_command_did_not_run(self) -> None:
        seen = reader()
        lines = [command(1, "started"), command(1, "completed", status="declined")]
        assert [event for line in lines for event in seen.read(line)] == [
            CommandStarted(command="c1"),
            CommandDeclined(command="c1"),
        ]
        assert seen.busy() is False

    def test_a_declined_tool_failed(self) -> None:
        fields: dict[str, Any] = {"server": "s", "tool": "t", "arguments": {}}
        (event,) = reader().read(item("mcp_tool_call", **fields, status="declined"))
        assert isinstance(event, ToolCalled)
        assert event.error

    def test_an_update_of_a_command_is_no_end_of_it(self) -> None:
        seen = reader(clock=[10, 15])
        lines = [
            command(1, "started"),
            command(1, "updated", aggregated_output="1\n", exit_code=None, status="in_progress"),
            command(1, "completed", aggregated_output="1\n2\n", exit_code=0, status="completed"),
        ]
        assert [event for line in lines for event in seen.read(line)] == [
            CommandStarted(command="c1"),
            CommandRan(command="c1", exit_code=0, output="1\n2\n", duration_s=5.0),
        ]

    @pytest.mark.parametrize(
        ("line", "kind"),
        [
            (b'{"type":"item.plan.delta","item_id":"item_0","delta":"x"}', "item.plan.delta"),
            (b'{"type":"request_user_input"}', "request_user_input"),
            (item("plan", text="# Plan"), "item.completed plan"),
            (item("plan", "updated", text="# Pl"), "item.updated plan"),
            (b'{"type":5}', None),
            (b"no json", None),
        ],
    )
    def test_a_line_of_a_newer_codex_is_kept_with_its_kind(
        self, line: bytes, kind: str | None
    ) -> None:
        assert reader().read(line) == [Unrecognised(raw=line.decode(), kind=kind)]

    def test_a_tool_that_failed_keeps_what_it_said(self) -> None:
        result = {"content": [{"type": "text", "text": "no such city"}], "structured_content": None}
        fields: dict[str, Any] = {"server": "s", "tool": "t", "result": result, "error": None}
        (event,) = reader().read(item("mcp_tool_call", **fields, status="failed"))
        assert isinstance(event, ToolCalled)
        assert event.result == result
        assert event.error

    @pytest.mark.parametrize("half", ["\\ud83d", "\\ude00", "\\uD83D x"])
    def test_half_a_character_is_replaced_so_that_the_text_can_be_stored(self, half: str) -> None:
        line = b'{"type":"item.completed","item":{"type":"agent_message","text":"a%sb"}}'
        (event,) = reader().read(line % half.encode())
        assert event == decode(encode(event))
        assert isinstance(event, AgentSpoke)
        assert (event.text[0], event.text[-1]) == ("a", "b")

    def test_a_whole_character_in_two_halves_stays(self) -> None:
        line = b'{"type":"item.completed","item":{"type":"agent_message","text":"\\ud83d\\ude00"}}'
        assert reader().read(line) == [AgentSpoke(text="\U0001f600")]


class TestDurations:
    def test_commands_that_run_side_by_side_have_their_own_durations(self) -> None:
        seen = reader(clock=[10, 11, 13, 20])
        lines = [command(2, "started"), command(3, "started")]
        lines += [command(3, "completed", exit_code=0), command(2, "completed", exit_code=1)]
        assert [event for line in lines for event in seen.read(line)] == [
            CommandStarted(command="c2"),
            CommandStarted(command="c3"),
            CommandRan(command="c3", exit_code=0, duration_s=2.0),
            CommandRan(command="c2", exit_code=1, duration_s=10.0),
        ]

    def test_a_command_whose_beginning_nobody_saw_has_none(self) -> None:
        assert reader().read(command(1, "completed", exit_code=0)) == [
            CommandRan(command="c1", exit_code=0, duration_s=None)
        ]

    def test_ids_begin_anew_with_each_process(self) -> None:
        first, second = reader(clock=[1]), reader(clock=[5, 6])
        first.read(command(0, "started"))
        second.read(command(0, "started"))
        assert second.read(command(0, "completed", exit_code=0)) == [
            CommandRan(command="c0", exit_code=0, duration_s=1.0)
        ]
        assert (first.busy(), second.busy()) == (True, False)

    def test_an_id_may_come_again(self) -> None:
        seen = reader(clock=[1, 2, 10, 13])
        lines = [command(0, "started"), command(0, "completed", exit_code=0)] * 2
        *_, last = [event for line in lines for event in seen.read(line)]
        assert last == CommandRan(command="c0", exit_code=0, duration_s=3.0)


class TestBusy:
    @pytest.mark.parametrize(
        ("kind", "fields", "busy"),
        [
            ("command_execution", {"command": "x"}, True),
            ("mcp_tool_call", {"server": "s", "tool": "t"}, True),
            ("collab_tool_call", {"tool": "wait"}, True),
            ("web_search", {"query": "x"}, False),
            ("file_change", {"changes": []}, False),
            ("todo_list", {"items": []}, False),
        ],
    )
    def test_it_is_busy_while_a_command_or_a_tool_runs(
        self,
        kind: str,
        fields: dict[str, Any],
        busy: bool,  # noqa: FBT001  a column of the table
    ) -> None:
        seen = reader()
        seen.read(item(kind, "started", **fields))
        assert seen.busy() is busy
        seen.read(item(kind, "completed", **fields))
        assert seen.busy() is False

    def test_it_is_busy_until_the_last_one_ends(self) -> None:
        seen, states = reader(), list[bool]()
        lines = [command(1, "started"), command(2, "started")]
        for line in [*lines, command(1, "completed"), command(2, "completed")]:
            seen.read(line)
            states.append(seen.busy())
        assert states == [True, True, True, False]

    @pytest.mark.parametrize(
        "item",
        [
            {"id": "item_1", "type": "command_execution", "command": 5},
            {"id": "item_1", "type": ["tool_call"]},
            {"id": "item_1", "type": "mcp_tool_call", "tool": "add", "changes": 5},
        ],
    )
    def test_it_is_not_busy_with_what_was_not_understood(self, item: dict[str, object]) -> None:
        seen = reader()
        (event,) = seen.read(json.dumps({"type": "item.started", "item": item}).encode())
        assert (type(event), seen.busy()) == (Unrecognised, False)

    @pytest.mark.parametrize("end", [turn_completed(1, 0, 1, 0), LINES[-2]])
    def test_it_is_not_busy_after_the_turn(self, end: bytes) -> None:
        seen = reader()
        seen.read(command(1, "started"))
        assert seen.over() is False
        seen.read(end)
        assert (seen.busy(), seen.over()) == (False, True)
        seen.read(LINES[1])
        assert seen.over() is False

    @pytest.mark.parametrize(
        ("lines", "lasting"),
        [
            ([command(1, "started")], True),
            ([command(1, "started"), command(1, "updated")], True),
            ([command(1, "started"), item("agent_message", text="It is up.", id="x")], False),
            ([command(1, "started"), command(2, "started"), command(2, "completed")], False),
            ([command(1, "started"), command(2, "started")], True),
            ([item("poem", "started")], False),
            ([item("mcp_tool_call", "started", server="s", tool="t")], True),
        ],
    )
    def test_what_may_be_in_the_background_explains_a_silence_for_a_while_only(
        self,
        lines: list[bytes],
        lasting: bool,  # noqa: FBT001  a column of the table
    ) -> None:
        now = [0.0]
        seen = CodexReader(WS, NO_TOKENS, patience=30, clock=lambda: now[0])
        for line in lines:
            seen.read(line)
        now[0] = 29
        assert seen.busy() is True
        now[0] = 30
        assert seen.busy() is lasting


class TestUsage:
    def test_sums_over_a_thread_become_the_usage_of_each_turn(self) -> None:
        sums = [Tokens(200, 20, 40, 10), Tokens(400, 40, 80, 20), Tokens(700, 70, 140, 35)]
        before, turns = NO_TOKENS, list[AgentEvent]()
        for total in sums:
            counts = (total.input, total.cached_input, total.output, total.reasoning)
            turns += reader(before).read(turn_completed(*counts))
            before = total
        assert turns == [
            UsageReported(source="agent", tokens=Tokens(200, 20, 40, 10), thread_total=sums[0]),
            UsageReported(source="agent", tokens=Tokens(200, 20, 40, 10), thread_total=sums[1]),
            UsageReported(source="agent", tokens=Tokens(300, 30, 60, 15), thread_total=sums[2]),
        ]

    def test_two_turns_of_one_process_are_told_apart(self) -> None:
        seen = reader(Tokens(100, 0, 10, 0))
        first, second = (seen.read(turn_completed(n, 0, n // 10, 0)) for n in (300, 450))
        assert first == [
            UsageReported(
                source="agent", tokens=Tokens(200, 0, 20, 0), thread_total=Tokens(300, 0, 30, 0)
            )
        ]
        assert second == [
            UsageReported(
                source="agent", tokens=Tokens(150, 0, 15, 0), thread_total=Tokens(450, 0, 45, 0)
            )
        ]

    def test_older_versions_tell_less(self) -> None:
        line = b'{"type":"turn.completed","usage":{"input_tokens":6,"output_tokens":2}}'
        assert reader().read(line) == [
            UsageReported(
                source="agent", tokens=Tokens(6, 0, 2, 0), thread_total=Tokens(6, 0, 2, 0)
            )
        ]

    @pytest.mark.parametrize(
        "line", [b'{"type":"turn.completed"}', b'{"type":"turn.completed","usage":null}']
    )
    def test_no_usage_is_not_known_and_never_zero(self, line: bytes) -> None:
        seen = reader()
        assert seen.read(line) == [UsageReported(source="agent")]
        assert seen.result(ProcessExit(0, "")) == TurnResult(None, 0)


def torn() -> list[bytes]:
    """Every sample cut short, at many places."""
    return [line[:cut] for line in LINES for cut in range(1, len(line), max(len(line) // 12, 1))]


def no_objects() -> list[bytes]:
    texts = ["1", "-1.5", '"text"', "[]", '[{"type":"turn.started"}]', "null", "true", "NaN", "-"]
    texts += ["Infinity", "hello", "{", "}", "{}}", "{}", '{"type"}', "'type'", "undefined"]
    texts += ["\ufeff"]
    texts += ['{"type":"turn.started"} {"type":"turn.started"}', '{"type":"turn.started"},', "//"]
    return [text.encode() for text in texts]


def spoiled() -> list[bytes]:
    """Samples with a few bytes that make JSON of none of them."""
    poison = [b"\0", b"\n", b"\x1b", b"\xff", b"\x80", b"\xc3\x28", b"\xed\xa0\x80", b"\xf5\x80"]
    return [line[:12] + bad + line[12:] for line in LINES for bad in poison] + [b"\0", b"\0" * 99]


def deep() -> list[bytes]:
    return [
        opening * depth
        for opening in (b"[", b'{"a":', b'{"type":"item.completed","item":')
        for depth in (10, 1000, 100_000)
    ] + [b"[" * 100_000 + b"]" * 100_000, b'{"type":' + b"[" * 100_000 + b"]" * 100_000 + b"}"]


def unknown() -> list[bytes]:
    types: list[Any] = ["", "future.event", "Turn.Started", "turn.started ", None, 5, True, [], {}]
    lines: list[Any] = [{"type": kind} for kind in types]
    lines += [{"type": f"item.{e}"} for e in ("started", "updated", "completed", "removed")]
    wrong: list[Any] = [None, 5, "text", [], {}]
    lines += [{"type": "item.started", "item": value} for value in wrong]
    wrong += [[{}], {"type": None}, {"type": 5}, {"type": "poem"}]
    for event in ("updated", "completed"):
        lines += [{"type": f"item.{event}", "item": value} for value in wrong]
    return [json.dumps(line).encode() for line in lines]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401
    """The paths to all values within JSON."""
    pairs: Iterable[tuple[Any, Any]] = ()
    match value:
        case dict():
            pairs = value.items()
        case list():
            pairs = enumerate(value)
    for key, inner in pairs:
        yield (*path, key)
        yield from places(inner, (*path, key))


def without(line: bytes, path: tuple[Any, ...], value: str | None) -> bytes:
    """The line with something else in one place, or nothing at all."""
    parsed = json.loads(line)
    inner = parsed
    for key in path[:-1]:
        inner = inner[key]
    if value is None:
        del inner[path[-1]]
        return json.dumps(parsed).encode()
    inner[path[-1]] = "REPLACED"
    return json.dumps(parsed).replace('"REPLACED"', value).encode()


def wrong_types() -> list[bytes]:
    """Every sample with every one of its fields in turn replaced by something else, or left out."""
    values = [None, "null", "true", "5", "-1", "1.5", "1e999", "NaN", '""', '"x"', "[]", "{}"]
    values += ["[[]]", '{"a":1}', "9223372036854775808", "1" * 100, "1" * 5000]
    values += [r'"\ud800"', r'"\u0000"']
    return [
        without(line, path, value)
        for line in LINES
        for path in places(json.loads(line))
        for value in values
    ]


HOPELESS: dict[str, Callable[[], list[bytes]]] = {
    "torn": torn,
    "no objects": no_objects,
    "spoiled": spoiled,
    "deep": deep,
    "of unknown types": unknown,
}


def stands(event: AgentEvent) -> bool:
    """Whether the store gives an event back as it took it."""
    try:
        return encode(decode(encode(event))) == encode(event)
    except (ValueError, RecursionError, OverflowError):
        return False


class TestMalformedLines:
    @pytest.mark.parametrize("kind", HOPELESS)
    def test_what_cannot_be_understood_is_kept_as_it_came(self, kind: str) -> None:
        seen, wrong = reader(), {}
        for line in HOPELESS[kind]():
            events = seen.read(line)
            unnamed = [replace(e, kind=None) if isinstance(e, Unrecognised) else e for e in events]
            if unnamed != [Unrecognised(raw=line.decode("utf-8", "replace"))]:
                wrong[line[:200]] = events
        assert wrong == {}

    def test_there_are_hundreds_of_them(self) -> None:
        assert len({line for make in HOPELESS.values() for line in make()}) > 400
        assert len(set(wrong_types())) > 1000

    def test_fields_of_wrong_types_never_raise_and_what_comes_can_be_stored(self) -> None:
        wrong: dict[bytes, Any] = {}
        for line in wrong_types():
            try:
                events = reader().read(line)
            except Exception as error:  # noqa: BLE001  that is what must not happen
                wrong[line] = error
                continue
            if not events or not all(stands(event) for event in events):
                wrong[line] = events
        assert wrong == {}

    def test_a_number_that_is_none_is_not_believed(self) -> None:
        line = b'{"type":"turn.completed","usage":{"input_tokens":1e999,"output_tokens":1}}'
        assert reader().read(line) == [Unrecognised(raw=line.decode(), kind="turn.completed")]

    @pytest.mark.parametrize("code", ["true", "1.5", '"0"', "[]", "null"])
    def test_an_exit_code_that_is_no_number_is_not_known(self, code: str) -> None:
        line = item("command_execution", command="x", exit_code="CODE")
        spoiled_line = line.replace(b'"CODE"', code.encode())
        assert reader().read(spoiled_line) == [CommandRan(command="x", exit_code=None)]

    def test_a_key_that_comes_twice_counts_the_last_time(self) -> None:
        said = b'{"type":"reasoning","type":"agent_message","text":"a","text":"b"}'
        line = b'{"type":"turn.failed","type":"item.completed","item":5,"item":%s}' % said
        assert reader().read(line) == [AgentSpoke(text="b")]

    def test_a_reader_goes_on_after_nonsense(self) -> None:
        seen = reader()
        for make in HOPELESS.values():
            for line in make():
                seen.read(line)
        seen.read(LINES[0])
        assert seen.read(LINES[4]) == [EVENTS[4]]
        assert seen.read(turn_completed(1, 0, 1, 0)) == [
            UsageReported(source="agent", tokens=Tokens(1, 0, 1), thread_total=Tokens(1, 0, 1))
        ]
        assert seen.result(ProcessExit(0, "")) == TurnResult(None, 0)


CHANGES = {"add": "added", "update": "modified", "delete": "deleted"}


def leaves(value: Any) -> list[Any]:  # noqa: ANN401  any JSON
    """All texts and numbers within a value."""
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in leaves(inner)]
    if isinstance(value, list | tuple):
        return [leaf for inner in value for leaf in leaves(inner)]
    return [] if value is None else [value]


class TestRecordings:
    def test_all_are_there(self) -> None:
        assert [file.name for file in RECORDED] == [f"stream-output-{n}.jsonl" for n in range(1, 6)]

    @pytest.mark.parametrize(
        "file", [*RECORDED, *sorted(DATA.glob("own/*.jsonl"))], ids=lambda file: file.stem
    )
    def test_nothing_of_it_is_lost(self, file: Path) -> None:
        seen = CodexReader(Path("/elsewhere"), NO_TOKENS)
        for line in file.read_bytes().split(b"\n"):
            events = seen.read(line)
            assert bool(events) == bool(line)
            assert not any(isinstance(event, Unrecognised) for event in events)
            told = leaves([msgspec.to_builtins(event) for event in events])
            said = json.loads(line) if line else {}
            facts = {key: value for key, value in said.items() if key not in ("type", "item")}
            began = said.get("type") == "item.started"  # its end tells the same and more
            inner = {} if began else said.get("item", {})
            facts |= {key: inner[key] for key in inner if key not in ("id", "type", "status")}
            renamed = [CHANGES.get(str(leaf), leaf) for leaf in leaves(facts)]
            assert [leaf for leaf in renamed if leaf and leaf not in told] == []
        assert seen.result(ProcessExit(0, "")) == TurnResult(None, 0)
        assert seen.busy() is False

    def test_one_of_them_word_for_word(self) -> None:
        seen = CodexReader(WS, NO_TOKENS)
        lines = RECORDED[2].read_bytes().split(b"\n")
        assert [event for line in lines for event in seen.read(line)] == [
            ThreadStarted(thread_id="019a2d7a-8e1c-7111-b1a6-8cec551a55a0"),
            TurnStarted(),
            AgentReasoned(text="**Creating new file with patch**"),
            FileChanged(path="/private/tmp/codex-research-test/hello.txt", change="added"),
            AgentSpoke(text="Created `hello.txt` containing `Hello from Codex`."),
            UsageReported(
                source="agent", tokens=Tokens(6008, 4096, 51), thread_total=Tokens(6008, 4096, 51)
            ),
        ]


CUT = "stream disconnected before completion: "
FAILED_TURNS = {
    # what Codex says: the failure's code, whether it is worth trying again
    "unexpected status 401 Unauthorized: Incorrect API key provided: sk-test., "
    "url: http://127.0.0.1:18222/v1/responses, request id: req_mock_83": ("CODEX_AUTH", False),
    "unexpected status 403 Forbidden: You may not, url: http://x/v1": ("CODEX_AUTH", False),
    "Missing environment variable: `OPENAI_API_KEY`.": ("CODEX_AUTH", False),
    "The model `x` does not exist or you do not have access to it.": ("PROVIDER_ERROR", False),
    "unexpected status 404 Not Found: nothing here": ("PROVIDER_ERROR", False),
    '{"error": {"message": "Unsupported value", "type": "invalid_request_error"}}': (
        "PROVIDER_ERROR",
        False,
    ),
    "exceeded retry limit, last status: 429 Too Many Requests, request id: req_1": (
        "RATE_LIMITED",
        True,
    ),
    "Quota exceeded. Check your plan and billing details.": ("QUOTA_EXCEEDED", True),
    "You've hit your usage limit. Try again in 3 days.": ("QUOTA_EXCEEDED", True),
    "We're currently experiencing high demand, which may cause temporary errors.": (
        "PROVIDER_ERROR",
        True,
    ),
    "unexpected status 503 Service Unavailable: later": ("PROVIDER_ERROR", True),
    f"{CUT}Transport error: network error: error decoding response body": ("PROVIDER_ERROR", True),
    f"{CUT}idle timeout waiting for SSE": ("PROVIDER_ERROR", True),
    f"{CUT}stream closed before response.completed": ("PROVIDER_ERROR", True),
    "Codex ran out of room in the model's context window. Start a new thread or clear earlier "
    "history before retrying.": ("CONTEXT_FULL", False),
    "Incomplete response returned, reason: max_output_tokens": ("ANSWER_CUT", True),
    "Connection failed: error sending request": ("PROVIDER_UNREACHABLE", True),
    "something that nobody has seen before": ("AGENT_FAILED", False),
    "": ("AGENT_FAILED", False),
}
NO_ALIASES = "WARNING: proceeding, even though we could not create PATH aliases\n"
REFUSALS = [
    # what stands on stderr, the exit code, what has to be passed on
    (
        "Not inside a trusted directory and --skip-git-repo-check was not specified.\n",
        1,
        "Not inside a trusted directory",
    ),
    ("Error: No such file or directory (os error 2)\n", 1, "No such file or directory"),
    (
        'Error: CODEX_HOME points to "/x", but that path does not exist\n',
        1,
        'CODEX_HOME points to "/x", but that path does not exist',
    ),
    (
        (
            f"{NO_ALIASES}Error: Model provider `nosuch` not found\n\n"
            "Stack backtrace:\n   0: <unknown>\n   1: <unknown>\n"
        ),
        1,
        "provider `nosuch` not found",
    ),
    (
        (
            "Error loading config.toml:\n/h/config.toml:1:5: extra `=`, expected nothing\n"
            "  |\n1 | x = = 1\n  |     ^\n"
        ),
        1,
        "extra `=`, expected nothing",
    ),
    (
        (
            "Error loading config.toml: invalid type: integer `5`, expected a string\n"
            "in `model_reasoning_effort`\n\n"
        ),
        1,
        "invalid type: integer `5`",
    ),
    (
        (
            "error: unexpected argument '--nosuch' found\n\n  tip: to pass '--nosuch' as a value,"
            " use '-- --nosuch'\n\nUsage: codex exec [OPTIONS] [PROMPT]\n\n"
            "For more information, try '--help'.\n"
        ),
        2,
        "unexpected argument '--nosuch' found",
    ),
    (
        "Reading additional input from stdin...\nNo prompt provided via stdin.\n",
        1,
        "No prompt provided via stdin.",
    ),
    (
        "Error: thread/resume: thread/resume failed: no rollout found for thread id 01a1\n",
        1,
        "no rollout found for thread id 01a1",
    ),
    ("Error: thread 01a1 already has an active writer\n", 1, "already has an active writer"),
    (
        f"{NO_ALIASES}Error: required MCP servers failed to initialize: x\n",
        1,
        "required MCP servers failed",
    ),
    ("", 1, "exit code 1"),
]


class TestFailures:
    @pytest.mark.parametrize(("message", "expected"), FAILED_TURNS.items())
    def test_what_a_failed_turn_says_decides_on_the_failure(
        self, message: str, expected: tuple[str, bool]
    ) -> None:
        failure = classify(message)
        assert ((failure.code, failure.retryable), failure.message) == (expected, message)
        assert failure.code in FAILURES
        assert failure.hint

    def test_the_reader_passes_it_on(self) -> None:
        for message in FAILED_TURNS:
            seen = reader()
            seen.read(LINES[0])
            failed = {"type": "turn.failed", "error": {"message": message}}
            assert seen.read(json.dumps(failed).encode()) == [TurnFailed(message=message)]
            failure = seen.result(ProcessExit(1, "")).failure
            assert failure is not None
            assert replace(failure, retry_at=None) == replace(classify(message), retry_at=None)

    def test_a_long_message_becomes_one_short_line(self) -> None:
        message = classify("first\n  second\t" + "word " * 1000).message
        assert message.startswith("first second word word ")
        assert len(message) < 700

    @pytest.mark.parametrize(("stderr", "code", "reason"), REFUSALS)
    def test_who_never_began_is_told_of_in_codexs_words(
        self, stderr: str, code: int, reason: str
    ) -> None:
        failure = refused(ProcessExit(code, stderr))
        assert failure.code == "AGENT_REFUSED"
        assert reason in failure.message
        assert "\n" not in failure.message
        assert failure.hint

    def test_who_is_not_logged_in_gets_told_how(self) -> None:
        failure = refused(ProcessExit(1, "Error: Not logged in. Please run 'codex login'\n"))
        assert (failure.code, "codex login" in failure.hint) == ("CODEX_AUTH", True)

    CODES = (0, 1, 2, 101, 130, 137, -2, -9, -15, -35)
    SAID: Mapping[str, list[bytes]] = {
        "nothing": [],
        "begun": [LINES[0], LINES[1]],
        "an error that may pass": [LINES[0], LINES[1], LINES[-3]],
        "completed": [LINES[0], LINES[1], LINES[-1]],
        "failed": [LINES[0], LINES[1], LINES[-3], LINES[-2]],
    }

    @pytest.mark.parametrize("code", CODES)
    @pytest.mark.parametrize("said", SAID)
    def test_only_a_completed_turn_and_exit_code_0_are_a_success(
        self, said: str, code: int
    ) -> None:
        seen = reader()
        for line in self.SAID[said]:
            seen.read(line)
        result = seen.result(ProcessExit(code, ""))

        expected: str | None = "AGENT_DIED"
        if said == "failed":
            expected = "CODEX_AUTH"
        elif said == "nothing" and code >= 0:
            expected = "AGENT_REFUSED"
        elif said == "completed" and code == 0:
            expected = None
        assert (result.failure and result.failure.code, result.exit_code) == (expected, code)

    @pytest.mark.parametrize("said", SAID)
    def test_who_was_stopped_did_not_fail_by_itself(self, said: str) -> None:
        seen = reader()
        for line in self.SAID[said]:
            seen.read(line)
        assert seen.result(ProcessExit(1, "", CANCELLED)) == TurnResult(CANCELLED, 1)
        assert seen.result(ProcessExit(-15, "", TIMED_OUT)) == TurnResult(TIMED_OUT, -15)
        stalled = seen.result(ProcessExit(-9, "", STALLED)).failure
        assert stalled is not None
        assert stalled.code == "STALLED"

    @pytest.mark.parametrize(
        ("code", "words"), [(-9, "SIGKILL"), (-15, "SIGTERM"), (137, "exit code 137")]
    )
    def test_who_died_is_told_of_with_its_last_words(self, code: int, words: str) -> None:
        seen = reader()
        seen.read(LINES[0])
        failure = seen.result(ProcessExit(code, "starting\nthread panicked\n\n")).failure
        assert failure is not None
        assert (failure.code, failure.retryable) == ("AGENT_DIED", True)
        assert words in failure.message
        assert "thread panicked" in failure.message

    @pytest.mark.parametrize("lines", [SAID["completed"], SAID["completed"][-1:]])
    def test_who_died_after_its_turn_is_not_said_to_have_died_before(
        self, lines: list[bytes]
    ) -> None:
        seen = reader()
        for line in lines:
            seen.read(line)
        failure = seen.result(ProcessExit(137, "")).failure
        assert failure is not None
        assert (failure.code, "after its turn was over" in failure.message) == ("AGENT_DIED", True)

    def test_a_turn_begun_after_a_completed_one_has_to_complete_as_well(self) -> None:
        seen = reader()
        for line in (*self.SAID["completed"], LINES[1]):
            seen.read(line)
        failure = seen.result(ProcessExit(0, "")).failure
        assert failure is not None
        assert failure.code == "AGENT_DIED"


class TestUserConfig:
    def config(
        self,
        home: Path,
        *,
        main: str | bytes | None = None,
        profile: str | None = None,
        profiles: Mapping[str, str] = {},
        overrides: Sequence[str] = (),
    ) -> UserConfig:
        if main is not None:
            (home / "config.toml").write_bytes(main if isinstance(main, bytes) else main.encode())
        for name, text in profiles.items():
            (home / f"{name}.config.toml").write_text(text)
        return read(home, profile, overrides, system=home / "etc")

    def test_without_files_there_are_defaults(self, tmp_path: Path) -> None:
        config = self.config(tmp_path / "missing")
        assert config == UserConfig({}, tmp_path / "missing")
        assert (config.developer_instructions, config.set_variables) == ("", set())
        assert (config.uses_builtin_provider, config.keeps_login_in_keyring) == (True, False)

    def test_each_layer_goes_before_the_one_below(self, tmp_path: Path) -> None:
        system = tmp_path / "etc"
        system.mkdir()
        (system / "config.toml").write_text(
            'model = "system"\nonly_system = 1\ndeveloper_instructions = "system"\n'
        )
        (system / "managed_config.toml").write_text('managed = true\na = {b = {d = "managed"}}\n')
        main = (
            'developer_instructions = "main"\nmodel = "main"\nonly_main = 1\n'
            "[shell_environment_policy]\nset = {A = '1'}\ninherit = \"core\"\n"
        )
        file = 'developer_instructions = "file"\n[shell_environment_policy]\nset = {B = "2"}\n'
        config = self.config(
            tmp_path,
            main=main,
            profile="work",
            profiles={"work": file, "other": "only_other = 1"},
            overrides=['model="override"', "a.b.c=[1, 2]", "a.b.d=true"],
        )
        assert config.values == {
            "developer_instructions": "file",
            "model": "override",
            "only_main": 1,
            "only_system": 1,
            "managed": True,
            "shell_environment_policy": {"set": {"A": "1", "B": "2"}, "inherit": "core"},
            "a": {"b": {"c": [1, 2], "d": "managed"}},
        }
        assert config.managed == {"managed": True, "a": {"b": {"d": "managed"}}}
        assert config.developer_instructions == "file"
        assert config.set_variables == {"A", "B"}

    def test_without_a_profile_none_counts(self, tmp_path: Path) -> None:
        config = self.config(tmp_path, main='model = "main"', profiles={"work": 'model = "file"'})
        assert config.values["model"] == "main"

    @pytest.mark.parametrize(
        ("place", "otherwise"),
        [
            ("project/.codex/config.toml", True),
            ("project/deep/er/.codex/config.toml", True),
            ("project/other/.codex/config.toml", False),
            (".codex/config.toml", False),
            ("etc/managed_config.toml", True),
            ("etc/config.toml", False),
        ],
    )
    def test_instructions_of_managed_and_project_layers_are_not_overridden(
        self,
        tmp_path: Path,
        place: str,
        otherwise: bool,  # noqa: FBT001  a column of the table
    ) -> None:
        file = tmp_path / place
        file.parent.mkdir(parents=True)
        file.write_text('developer_instructions = "theirs"')
        config = read(tmp_path / ".codex", None, [], system=tmp_path / "etc")
        assert config.is_instructed_otherwise(tmp_path / "project" / "deep" / "er") is otherwise

    def test_a_missing_profile_changes_nothing(self, tmp_path: Path) -> None:
        config = self.config(tmp_path, main='model = "main"', profile="missing")
        assert config.values == {"model": "main"}

    @pytest.mark.parametrize(
        ("override", "value"),
        [
            ("key=text of several words", "text of several words"),
            ('key="quoted"', "quoted"),
            ("key='single'", "single"),
            ("key=5", 5),
            ("key=false", False),
            ('key={a="b"}', {"a": "b"}),
            ("key=a=b", "a=b"),
            ("key=", ""),
            ("key", ""),
            ("key=it's", "it's"),
            ("key=[unclosed", "[unclosed"),
            ("key=" + "1" * 5000, "1" * 5000),
        ],
    )
    def test_an_override_is_a_value_or_else_a_text(
        self, tmp_path: Path, override: str, value: object
    ) -> None:
        assert self.config(tmp_path, overrides=[override]).values == {"key": value}

    @pytest.mark.parametrize(
        "main",
        [
            "x = = 1",
            "[unclosed",
            b"\xff\xfe",
            "model = 'a'\nmodel = 'b'",
            "\0",
            "x = " + "[" * 100_000,
            "x = " + "1" * 5000,
        ],
    )
    def test_what_is_broken_is_left_to_codex_to_tell(
        self, tmp_path: Path, main: str | bytes
    ) -> None:
        config = self.config(tmp_path, main=main, overrides=["model=x"])
        assert config.values == {"model": "x"}

    def test_a_mark_of_byte_order_does_not_matter(self, tmp_path: Path) -> None:
        config = self.config(tmp_path, main=b'\xef\xbb\xbfdeveloper_instructions = "mine"')
        assert config.developer_instructions == "mine"

    def test_what_is_no_file_does_not_matter(self, tmp_path: Path) -> None:
        (tmp_path / "config.toml").mkdir()
        assert self.config(tmp_path).values == {}

    @pytest.mark.parametrize(
        "main",
        [
            "developer_instructions = 5\nshell_environment_policy = 5",
            "shell_environment_policy = {set = 5}",
        ],
    )
    def test_values_of_wrong_types_do_not_count(self, tmp_path: Path, main: str) -> None:
        config = self.config(tmp_path, main=main, profile="work")
        assert (config.developer_instructions, config.set_variables) == ("", set())

    @pytest.mark.parametrize(
        ("override", "builtin"),
        [
            ("model_provider=openai", True),
            ("model_provider=mock", False),
            ("openai_base_url=http://127.0.0.1", False),
            ("model=x", True),
        ],
    )
    def test_another_provider_is_not_openai(
        self,
        tmp_path: Path,
        override: str,
        builtin: bool,  # noqa: FBT001  a column of the table
    ) -> None:
        assert self.config(tmp_path, overrides=[override]).uses_builtin_provider is builtin

    @pytest.mark.parametrize(
        ("store", "keyring"), [("file", False), ("keyring", True), ("auto", True)]
    )
    def test_a_login_may_be_kept_in_a_keyring(
        self,
        tmp_path: Path,
        store: str,
        keyring: bool,  # noqa: FBT001  a column of the table
    ) -> None:
        config = self.config(tmp_path, main=f'cli_auth_credentials_store = "{store}"')
        assert config.keeps_login_in_keyring is keyring


NO_CONFIG = UserConfig({}, Path("/home/me/.codex"))


def codex(
    options: CodexOptions = CodexOptions(),  # noqa: B008  frozen
    *,
    agent: AgentOptions = AgentOptions(),  # noqa: B008  frozen
    config: Mapping[str, Any] = {},
    model: str | None = None,
    environ: Mapping[str, str] = {"PATH": "/bin", "KEY": "k"},
) -> Codex:
    program = Program(Path("/opt/codex"), "0.169.0", {"CODEX_MANAGED_BY_NPM": "1"})
    user = UserConfig(config, NO_CONFIG.home)
    return Codex(program, user, agent, options, model=model, environ=environ)


def turn(**fields: Any) -> TurnRequest:  # noqa: ANN401  the fields of TurnRequest
    given: dict[str, Any] = {
        "run_id": "k7f3",
        "workspace": Path("/ws"),
        "prompt": "do it",
        "instructions": "",
        "channel": "developer",
        "stop": CancelToken(),
        "keep": lambda _line: None,
        **fields,
    }
    return TurnRequest(**given)


def settings(argv: Sequence[str]) -> list[str]:
    """The values of `-c`, in order."""
    return [value for flag, value in pairwise(argv) if flag == "-c"]


def setting(argv: Sequence[str], key: str) -> Any:  # noqa: ANN401  any TOML
    """The value that counts for Codex: the last one, read as it reads it."""
    texts = [text for text in settings(argv) if text.startswith(f"{key}=")]
    value: Any = tomllib.loads(f"value = {texts[-1].partition('=')[2]}")["value"] if texts else None
    return value


SWITCHES = ["features.unbounded_connection_retries=false", "tools.update_plan.enabled=true"]
PROTECTION = [
    "shell_environment_policy.ignore_default_excludes=false",
    'shell_environment_policy.set.CROSSRUN_RUN_ID="k7f3"',
]
OURS = [*SWITCHES, *PROTECTION]


def with_c(*texts: str) -> list[str]:
    return [word for text in texts for word in ("-c", text)]


class TestCommand:
    def test_a_new_thread_is_told_everything(self) -> None:
        assert codex().launch(turn(instructions="Be kind.")) == Launch(
            argv=[
                *("/opt/codex", "exec", "--sandbox", "workspace-write", "-C", "/ws"),
                *("--json", "--skip-git-repo-check"),
                *with_c(*OURS, 'developer_instructions="Be kind."'),
                "-",
            ],
            cwd=Path("/ws"),
            environ={"PATH": "/bin", "KEY": "k", "CODEX_MANAGED_BY_NPM": "1"},
            run_id="k7f3",
            stdin=b"do it",
        )

    def test_a_resumed_thread_is_told_sandbox_and_folder_again(self) -> None:
        agent = AgentOptions(
            sandbox="danger-full-access", add_dirs=("/data", "/more"), images=("/a.png",)
        )
        resumed = turn(thread_id="01a1", channel="prompt", instructions="Be kind.")
        launch = codex(CodexOptions(profile="work"), agent=agent, model="gpt").launch(resumed)

        assert launch.argv == [
            *("/opt/codex", "exec", "--sandbox", "danger-full-access", "-C", "/ws"),
            *("--profile", "work", "--add-dir", "/data", "--add-dir", "/more"),
            *("resume", "--json", "--skip-git-repo-check", "--model", "gpt"),
            *with_c(*OURS),
            *("01a1", "-"),
        ]
        told = "<instructions>\nBe kind.\n</instructions>\n\n<task>\ndo it\n</task>"
        assert launch.stdin.decode() == told

    def test_in_a_subfolder_the_whole_workspace_may_be_written(self) -> None:
        launch = codex().launch(turn(subfolder="packages/web"))
        assert launch.cwd == Path("/ws/packages/web")
        assert launch.argv[4:8] == ["-C", "/ws/packages/web", "--add-dir", "/ws"]

    def test_pictures_go_with_a_new_thread_only(self) -> None:
        agent = AgentOptions(images=("/a.png", "/b.png"))
        new = codex(agent=agent).command(turn())
        resumed = codex(agent=agent).command(turn(thread_id="01a1", channel="prompt"))
        assert [new[at + 1] for at, word in enumerate(new) if word == "--image"] == [
            "/a.png",
            "/b.png",
        ]
        assert "--image" not in resumed

    def test_a_repository_may_be_required(self) -> None:
        argv = codex(CodexOptions(require_git_repo=True)).command(turn())
        assert "--skip-git-repo-check" not in argv

    def test_the_network_is_opened_on_request_only(self) -> None:
        opening = "sandbox_workspace_write.network_access=true"
        assert opening not in settings(codex().command(turn()))
        assert opening in settings(codex(agent=AgentOptions(network=True)).command(turn()))

    def test_the_users_own_settings_come_before_what_protects_keys_only(self) -> None:
        own = ("tools.update_plan.enabled=false", 'shell_environment_policy={inherit="all"}')
        argv = codex(CodexOptions(config=own), agent=AgentOptions(network=True)).command(turn())
        network = "sandbox_workspace_write.network_access=true"
        assert settings(argv) == [*SWITCHES, network, *own, *PROTECTION]
        assert setting(argv, "tools.update_plan.enabled") is False

    @pytest.mark.parametrize("resumed", [{}, {"thread_id": "01a1", "channel": "prompt"}])
    def test_keys_are_hidden_without_a_list_that_replaces_the_users(
        self, resumed: dict[str, str]
    ) -> None:
        environ = {"DB_PASSWORD": "p", "My_Credentials": "c", "MY.PASSWORD": "p", "A_KEY": "k"}
        made = codex(
            config={"shell_environment_policy": {"set": {"PASSWD_FILE": "/f"}}},
            environ={**environ, "PASSWD_FILE": "/f", "HARMLESS": "h"},
        )
        launch = made.launch(turn(**resumed))
        given = [text for text in settings(launch.argv) if text not in OURS]
        assert given == [
            'shell_environment_policy.set.DB_PASSWORD=""',
            'shell_environment_policy.set.My_Credentials=""',
        ]
        assert "MY.PASSWORD" not in launch.environ
        assert launch.environ["DB_PASSWORD"] == "p"

    def test_instructions_that_a_project_would_lose_go_with_the_prompt(
        self, tmp_path: Path
    ) -> None:
        assert codex().channel(tmp_path, resumed=False) == "developer"
        (tmp_path / ".codex").mkdir()
        (tmp_path / ".codex" / "config.toml").write_text('developer_instructions = "theirs"')
        assert codex().channel(tmp_path, resumed=False) == "prompt"

    def test_the_users_own_instructions_come_first(self) -> None:
        made = codex(config={"developer_instructions": "Mine\nfirst."})
        argv = made.command(turn(instructions="Ours."))
        assert setting(argv, "developer_instructions") == "Mine\nfirst.\n\nOurs."

    def test_without_ours_the_users_own_are_left_alone(self) -> None:
        argv = codex(config={"developer_instructions": "Mine."}).command(turn())
        assert setting(argv, "developer_instructions") is None

    @pytest.mark.parametrize(
        "text",
        [
            "quotes \" and ' and \"\"\" and '''",
            "lines\nand\r\nmore\ttabs\\n",
            "back\\slash \\u0041 \\\\",
            "emoji \U0001f600 ünï \u2028 \u2029 \x85 \ufeff \uffff \U0010ffff",
            "".join(map(chr, range(0x20))) + "\x7f" + "".join(map(chr, range(0x80, 0xA0))),
            "= [table]\nkey = 1 # no comment",
            "-c --sandbox danger-full-access",
            " ",
        ],
    )
    def test_instructions_arrive_as_they_are(self, text: str) -> None:
        argv = codex().command(turn(instructions=text))
        assert setting(argv, "developer_instructions") == text
        os.fsencode("".join(argv))

    def test_long_instructions_go_with_the_prompt(self) -> None:
        made = codex(config={"developer_instructions": "Mine."})
        fitting, long = "x" * 90_000, "ü" * 60_000
        launch = made.launch(turn(instructions=long))

        assert setting(launch.argv, "developer_instructions") is None
        told = f"<instructions>\n{long}\n</instructions>\n\n<task>\ndo it\n</task>"
        assert launch.stdin.decode() == told
        short = made.launch(turn(instructions=fitting))
        assert setting(short.argv, "developer_instructions") == f"Mine.\n\n{fitting}"
        assert short.stdin == b"do it"

    @pytest.mark.parametrize("text", ["\n" * 99_000, '"' * 99_000, "\x01" * 40_000, "x" * 99_000])
    def test_no_argument_is_longer_than_the_system_takes(self, text: str) -> None:
        launch = codex().launch(turn(instructions=text))
        assert max(len(os.fsencode(word)) for word in launch.argv) < 128 * 1024
        carried = setting(launch.argv, "developer_instructions") or launch.stdin.decode()
        assert text in carried

    @pytest.mark.parametrize("prompt", ["-v is broken", "resume", "a\n" * 400_000, "\U0001f600"])
    def test_the_prompt_is_never_an_argument(self, prompt: str) -> None:
        launch = codex().launch(turn(prompt=prompt))
        assert launch.stdin == prompt.encode()
        assert launch.argv == codex().command(turn())

    def test_instructions_go_by_the_channel_that_works(self) -> None:
        assert codex().channel(WS, resumed=False) == "developer"
        assert codex().channel(WS, resumed=True) == "prompt"

    def test_the_version_is_the_programs(self) -> None:
        assert codex().version() == "0.169.0"


def make_program(path: Path, script: str) -> Path:
    """A stand-in for Codex."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


CREDENTIALS: list[tuple[str, dict[str, str], dict[str, str] | None]] = [
    # what there is besides the environment, the environment, what is added (None: refused)
    ("nothing", {}, None),
    ("nothing", {"OPENAI_API_KEY": ""}, None),
    ("nothing", {"OPENAI_API_KEY": "sk-1"}, {"CODEX_API_KEY": "sk-1"}),
    ("nothing", {"OPENAI_API_KEY": "sk-1", "CODEX_API_KEY": ""}, {"CODEX_API_KEY": "sk-1"}),
    ("nothing", {"OPENAI_API_KEY": "sk-1", "CODEX_API_KEY": "sk-2"}, {}),
    ("nothing", {"CODEX_API_KEY": "sk-2"}, {}),
    ("nothing", {"CODEX_API_KEY": "sk-2", "OPENAI_BASE_URL": "http://x"}, {}),
    ("nothing", {"OPENAI_API_KEY": "sk-1", "OPENAI_BASE_URL": "http://x"}, None),
    ("nothing", {"OPENAI_API_KEY": "sk-1", "OPENAI_BASE_URL": ""}, {"CODEX_API_KEY": "sk-1"}),
    ("nothing", {"OPENAI_BASE_URL": "http://x"}, None),
    ("auth.json", {}, {}),
    ("auth.json", {"OPENAI_API_KEY": "sk-1"}, {}),
    ("auth.json", {"OPENAI_API_KEY": "sk-1", "OPENAI_BASE_URL": "http://x"}, {}),
    ("own provider", {}, {}),
    ("own provider", {"OPENAI_API_KEY": "sk-1"}, {}),
    ("own address", {"OPENAI_API_KEY": "sk-1"}, {}),
    ("own address", {}, {}),
    ("keyring, logged in", {}, {}),
    ("keyring, logged in", {"OPENAI_API_KEY": "sk-1"}, {}),
    ("keyring, logged in", {"OPENAI_API_KEY": "sk-1", "OPENAI_BASE_URL": "http://x"}, {}),
    ("keyring, logged out", {}, {}),
    ("keyring, logged out", {"OPENAI_API_KEY": "sk-1"}, {"CODEX_API_KEY": "sk-1"}),
    ("keyring, logged out", {"OPENAI_API_KEY": "sk-1", "OPENAI_BASE_URL": "http://x"}, {}),
    ("keyring, logged out", {"CODEX_API_KEY": "sk-2"}, {}),
    ("keyring and auth.json", {"OPENAI_API_KEY": "sk-1"}, {}),
    ("logged in", {}, {}),
    ("logged in", {"OPENAI_API_KEY": "sk-1"}, {}),
    ("nothing", {"CODEX_ACCESS_TOKEN": "t"}, {}),
    ("nothing", {"CODEX_ACCESS_TOKEN": "t", "OPENAI_API_KEY": "sk-1"}, {}),
    ("nothing", {"CODEX_ACCESS_TOKEN": ""}, None),
    ("a broken configuration", {}, {}),
    ("a broken configuration", {"OPENAI_API_KEY": "sk-1"}, {"CODEX_API_KEY": "sk-1"}),
]


class TestCredentials:
    @pytest.mark.parametrize(("there", "environ", "added"), CREDENTIALS)
    def test_a_key_is_handed_on_only_where_it_surely_belongs(
        self, tmp_path: Path, there: str, environ: dict[str, str], added: dict[str, str] | None
    ) -> None:
        values: dict[str, str] = {}
        if "provider" in there:
            values["model_provider"] = "mine"
        if "address" in there:
            values["openai_base_url"] = "http://127.0.0.1"
        if "keyring" in there:
            values["cli_auth_credentials_store"] = "keyring"
        if "auth.json" in there:
            (tmp_path / "auth.json").write_text("{}")
        said = "Error loading config.toml" if "broken" in there else "Not logged in"
        script = f'echo "$@" >> {tmp_path}/asked; echo {said} >&2'
        script += f"; exit {int('logged in' not in there)}"
        program = Program(make_program(tmp_path / "codex", script), "0.169.0")
        config = UserConfig(values, tmp_path)

        if added is None:
            with pytest.raises(AuthenticationError) as refused:
                credentials(program, config, environ)
            assert (refused.value.code, "--offline" in refused.value.hint) == ("CODEX_AUTH", True)
        else:
            assert credentials(program, config, environ) == added
        asked = tmp_path / "asked"
        assert not asked.exists() or asked.read_text() == "login status\n"

    def test_a_codex_that_cannot_be_asked_counts_as_logged_out(self, tmp_path: Path) -> None:
        program = Program(tmp_path / "missing", "0.169.0")
        config = UserConfig({"cli_auth_credentials_store": "auto"}, tmp_path)
        added = credentials(program, config, {"OPENAI_API_KEY": "sk-1"})
        assert added == {"CODEX_API_KEY": "sk-1"}


ARM = ("aarch64", "arm64")


def version_text(numbers: Sequence[int]) -> str:
    return ".".join(map(str, numbers))


class TestFind:
    @pytest.fixture
    def cache(self, tmp_path: Path) -> Path:
        return tmp_path / "state" / "version.json"

    def environ(self, folder: Path) -> dict[str, str]:
        return {"PATH": f"{folder}:/usr/bin:/bin"}

    def test_it_is_found_on_the_path(self, tmp_path: Path, cache: Path) -> None:
        made = make_program(tmp_path / "bin" / "codex", "echo codex-cli 0.169.0-alpha.2")
        found = find(None, self.environ(made.parent), cache)
        assert found == Program(made, "0.169.0-alpha.2", {})

    def test_a_configured_one_goes_first(self, tmp_path: Path, cache: Path) -> None:
        on_path = make_program(tmp_path / "bin" / "codex", "echo codex-cli 1.0.0")
        configured = make_program(tmp_path / "mine" / "my-codex", "echo codex-cli 2.0.0")
        found = find(str(configured), self.environ(on_path.parent), cache)
        assert found == Program(configured, "2.0.0", {})

    @pytest.mark.parametrize(
        "configured",
        [
            pytest.param(None, marks=without_packaged_codex),
            "/nonexistent/codex",
            "{folder}/plain.txt",
        ],
    )
    def test_a_missing_one_is_an_error_that_names_a_way_out(
        self, tmp_path: Path, cache: Path, configured: str | None
    ) -> None:
        (tmp_path / "plain.txt").write_text("no program")
        named = configured and configured.format(folder=tmp_path)
        with pytest.raises(ConfigurationError) as missing:
            find(named, {"PATH": str(tmp_path / "empty")}, cache)
        assert missing.value.code == "CODEX_MISSING"
        assert "npm install -g @openai/codex" in missing.value.hint
        assert "pip install 'crossrun[codex]'" in missing.value.hint
        assert "--offline" in missing.value.hint
        assert (named or "on your PATH") in missing.value.message

    def test_one_that_is_too_old_is_refused(self, tmp_path: Path, cache: Path) -> None:
        older = (OLDEST[0], OLDEST[1] - 1, 999)
        made = make_program(tmp_path / "codex", f"echo codex-cli {version_text(older)}")
        with pytest.raises(ConfigurationError) as refused:
            find(str(made), {}, cache)
        assert refused.value.code == "CODEX_TOO_OLD"
        assert version_text(older) in refused.value.message
        assert version_text(OLDEST) in refused.value.message

    def test_the_oldest_one_is_good_enough(self, tmp_path: Path, cache: Path) -> None:
        made = make_program(tmp_path / "codex", f"echo codex-cli {version_text(OLDEST)}")
        assert find(str(made), {}, cache).version == version_text(OLDEST)

    @pytest.mark.parametrize("script", ["echo hello", "exit 1", "printf '\\377\\376'"])
    def test_what_is_no_codex_is_told(self, tmp_path: Path, cache: Path, script: str) -> None:
        made = make_program(tmp_path / "codex", script)
        with pytest.raises(ConfigurationError) as broken:
            find(str(made), {"PATH": "/usr/bin:/bin"}, cache)
        assert broken.value.code == "CODEX_BROKEN"

    def test_what_cannot_be_run_is_told(self, tmp_path: Path, cache: Path) -> None:
        made = tmp_path / "codex"
        made.write_text("#!/nonexistent/interpreter\n")
        made.chmod(0o755)
        with pytest.raises(ConfigurationError) as broken:
            find(str(made), {}, cache)
        assert broken.value.code == "CODEX_BROKEN"

    @pytest.fixture
    def native(self, tmp_path: Path) -> Path:
        """A program that is no script and tells a version of three numbers: bash."""
        made = tmp_path / "bin" / "codex"
        made.parent.mkdir()
        shutil.copy(shutil.which("bash") or pytest.skip("no bash"), made)
        return made

    def test_the_version_of_a_native_program_is_asked_only_once(
        self, native: Path, cache: Path
    ) -> None:
        version = find(str(native), {}, cache).version
        remembered = json.loads(cache.read_text())
        assert remembered["version"] == version
        cache.write_text(json.dumps({**remembered, "version": "9.9.9"}))
        assert find(str(native), {}, cache).version == "9.9.9"
        updated = native.with_name("new")
        shutil.copy2(native, updated)
        updated.replace(native)  # of the same size and time
        assert find(str(native), {}, cache).version == version

    def test_a_version_that_is_too_old_is_not_believed_from_memory(
        self, native: Path, cache: Path
    ) -> None:
        version = find(str(native), {}, cache).version
        remembered = json.loads(cache.read_text())
        cache.write_text(json.dumps({**remembered, "version": "0.1.0"}))
        assert find(str(native), {}, cache).version == version

    def test_a_shim_is_asked_each_time(self, tmp_path: Path, cache: Path) -> None:
        behind = make_program(tmp_path / "behind", "echo codex-cli 0.1.0")
        shim = make_program(tmp_path / "codex", f'exec {behind} "$@"')
        with pytest.raises(ConfigurationError) as refused:
            find(str(shim), {}, cache)
        assert refused.value.code == "CODEX_TOO_OLD"
        make_program(behind, "echo codex-cli 0.169.0")
        assert find(str(shim), {}, cache).version == "0.169.0"

    def test_a_link_to_a_version_manager_is_called_by_its_own_name(
        self, tmp_path: Path, cache: Path
    ) -> None:
        """A manager looks at the name that it is called by."""
        manager = make_program(tmp_path / "manager", 'echo "${0##*/}-cli 0.169.0"')
        link = tmp_path / "bin" / "codex"
        link.parent.mkdir()
        link.symlink_to(manager)
        assert find(None, self.environ(link.parent), cache) == Program(link, "0.169.0", {})

    @pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"program": 5}', '{"version": "9"}'])
    def test_a_broken_memory_is_made_anew(self, native: Path, cache: Path, text: str) -> None:
        cache.parent.mkdir()
        cache.write_text(text)
        version = find(str(native), {}, cache).version
        assert json.loads(cache.read_text())["version"] == version

    KIND = f"codex-{sys.platform}-{'arm64' if platform.machine() in ARM else 'x64'}"
    TRIPLE = "x86_64-unknown-linux-musl"

    def npm(self, root: Path, native: str) -> tuple[Path, Path]:
        """What npm installs: a script that a link leads to, and the program that it starts."""
        scope = root / "lib" / "node_modules" / "@openai"
        script = make_program(scope / "codex" / "bin" / "codex.js", "echo codex-cli 0.1.0")
        place = scope / native.format(kind=self.KIND) / "vendor" / self.TRIPLE / "bin" / "codex"
        program = make_program(place, "echo codex-cli 0.169.0")
        link = root / "bin" / "codex"
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(os.path.relpath(script, link.parent))
        return link, program

    @pytest.mark.parametrize("native", ["{kind}", "codex/node_modules/@openai/{kind}", "codex"])
    def test_behind_npms_script_the_program_itself_is_found(
        self, tmp_path: Path, cache: Path, native: str
    ) -> None:
        link, program = self.npm(tmp_path, native)
        package = tmp_path.resolve() / "lib" / "node_modules" / "@openai" / "codex"
        assert find(None, self.environ(link.parent), cache) == Program(
            program.resolve(),
            "0.169.0",
            {"CODEX_MANAGED_PACKAGE_ROOT": str(package), "CODEX_MANAGED_BY_NPM": "1"},
        )

    @pytest.mark.parametrize("native", ["codex-plan9-mips", "codex/node_modules/other"])
    def test_an_unknown_layout_is_left_alone(
        self, tmp_path: Path, cache: Path, native: str
    ) -> None:
        link, _ = self.npm(tmp_path, native)
        make_program(link.resolve(), "echo codex-cli 0.169.0")
        assert find(None, self.environ(link.parent), cache) == Program(link, "0.169.0", {})

    def test_two_programs_in_one_package_are_left_alone(self, tmp_path: Path, cache: Path) -> None:
        link, program = self.npm(tmp_path, "{kind}")
        make_program(program.parents[2] / "other" / "bin" / "codex", "echo codex-cli 0.169.0")
        make_program(link.resolve(), "echo codex-cli 0.169.1")
        assert find(None, self.environ(link.parent), cache) == Program(link, "0.169.1", {})


class TestWholeRuns:
    """A run of crossrun with a stand-in for Codex."""

    def test_codex_path_says_where_codex_is(self, crossrun: Crossrun, tmp_path: Path) -> None:
        made = make_program(tmp_path / "my codex", "echo codex-cli 0.169.0")
        environ = {"CODEX_PATH": str(made), "CODEX_API_KEY": "sk-1"}
        plan = crossrun.json("run", "say hello", "--dry-run", **environ)
        assert plan["command"][0] == str(made)
        assert plan["prompt"] == "say hello"

    def test_a_stream_full_of_nonsense_is_recorded_and_read_again(
        self, crossrun: Crossrun, tmp_path: Path
    ) -> None:
        nonsense = [line for make in HOPELESS.values() for line in make() if b"\n" not in line]
        lines = [LINES[0], *nonsense, *wrong_types()[::7], *LINES[:-3], LINES[-1]]
        (tmp_path / "said").write_bytes(b"\n".join(lines) + b"\n")
        script = f'[ "$1" = --version ] && exec echo codex-cli 0.169.0\nexec cat {tmp_path}/said'
        made = make_program(tmp_path / "codex", script)
        result = crossrun(
            "run", "x", "--json", CODEX_PATH=str(made), CODEX_API_KEY="sk-1", CODEX_HOME="/missing"
        )

        assert (result.code, result.json["status"]) == (0, "succeeded"), result.err
        assert result.json["answer"] == "I will run a command."
        events = crossrun.events()
        raw = [event["raw"] for event in events if event["type"] == "unrecognised"]
        wanted = [line.decode("utf-8", "replace") for line in nonsense]
        assert raw[: len(wanted)] == wanted
        assert events[-1]["type"] == "run_finished"


class TestCodexReaderKeepsTheContract(OutputReaderContract):
    completed = (
        b'{"type":"thread.started","thread_id":"t"}',
        b'{"type":"turn.started"}',
        (
            b'{"type":"item.started","item":{"id":"1","type":"command_execution","command":"ls",'
            b'"aggregated_output":"","exit_code":null,"status":"in_progress"}}'
        ),
        (
            b'{"type":"item.completed","item":{"id":"1","type":"command_execution","command":"ls",'
            b'"aggregated_output":"a","exit_code":0,"status":"completed"}}'
        ),
        b'{"type":"item.completed","item":{"id":"2","type":"agent_message","text":"Done."}}',
        b'{"type":"turn.completed","usage":{"input_tokens":2,"output_tokens":1}}',
    )

    def reader(self, workspace: Path) -> OutputReader:
        return CodexReader(workspace, NO_TOKENS, workspace, patience=60)
