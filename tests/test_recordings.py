"""Recorded sessions really happen again, and nothing of a bad one happens at all."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Crossrun, types
from contracts import ExecutorContract, Told, assign, contents, follow

from crossrun.errors import UsageError
from crossrun.events import (
    AgentReasoned,
    AgentSpoke,
    CommandRan,
    CommandStarted,
    Event,
    FileChanged,
    PlanItem,
    PlanUpdated,
    RunFinished,
    ThreadStarted,
    ToolCalled,
    TurnStarted,
    Warned,
)
from crossrun.executors import Executor, TurnRequest, TurnResult
from crossrun.executors.codex import Codex
from crossrun.executors.codex.config import UserConfig
from crossrun.executors.codex.program import Program
from crossrun.executors.replay import Replay
from crossrun.executors.replay.recording import (
    SHIPPED,
    RecordedWrite,
    Recording,
    load,
    of_run,
    shipped_names,
)
from crossrun.executors.shell import Shell
from crossrun.model.failures import CANCELLED, Failure, RunFailed
from crossrun.model.requests import AgentOptions, CodexOptions
from crossrun.model.status import Status
from crossrun.system.cancellation import CancelToken

ENVIRON = {"PATH": os.environ["PATH"]}
PROMISED = {
    "code": ["duration.py", "test_duration.py"],
    "data_analysis": [
        "analyse.py",
        "check.py",
        "outputs/summary.csv",
        "outputs/yields.svg",
        "yields.csv",
    ],
    "document_processing": [
        "check.py",
        "convert.py",
        "new/SOP-001.md",
        "new/SOP-007.md",
        "new/SOP-014.md",
        "old/SOP-001.txt",
        "old/SOP-007.txt",
        "old/SOP-014.txt",
        "sources.cksum",
        "template.md",
    ],
    "research": [
        "bibliography.md",
        "build.py",
        "check.py",
        "findings.md",
        "sources/dijkstra1972.md",
        "sources/hoare1981.md",
        "sources/knuth1984.md",
    ],
    "writing": ["article.md", "check.py", "outline.md"],
}


def write_recording(file: Path, *events: dict[str, Any], **head: Any) -> str:  # noqa: ANN401
    """A recording in a file; JSON is YAML."""
    told = {"recording": 1, "title": "test", "events": list(events), **head}
    file.write_text(json.dumps(told, ensure_ascii=False))
    return str(file)


def ran(command: str, exit_code: int | None = 0) -> dict[str, Any]:
    return {"type": "command_ran", "command": command, "exit_code": exit_code}


def wrote(path: str, content: str = "x\n") -> dict[str, Any]:
    return {"type": "file_changed", "path": path, "change": "added", "content": content}


SAID = {"type": "agent_spoke", "text": "Done."}


class TestShipped:
    def test_there_is_one_for_each_task_type(self) -> None:
        assert shipped_names() == sorted(PROMISED)

    @pytest.mark.parametrize("task_type", PROMISED)
    def test_it_does_what_it_promises(self, crossrun: Crossrun, task_type: str) -> None:
        recording = load(SHIPPED / f"{task_type}.yaml")
        result = crossrun("run", "x", "--offline", "--task-type", task_type, "--json")
        run = result.json

        assert (result.code, run["status"], run["failure"]) == (0, "succeeded", None)
        changes = [(change["path"], change["status"]) for change in run["changes"]]
        assert changes == [(path, "added") for path in PROMISED[task_type]]
        assert sorted(contents(run["workspace"])) == PROMISED[task_type]
        spoken = [entry.text for entry in recording.entries if isinstance(entry, AgentSpoke)]
        assert run["answer"] == spoken[-1]
        assert (run["executor"], run["planner"], run["tokens"]) == ("replay", "direct", None)

    def test_every_entry_is_told_and_every_command_has_really_run(self, crossrun: Crossrun) -> None:
        crossrun.json("run", "--offline", "--task-type", "document_processing")
        events = crossrun.events()
        told = [event for event in events if event["type"] not in ("command_started", "warned")]
        recording = load(SHIPPED / "document_processing.yaml")

        tags = [
            "file_changed" if isinstance(entry, RecordedWrite) else entry.__struct_config__.tag
            for entry in recording.entries
        ]
        first = types(told).index("turn_started") + 1
        assert types(told)[first : first + len(tags)] == tags
        commands = [event for event in events if event["type"] == "command_ran"]
        recorded = [entry for entry in recording.entries if isinstance(entry, CommandRan)]
        assert [event["exit_code"] for event in commands] == [entry.exit_code for entry in recorded]
        assert any("KeyError: 'revision'" in event["output"] for event in commands)
        assert all(event["duration_s"] > 0 for event in commands)
        assert any("no model runs" in e["message"] for e in events if e["type"] == "warned")

    @pytest.mark.parametrize("name", sorted(PROMISED))
    def test_it_says_what_it_is(self, name: str) -> None:
        recording = load(SHIPPED / f"{name}.yaml")
        assert recording.workspace is None
        assert len(recording.title) > 10
        assert len(recording.task) > 50


class TestConsent:
    def test_a_file_runs_only_when_the_user_said_yes(self, crossrun: Crossrun) -> None:
        file = write_recording(crossrun.cwd / "r.yaml", ran("touch made"), SAID)
        refused = crossrun("run", "x", "--recording", file, "--json")
        assert (refused.code, refused.json["error"]["code"]) == (2, "CONSENT_NEEDED")
        assert "--yes" in refused.err
        assert crossrun.json("runs")["runs"] == []

        run = crossrun.json("run", "x", "--recording", file, "--yes")
        assert (run["status"], contents(run["workspace"])) == ("succeeded", {"made": b""})

    def test_without_a_task_the_recorded_one_counts(self, crossrun: Crossrun) -> None:
        file = write_recording(crossrun.cwd / "r.json", SAID, task="Say that\nit is done.")
        run = crossrun.json("run", "--recording", file, "--yes")
        assert (run["task"], run["answer"]) == ("Say that\nit is done.", "Done.")


BAD_EVENTS: dict[str, dict[str, Any]] = {
    "a path above": wrote("../evil"),
    "a path above in the middle": wrote("a/../../evil"),
    "an absolute path": wrote("/tmp/evil"),  # noqa: S108  nothing is written
    "no path": {"type": "file_changed", "change": "added", "content": "x"},
    "an empty path": wrote(""),
    "the workspace itself": wrote("."),
    "a path that is no text": {**wrote("a"), "path": 5},
    "no content": {"type": "file_changed", "path": "a", "change": "added"},
    "a content that is no text": {**wrote("a"), "content": 5},
    "a content that is no base64": {
        **{key: value for key, value in wrote("a").items() if key != "content"},
        "content_base64": "!",
    },
    "a deletion above": {"type": "file_changed", "path": "../evil", "change": "deleted"},
    "an unknown change": {**wrote("a"), "change": "renamed"},
    "no exit code": {"type": "command_ran", "command": "touch evil"},
    "an exit code that is not known": ran("touch evil", None),
    "an exit code that is no number": {**ran("touch evil"), "exit_code": "0"},
    "an exit code that is a truth": {**ran("touch evil"), "exit_code": True},
    "no command": {"type": "command_ran", "exit_code": 0},
    "a command that is no text": {**ran("x"), "command": ["touch", "evil"]},
    "a command that cannot be": ran("touch evil\0"),
    "no type": {"command": "touch evil", "exit_code": 0},
    "an unknown event": {"type": "prayer", "text": "x"},
    "an event of crossrun's own": {"type": "run_finished", "status": "succeeded"},
    "a plan without texts": {"type": "plan_updated", "items": [{"completed": True}]},
    "words that are none": {"type": "agent_spoke", "text": 5},
}
BAD_FILES = {
    "empty": b"",
    "no YAML": b"recording: 1\nevents: [unclosed",
    "a list": b"- recording: 1\n",
    "no text": b"recording: 1\nevents:\n  - {type: agent_spoke, text: \xff}\n",
    "control characters": b"recording: 1\nevents:\n  - {type: agent_spoke, text: \x07}\n",
    "code": b"recording: 1\nevents:\n  - !!python/object/apply:os.system ['touch evil']\n",
    "no version": b"events:\n  - {type: agent_spoke, text: x}\n",
    "another version": b"recording: 2\nevents:\n  - {type: agent_spoke, text: x}\n",
    "a version in words": b"recording: '1'\nevents:\n  - {type: agent_spoke, text: x}\n",
    "no events": b"recording: 1\n",
    "an empty list of events": b"recording: 1\nevents: []\n",
    "events that are none": b"recording: 1\nevents: 5\n",
    "events that are words": b"recording: 1\nevents: [x]\n",
    "events by name": b"recording: 1\nevents: {a: {type: agent_spoke, text: x}}\n",
    "half a character in a command": (
        rb'{"recording":1,"events":[{"type":"command_ran","command":"touch \ud83d","exit_code":0}]}'
    ),
    "half a character in a path": (
        rb'{"recording":1,"events":[{"type":"file_changed","path":"a\ud83d","change":"deleted"}]}'
    ),
    "half a character in its title": (
        rb'{"recording":1,"title":"\ud83d","events":[{"type":"agent_spoke","text":"x"}]}'
    ),
    "half a character in its task": (
        rb'{"recording":1,"task":"\ud83d","events":[{"type":"agent_spoke","text":"x"}]}'
    ),
    "an endless list": (
        b"recording: 1\nevents:\n  - {type: tool_called, tool: x, arguments: &a [*a]}\n"
    ),
    "a very deep list": (
        b"recording: 1\nevents:\n  - {type: tool_called, tool: x, arguments: "
        + b"[" * 3000
        + b"]" * 3000
        + b"}\n"
    ),
}


class TestRefused:
    @pytest.mark.parametrize("what", BAD_EVENTS)
    def test_a_bad_event_spoils_the_whole_recording(self, tmp_path: Path, what: str) -> None:
        file = write_recording(tmp_path / "r.yaml", ran("touch made"), BAD_EVENTS[what])
        with pytest.raises(UsageError) as refused:
            load(Path(file))
        assert refused.value.code == "RECORDING_INVALID"
        assert "event 2" in refused.value.message

    @pytest.mark.parametrize("what", BAD_FILES)
    def test_a_bad_file_is_refused(self, tmp_path: Path, what: str) -> None:
        file = tmp_path / "r.yaml"
        file.write_bytes(BAD_FILES[what])
        with pytest.raises(UsageError) as refused:
            load(file)
        assert refused.value.code == "RECORDING_INVALID"
        assert "\n" not in refused.value.message

    def test_a_missing_file_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError) as refused:
            load(tmp_path / "missing.yaml")
        assert refused.value.code == "RECORDING_INVALID"

    @pytest.mark.parametrize(
        "what", ["a path above", "no content", "no exit code", "an unknown event"]
    )
    def test_nothing_of_a_bad_event_is_run(self, crossrun: Crossrun, what: str) -> None:
        file = write_recording(crossrun.cwd / "r.yaml", ran("touch evil"), BAD_EVENTS[what])
        self.assert_nothing_is_run(crossrun, file)

    @pytest.mark.parametrize("what", ["no YAML", "another version", "an endless list"])
    def test_nothing_of_a_bad_file_is_run(self, crossrun: Crossrun, what: str) -> None:
        file = crossrun.cwd / "r.yaml"
        file.write_bytes(BAD_FILES[what])
        self.assert_nothing_is_run(crossrun, str(file))

    def assert_nothing_is_run(self, crossrun: Crossrun, file: str) -> None:
        result = crossrun("run", "x", "--recording", file, "--yes", "--json")
        assert (result.code, result.json["error"]["code"]) == (2, "RECORDING_INVALID")
        assert "nothing was run" in result.err
        assert crossrun.json("runs")["runs"] == []
        assert not (crossrun.home / "workspaces").exists()
        assert list(crossrun.home.rglob("evil")) == []
        assert sorted(path.name for path in crossrun.cwd.iterdir()) == ["r.yaml"]


class TestLoad:
    def test_all_that_may_stand_in_one(self, tmp_path: Path) -> None:
        file = tmp_path / "r.yaml"
        file.write_text(
            "recording: 1\ntitle: All of it\ntask: do it\nevents:\n"
            "- {type: agent_reasoned, text: hm}\n"
            "- {type: agent_spoke, text: 'ünï \U0001f600'}\n"
            "- {type: plan_updated, items: [{text: a, completed: true}]}\n"
            "- {type: tool_called, tool: t, arguments: {a: [1, null]}, error: e}\n"
            "- {type: command_ran, command: 'exit 3', exit_code: 3, later: unknown}\n"
            '- {type: file_changed, path: a/b c, change: added, content: "x\\r\\n"}\n'
            "- {type: file_changed, path: bin, change: modified, content_base64: AP8=}\n"
            "- {type: file_changed, path: a/b c, change: deleted}\n"
        )
        assert load(file) == Recording(
            "All of it",
            "do it",
            (
                AgentReasoned(text="hm"),
                AgentSpoke(text="ünï \U0001f600"),
                PlanUpdated(items=(PlanItem("a", completed=True),)),
                ToolCalled(tool="t", arguments={"a": [1, None]}, error="e"),
                CommandRan(command="exit 3", exit_code=3),
                RecordedWrite(FileChanged(path="a/b c", change="added"), b"x\r\n"),
                RecordedWrite(FileChanged(path="bin", change="modified"), b"\0\xff"),
                RecordedWrite(FileChanged(path="a/b c", change="deleted"), None),
            ),
        )

    def test_without_a_title_it_is_called_like_its_file(self, tmp_path: Path) -> None:
        file = write_recording(tmp_path / "my session.yaml", SAID, title=None)
        assert load(Path(file)).title == "my session"

    @pytest.mark.parametrize("indent", [None, 2, "\t"])
    @pytest.mark.parametrize("ensure_ascii", [True, False])
    def test_json_will_do(
        self,
        tmp_path: Path,
        indent: int | str | None,
        ensure_ascii: bool,  # noqa: FBT001
    ) -> None:
        told = {"recording": 1, "title": "é", "events": [{**SAID, "text": "ü / \U0001f600"}]}
        file = tmp_path / "r.json"
        file.write_text(json.dumps(told, indent=indent, ensure_ascii=ensure_ascii))
        assert load(file) == Recording("é", "", (AgentSpoke(text="ü / \U0001f600"),))


def of(events: Sequence[Event], **blobs: bytes) -> Recording:
    return of_run("r1", events, blobs.get, workspace="/old")


class TestOfRun:
    def test_all_that_can_be_done_again_is_taken(self) -> None:
        events: list[Event] = [
            ThreadStarted(thread_id="t"),
            TurnStarted(),
            AgentReasoned(text="hm"),
            CommandStarted(command="a"),
            CommandStarted(command="b"),
            CommandRan(command="b", exit_code=0, output="b"),
            CommandRan(command="a", exit_code=3, output="a"),
            FileChanged(path="x", change="added", content="b1"),
            FileChanged(path="y", change="added", ok=False),
            FileChanged(path="x", change="deleted"),
            AgentSpoke(text="Done."),
            RunFinished(status=Status.SUCCEEDED),
        ]
        assert of(events, b1=b"content") == Recording(
            "run r1",
            "",
            (
                AgentReasoned(text="hm"),
                CommandRan(command="b", exit_code=0, output="b"),
                CommandRan(command="a", exit_code=3, output="a"),
                RecordedWrite(FileChanged(path="x", change="added", content="b1"), b"content"),
                RecordedWrite(FileChanged(path="x", change="deleted"), None),
                AgentSpoke(text="Done."),
            ),
            "/old",
        )

    @pytest.mark.parametrize(
        ("events", "why"),
        [
            ([], "nothing happened"),
            ([TurnStarted(), RunFinished(status=Status.FAILED)], "nothing happened"),
            ([CommandStarted(command="sleep 5")], "never ended: sleep 5"),
            ([CommandRan(command="x", exit_code=None)], "exit code"),
            ([FileChanged(path="a", change="added")], "content of a"),
            ([FileChanged(path="a", change="added", content="lost")], "content of a"),
            ([FileChanged(path="/etc/a", change="deleted")], "'/etc/a' is outside"),
            ([FileChanged(path="../a", change="deleted")], "'../a' is outside"),
        ],
    )
    def test_what_cannot_be_done_again_is_refused(self, events: list[Event], why: str) -> None:
        with pytest.raises(UsageError) as refused:
            of(events)
        assert refused.value.code == "RECORDING_INVALID"
        assert why in refused.value.message

    @pytest.mark.parametrize("command", ["echo [redacted] > a", "login --token=[redacted]"])
    def test_a_command_that_lost_a_secret_is_not_run_without_it(self, command: str) -> None:
        with pytest.raises(UsageError):
            of([CommandRan(command=command, exit_code=0)])


def play(workspace: Path, *entries: Any, **options: Any) -> Told:  # noqa: ANN401
    replay = Replay(Recording("test", "", entries, options.pop("recorded_in", None)), ENVIRON)
    return follow(replay.execute(assign(workspace, **options)))


def put(path: str, content: bytes | None = b"evil") -> RecordedWrite:
    change = "deleted" if content is None else "added"
    return RecordedWrite(FileChanged.of(path, change, ok=True), content)


def done(command: str, exit_code: int = 0) -> CommandRan:
    return CommandRan(command=command, exit_code=exit_code)


class TestReplay:
    def test_it_tells_and_does_all_in_order(self, workspace: Path) -> None:
        told = play(
            workspace,
            AgentReasoned(text="hm"),
            put("sub/a", b"1\r\n"),
            done("cat sub/a; rm sub/a; exit 3", 3),
            put("sub/a", b"\0"),
            put("b"),
            put("b", None),
            put("never there", None),
            AgentSpoke(text="Done."),
        )
        ended = told.events[5]
        assert isinstance(ended, CommandRan)
        assert told.events == [
            Warned(message="no model runs: this is a replay of a recording (test)"),
            TurnStarted(),
            AgentReasoned(text="hm"),
            FileChanged(path="sub/a", change="added"),
            CommandStarted(command="cat sub/a; rm sub/a; exit 3"),
            CommandRan(
                command="cat sub/a; rm sub/a; exit 3",
                exit_code=3,
                output="1\r\n",
                duration_s=ended.duration_s,
            ),
            FileChanged(path="sub/a", change="added"),
            FileChanged(path="b", change="added"),
            FileChanged(path="b", change="deleted"),
            FileChanged(path="never there", change="deleted"),
            AgentSpoke(text="Done."),
        ]
        assert told.outcome.failure is None
        assert contents(workspace) == {"sub/a": b"\0"}

    def test_another_exit_code_ends_it_and_names_the_place(self, workspace: Path) -> None:
        told = play(workspace, put("a"), done("test -f missing"), put("b"))
        assert told.outcome == TurnResult(
            Failure(
                "REPLAY_DIVERGED",
                "event 2 of 3: `test -f missing` ended with exit code 1, when it was recorded"
                " with 0",
                "something that the recording relies on is different on this machine; if it began "
                "with your files, add --source .",
            ),
            1,
        )
        assert list(contents(workspace)) == ["a"]

    def test_a_command_that_succeeds_where_it_failed_diverges(self, workspace: Path) -> None:
        failure = play(workspace, done("true", 3)).outcome.failure
        assert failure is not None
        assert (failure.code, "exit code 0" in failure.message) == ("REPLAY_DIVERGED", True)

    def test_commands_find_the_workspace_where_it_is_now(self, workspace: Path) -> None:
        told = play(
            workspace,
            done("echo here > /old/place/a && cd /old/place && test -f a"),
            recorded_in="/old/place",
        )
        assert told.outcome.failure is None
        assert contents(workspace) == {"a": b"here\n"}
        assert (
            CommandStarted(command=f"echo here > {workspace}/a && cd {workspace} && test -f a")
            in told.events
        )

    def test_a_stop_between_two_changes_is_honoured(self, workspace: Path) -> None:
        stop = CancelToken()
        replay = Replay(Recording("test", "", (put("a"), put("b"))), ENVIRON)
        told = follow(
            replay.execute(assign(workspace, stop=stop)),
            when=lambda _told: (workspace / "a").exists(),
            then=lambda: stop.request("test"),
        )
        assert (told.outcome.failure, list(contents(workspace))) == (CANCELLED, ["a"])


class TestLinks:
    """A recorded command plants something; a later change of a file must not follow it out."""

    @pytest.mark.parametrize(
        ("planted", "change"),
        [
            ("ln -s ../outside out", put("out/evil")),
            ("ln -s ../outside out", put("out/deeper/evil")),
            ("ln -s ../outside out", put("out/kept", None)),
            ("ln -s ../outside/evil out", put("out")),
            ("ln -s ../outside/kept out", put("out")),
            ("ln -s ../outside/kept out", put("out", None)),
            ("ln -s ../outside out", put("out", None)),
            ("ln -s .. out", put("out/outside/evil")),
            ("ln -s / out", put("out/evil")),
            ("ln -s a b; ln -s c a; ln -s ../outside c", put("b/evil")),
        ],
    )
    def test_a_link_that_leads_outside_is_refused(
        self, workspace: Path, planted: str, change: RecordedWrite
    ) -> None:
        outside = workspace.parent / "outside"
        outside.mkdir()
        (outside / "kept").write_text("kept")
        with pytest.raises(RunFailed) as refused:
            play(workspace, done(planted), change, put("after"))
        assert refused.value.failure.code == "REPLAY_DIVERGED"
        assert "symbolic link" in refused.value.failure.message
        assert contents(outside) == {"kept": b"kept"}
        assert not (workspace / "after").exists()

    def test_a_link_within_the_workspace_may_be_followed(self, workspace: Path) -> None:
        play(workspace, done("mkdir -p real; ln -s real link"), put("link/a", b"1"))
        assert (workspace / "real" / "a").read_bytes() == b"1"

    @pytest.mark.parametrize(
        ("planted", "change"),
        [
            ("mkdir a", put("a")),
            ("mkdir a", put("a", None)),
            ("touch a", put("a/b")),
            ("ln -s a a", put("a/b")),
            ("true", put("a" * 300)),
        ],
    )
    def test_what_stands_in_the_way_ends_it_as_diverged(
        self, workspace: Path, planted: str, change: RecordedWrite
    ) -> None:
        with pytest.raises(RunFailed) as refused:
            play(workspace, done(planted), change)
        assert refused.value.failure.code == "REPLAY_DIVERGED"

    def test_in_a_whole_run_nothing_leaves_the_workspace(
        self, crossrun: Crossrun, tmp_path: Path
    ) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        planted = ran(f"ln -s {outside} out")
        file = write_recording(crossrun.cwd / "r.yaml", planted, wrote("out/evil"), SAID)
        result = crossrun("run", "x", "--recording", file, "--yes", "--json")

        run = result.json
        assert (result.code, run["status"]) == (1, "failed")
        assert run["failure"]["code"] == "REPLAY_DIVERGED"
        assert list(outside.iterdir()) == []
        assert [change["path"] for change in run["changes"]] == ["out"]

    def test_a_pipe_in_the_place_of_a_file_does_not_hang(self, crossrun: Crossrun) -> None:
        file = write_recording(crossrun.cwd / "r.yaml", ran("mkfifo a"), wrote("a"))
        process = crossrun.start("run", "x", "--recording", file, "--yes", "--json")
        try:
            out, _ = process.communicate(timeout=8)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        assert json.loads(out)["failure"]["code"] == "REPLAY_DIVERGED"


class TestWholeRuns:
    def test_keys_are_kept_from_the_commands(self, crossrun: Crossrun) -> None:
        file = write_recording(crossrun.cwd / "r.yaml", ran("env > env.txt"))
        keys = {"OPENAI_API_KEY": "sk-1", "DEPLOY_TOKEN": "t", "DB_PASSWORD": "p", "MY_SECRET": "s"}
        words = ("run", "x", "--recording", file, "--yes")
        run = crossrun.json(*words, HARMLESS="harmless", **keys)

        seen = contents(run["workspace"])["env.txt"].decode().splitlines()
        assert f"CROSSRUN_RUN_ID={run['id']}" in seen
        assert "HARMLESS=harmless" in seen
        assert [line for line in seen if line.split("=")[0] in keys] == []

    def test_another_exit_code_fails_the_run(self, crossrun: Crossrun) -> None:
        file = write_recording(crossrun.cwd / "r.yaml", ran("touch a"), ran("exit 4"), SAID)
        result = crossrun("run", "x", "--recording", file, "--yes", "--json")

        run = result.json
        assert (result.code, run["status"], run["answer"]) == (1, "failed", None)
        assert run["failure"]["code"] == "REPLAY_DIVERGED"
        assert "event 2 of 3: `exit 4` ended with exit code 4" in run["failure"]["message"]
        assert list(contents(run["workspace"])) == ["a"]

    def test_a_repeated_run_keeps_its_task_type_and_so_its_artifacts(
        self, crossrun: Crossrun
    ) -> None:
        first = crossrun.json("run", "Plot", "--offline", "--task-type", "data_analysis")
        again = crossrun.json("run", "--recording", first["id"], "--yes")
        assert (again["status"], again["task_type"]) == ("succeeded", "data_analysis")
        names = [
            [artifact["name"] for artifact in crossrun.json("artifacts", run["id"])["artifacts"]]
            for run in (first, again)
        ]
        assert set(names[0]) <= set(names[1])
        other = ("run", "--recording", first["id"], "--task-type", "code", "--yes")
        assert crossrun.json(*other)["task_type"] == "code"

    def test_a_shell_run_can_be_replayed_and_its_replay_again(self, crossrun: Crossrun) -> None:
        script = (
            "mkdir -p sub\ncd sub\nprintf '1\\r\\n\\000' > 'a b'\n"
            "for n in 1 2; do echo $n > $n.txt; done\nln -s a\\ b link; rm 1.txt; pwd > where"
        )
        first = crossrun.json("run", script, "--executor", "shell")
        second = crossrun.json("run", "again", "--recording", first["id"], "--yes")
        third = crossrun.json("run", "again", "--recording", "last", "--yes")

        made = contents(first["workspace"])
        assert sorted(made) == ["sub/2.txt", "sub/a b", "sub/link", "sub/where"]
        for run in (second, third):
            assert run["status"] == "succeeded"
            where = f"{run['workspace']}/sub\n".encode()
            assert contents(run["workspace"]) == {**made, "sub/where": where}
            assert run["changes"] == first["changes"]

    def test_a_failed_shell_run_fails_at_the_same_place_again(self, crossrun: Crossrun) -> None:
        script = "echo 1 > one\nfalse\necho 2 > two"
        first = crossrun("run", script, "--executor", "shell", "--json").json
        again = crossrun("run", "again", "--recording", "last", "--yes", "--json").json
        assert contents(first["workspace"]) == {"one": b"1\n"}
        assert contents(again["workspace"]) == contents(first["workspace"])
        assert again["status"] == "succeeded"

    def test_a_replay_with_changed_files_can_be_replayed(self, crossrun: Crossrun) -> None:
        file = write_recording(
            crossrun.cwd / "r.yaml",
            wrote("a", "first\r\n"),
            ran("cp a b"),
            wrote("sub/ü", "\U0001f600"),
            {**wrote("a", "second"), "change": "modified"},
            {"type": "file_changed", "path": "sub/ü", "change": "deleted"},
            {"type": "file_changed", "path": "bin", "change": "added", "content_base64": "AP8="},
            SAID,
        )
        first = crossrun.json("run", "x", "--recording", file, "--yes")
        Path(file).unlink()
        again = crossrun.json("run", "x", "--recording", "last", "--yes", GIT_DIR="/nonexistent")

        expected = {"a": b"second", "b": b"first\r\n", "bin": b"\0\xff"}
        assert contents(first["workspace"]) == contents(again["workspace"]) == expected
        assert (again["status"], again["answer"]) == ("succeeded", "Done.")


class TestShellKeepsTheContract(ExecutorContract):
    failure_code = "SCRIPT_FAILED"

    def executor(self, script: str, folder: Path) -> Executor:  # noqa: ARG002  the script is the prompt
        return Shell(ENVIRON)

    def test_the_first_failing_line_ends_the_script(self, workspace: Path) -> None:
        told = follow(self.execute(workspace, "echo one\nfalse\necho two"))
        assert told.events == [
            CommandStarted(command="echo one\nfalse\necho two"),
            CommandRan(command="echo one\nfalse\necho two", exit_code=1, output="one\n"),
        ]
        assert told.outcome == TurnResult(
            Failure(
                "SCRIPT_FAILED",
                "the script ended with exit code 1",
                "see its output: crossrun steps RUN",
            ),
            1,
        )


class TestReplayKeepsTheContract(ExecutorContract):
    failure_code = "REPLAY_DIVERGED"

    def executor(self, script: str, folder: Path) -> Executor:  # noqa: ARG002  part of the contract
        return Replay(Recording("test", "", (CommandRan(command=script, exit_code=0),)), ENVIRON)


class TestCodexKeepsTheContract(ExecutorContract):
    """With a stand-in for the program, which takes its prompt for a script."""

    failure_code = "AGENT_DIED"

    def executor(self, script: str, folder: Path) -> Executor:  # noqa: ARG002  the script is the prompt
        program = folder / "codex"
        program.write_text(
            "#!/bin/sh\n"
            'echo \'{"type":"thread.started","thread_id":"t"}\'\n'
            'echo \'{"type":"turn.started"}\'\n'
            'sh -c "$(cat)" > output 2>&1 || exit $?\n'
            "rm output\n"
            'echo \'{"type":"turn.completed","usage":{"input_tokens":2,"output_tokens":1}}\'\n'
        )
        program.chmod(0o755)
        config = UserConfig({}, folder)
        return Codex(
            Program(program, "0.169.0"),
            config,
            AgentOptions(),
            CodexOptions(),
            model=None,
            environ=ENVIRON,
        )

    def test_silence_ends_it(self, workspace: Path) -> None:
        told = follow(self.execute(workspace, "exec sleep 60", idle_timeout=0.3))
        assert told.outcome.failure is not None
        assert told.outcome.failure.code == "STALLED"

    def test_a_program_that_is_gone_is_a_failure(self, workspace: Path) -> None:
        executor = self.executor("true", workspace.parent)
        (workspace.parent / "codex").unlink()
        told = follow(executor.execute(assign(workspace, "true")))
        assert told.events == []
        assert told.outcome.failure is not None
        assert told.outcome.failure.code == "AGENT_DIED"
        assert "No such file or directory" in told.outcome.failure.message

    def test_every_line_is_kept_as_it_came(self, workspace: Path) -> None:
        kept: list[bytes] = []
        executor = self.executor("true", workspace.parent)
        (workspace.parent / "codex").write_text(
            '#!/bin/sh\nprintf \'nonsense\\r\\n\\n\\377\\n{"type":"turn.started"}\'\n'
        )
        turn = assign(workspace, "true")
        turn = TurnRequest(
            **{name: getattr(turn, name) for name in turn.__struct_fields__} | {"keep": kept.append}
        )
        follow(executor.execute(turn))
        assert kept == [b"nonsense\r\n", b"\n", b"\xff\n", b'{"type":"turn.started"}\n']
