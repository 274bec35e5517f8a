"""What an implementation of a protocol has to do: base classes for the tests of each.

Subclass one of them in a test file, and the new implementation gets all checks.
"""

import io
import json
import os
import shlex
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, get_args

import pytest
from examples import EVENTS, event_of, recorded
from msgspec.structs import replace
from processes import is_gone, lingering, told_pid, wait_for

from crossrun.config.tasktypes import load as load_task_type
from crossrun.errors import NotFoundError
from crossrun.events import (
    AgentEvent,
    Channel,
    Event,
    RunStarted,
    UnknownEvent,
    Unrecognised,
    decode,
    encode,
)
from crossrun.executors import Executor, TurnRequest, TurnResult
from crossrun.executors.agent_cli import OutputReader
from crossrun.executors.process import ProcessExit
from crossrun.model.failures import CANCELLED, FAILURES, TIMED_OUT
from crossrun.planning import Planner, PlannerInput, StepReport
from crossrun.system.cancellation import CancelToken
from crossrun.views.live import View
from crossrun.views.live import follow as follow_view
from crossrun.views.terminal import Terminal
from crossrun.workspace.snapshots.files import Files


def contents(folder: Path | str) -> dict[str, bytes]:
    """All files below a folder with their bytes."""
    root = Path(folder)
    files = [path for path in root.rglob("*") if path.is_file()]
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


@dataclass
class Told:
    """What an executor told, and how it ended."""

    events: list[AgentEvent] = field(default_factory=list)
    pauses: int = 0
    outcome: TurnResult = field(default_factory=TurnResult)


def follow(
    told: Generator[AgentEvent | None, None, TurnResult],
    *,
    when: Callable[[Told], bool] = lambda _told: False,
    then: Callable[[], None] = lambda: None,
) -> Told:
    """Follows an executor to its end; does something once, when it is time."""
    seen, done = Told(), False
    try:
        while True:
            event = next(told)
            seen.pauses += event is None
            seen.events += [event] if event is not None else []
            if not done and when(seen):
                done = True
                then()
    except StopIteration as ended:
        seen.outcome = ended.value
        return seen
    finally:
        told.close()


def assign(workspace: Path, prompt: str = "", **options: Any) -> TurnRequest:  # noqa: ANN401
    workspace.mkdir(exist_ok=True)
    return TurnRequest(
        run_id=f"{os.getpid()}-{workspace.parent.name}",
        workspace=workspace,
        prompt=prompt,
        instructions="",
        channel="none",
        stop=options.pop("stop", CancelToken()),
        keep=lambda _line: None,
        **options,
    )


class ExecutorContract:
    """What every executor does; subclass it for a new one.

    `executor` makes one that carries out a shell script: the given one, or that of the prompt.
    `failure_code` is the code of its failure when the script exits with 3.
    """

    failure_code: ClassVar[str]

    def executor(self, script: str, folder: Path) -> Executor:
        raise NotImplementedError

    def execute(
        self,
        workspace: Path,
        script: str,
        **options: Any,  # noqa: ANN401  fields of TurnRequest
    ) -> Generator[AgentEvent | None, None, TurnResult]:
        turn = assign(workspace, script, **options)
        return self.executor(script, workspace.parent).execute(turn)

    def test_it_tells_what_it_does_and_that_it_ended_well(self, workspace: Path) -> None:
        told = follow(self.execute(workspace, "echo said; echo made > file"))
        assert told.outcome.failure is None
        assert told.events != []
        assert {type(event) for event in told.events} <= {*get_args(AgentEvent)}
        assert [decode(encode(event)) for event in told.events] == told.events
        assert contents(workspace) == {"file": b"made\n"}

    def test_it_pauses_when_there_is_nothing_to_tell(self, workspace: Path) -> None:
        assert follow(self.execute(workspace, "sleep 0.5")).pauses >= 3

    def test_it_tells_at_once(self, workspace: Path) -> None:
        telling = self.execute(workspace, "exec sleep 60")
        assert next(event for event in telling if event is not None)

    def test_a_failure_is_a_value(self, workspace: Path) -> None:
        outcome = follow(self.execute(workspace, "echo why; exit 3")).outcome
        assert outcome.failure is not None
        assert (outcome.failure.code, outcome.exit_code) == (self.failure_code, 3)
        assert self.failure_code in FAILURES
        assert outcome.failure.hint

    def test_it_can_be_asked_again(self, workspace: Path) -> None:
        executor = self.executor("echo again >> file", workspace.parent)
        for _ in range(2):
            told = follow(executor.execute(assign(workspace, "echo again >> file")))
            assert told.outcome.failure is None
        assert contents(workspace) == {"file": b"again\nagain\n"}

    def test_nothing_happens_before_somebody_listens(self, workspace: Path) -> None:
        self.execute(workspace, "touch file").close()
        assert contents(workspace) == {}

    def test_it_leaves_no_process_when_it_ends(self, workspace: Path) -> None:
        script = lingering("one in a session of its own", workspace)
        assert follow(self.execute(workspace, script)).outcome.failure is None
        assert is_gone(told_pid(workspace))

    def test_it_leaves_no_process_when_nobody_listens_any_more(self, workspace: Path) -> None:
        script = lingering("one that ignores polite signals", workspace)
        telling = self.execute(workspace, f"{script}exec sleep 60")
        left = workspace / "pids" / "left"
        wait_for(lambda: next(telling) is None and left.exists() and left.read_text())
        telling.close()
        assert is_gone(told_pid(workspace))

    def test_it_stops_when_it_is_asked_to(self, workspace: Path) -> None:
        stop = CancelToken()
        script = lingering("one in a session of its own", workspace)
        telling = self.execute(workspace, f"{script}exec sleep 60", stop=stop)
        left = workspace / "pids" / "left"
        told = follow(telling, when=lambda _told: left.exists(), then=lambda: stop.request("test"))
        assert told.outcome.failure == CANCELLED
        assert is_gone(told_pid(workspace))

    def test_who_was_asked_to_stop_before_it_began_does_nothing_for_long(
        self, workspace: Path
    ) -> None:
        stop = CancelToken()
        stop.request("test")
        told = follow(self.execute(workspace, "exec sleep 60", stop=stop))
        assert told.outcome.failure == CANCELLED

    def test_it_ends_at_its_deadline(self, workspace: Path) -> None:
        deadline = time.monotonic() + 0.3
        told = follow(self.execute(workspace, "exec sleep 60", deadline=deadline))
        assert told.outcome.failure == TIMED_OUT

    def test_it_says_how_it_works(self, workspace: Path) -> None:
        executor = self.executor("true", workspace.parent)
        argv = executor.command(assign(workspace, "true"))
        assert shlex.split(shlex.join(argv)) == argv
        for resumed in (True, False):
            assert executor.channel(Path("/ws"), resumed=resumed) in get_args(Channel)
        assert executor.version() is None or executor.version()


class OutputReaderContract:
    """What the reader of every agent CLI does; subclass it for a new one.

    `reader` makes one for a new process. `completed` are the lines of a turn that ends well.
    """

    completed: ClassVar[Sequence[bytes]]

    def reader(self, workspace: Path) -> OutputReader:
        raise NotImplementedError

    @pytest.mark.parametrize(
        "line",
        [b"nonsense", b"\xff\xfe", b"null", b"7", b"[]", b'{"type": 7}', b'{"a": ' * 100_000],
        ids=["words", "no UTF-8", "null", "a number", "a list", "another type", "deep"],
    )
    def test_a_line_that_makes_no_sense_is_kept(self, workspace: Path, line: bytes) -> None:
        reader = self.reader(workspace)
        (event,) = reader.read(line)
        assert isinstance(event, Unrecognised)
        assert not reader.over()

    def test_a_turn_that_completed_ends_well(self, workspace: Path) -> None:
        reader = self.reader(workspace)
        events = [event for line in self.completed for event in reader.read(line)]
        assert events != []
        assert {type(event) for event in events} <= {*get_args(AgentEvent)} - {Unrecognised}
        assert [decode(encode(event)) for event in events] == events
        assert (reader.over(), reader.busy()) == (True, False)
        assert reader.result(ProcessExit(0, "")) == TurnResult(None, 0)

    def test_a_process_that_ends_before_its_turn_is_a_failure(self, workspace: Path) -> None:
        for length in range(len(self.completed)):
            reader = self.reader(workspace)
            for line in self.completed[:length]:
                reader.read(line)
            failure = reader.result(ProcessExit(0, "")).failure
            assert not reader.over()
            assert failure is not None
            assert failure.code in FAILURES
            assert failure.hint

    def test_what_the_process_was_ended_for_is_the_failure(self, workspace: Path) -> None:
        reader = self.reader(workspace)
        for line in self.completed[:-1]:
            reader.read(line)
        assert reader.result(ProcessExit(-9, "", CANCELLED)) == TurnResult(CANCELLED, -9)


class PlannerContract:
    """What every planner does; subclass it for a new one.

    `planner` makes one, each time anew: a planner keeps no state. It plans one step at least.
    """

    def planner(self) -> Planner:
        raise NotImplementedError

    def first_input(self, folder: Path) -> PlannerInput:
        return PlannerInput("Count the lines of notes.txt", load_task_type("code", folder))

    def test_the_first_step_has_a_prompt(self, tmp_path: Path) -> None:
        decision = self.planner().next_step(self.first_input(tmp_path))
        assert decision.failure is None
        assert decision.prompt

    def test_another_process_continues_the_plan_until_its_end(self, tmp_path: Path) -> None:
        planner_input = self.first_input(tmp_path)
        decision = self.planner().next_step(planner_input)
        while decision.prompt is not None and len(planner_input.reports) < 10:
            stored = json.loads(json.dumps([*decision.sent, *decision.replies]))
            planner_input = replace(
                planner_input,
                messages=(*planner_input.messages, *stored),
                reports=(*planner_input.reports, StepReport("Done.", (), ())),
            )
            decision = self.planner().next_step(planner_input)
        assert (decision.prompt, decision.failure) == (None, None)
        assert planner_input.reports != ()


class FilesContract:
    """What every tree of files does; subclass it for a new one.

    `files` makes one of a folder, as long as its context lasts.
    """

    def files(self, folder: Path, tmp_path: Path) -> AbstractContextManager[Files]:
        raise NotImplementedError

    @pytest.fixture
    def tree(self, tmp_path: Path) -> Iterator[Files]:
        folder = tmp_path / "folder"
        for name in ("read.me", "src/deep/code.py", "node_modules/x/y.js"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(f"content of {name}\0".encode())
        (tmp_path / "secret").write_text("secret")
        (folder / "out").symlink_to(tmp_path)
        (folder / "to-file").symlink_to(tmp_path / "secret")
        with self.files(folder, tmp_path) as files:
            yield files

    def test_all_is_listed_but_what_is_closed(self, tree: Files) -> None:
        entries = {entry.path: entry for entry in tree.below((), {"node_modules"}.__contains__)}
        assert {path: entry.kind for path, entry in entries.items()} == {
            "read.me": "file",
            "src/deep/code.py": "file",
            "node_modules": "folder",
            "out": "link",
            "to-file": "link",
        }
        assert [path for path, entry in entries.items() if entry.closed] == ["node_modules"]
        assert entries["read.me"].size == len("content of read.me\0")

    def test_what_is_below_a_folder_is_listed(self, tree: Files) -> None:
        paths = [entry.path for entry in tree.below(("src",), {"node_modules"}.__contains__)]
        assert paths == ["src/deep/code.py"]

    def test_contents_are_read_byte_for_byte(self, tree: Files) -> None:
        with tree.reading(("src", "deep", "code.py")) as file:
            assert file.read() == b"content of src/deep/code.py\0"

    @pytest.mark.parametrize("parts", [("src",), ("src", "deep")])
    def test_a_folder_is_an_entry_without_content(
        self, tree: Files, parts: tuple[str, ...]
    ) -> None:
        assert tree.entry(parts).kind == "folder"
        with pytest.raises(NotFoundError), tree.reading(parts):
            pass

    @pytest.mark.parametrize(
        "parts", [("missing",), ("src", "missing"), ("read.me", "below"), ("out", "secret")]
    )
    def test_what_is_not_there_is_not_found(self, tree: Files, parts: tuple[str, ...]) -> None:
        with pytest.raises(NotFoundError, match="there is no"):
            tree.entry(parts)
        with pytest.raises(NotFoundError, match="there is no"), tree.reading(parts):
            pass

    def test_a_link_tells_its_target_and_is_not_followed(self, tree: Files, tmp_path: Path) -> None:
        assert tree.entry(("to-file",)).target == str(tmp_path / "secret")
        with pytest.raises(NotFoundError), tree.reading(("to-file",)):
            pass


class ViewContract:
    """What every view of a run does; subclass it for a new one. `view` makes one."""

    def view(self, terminal: Terminal) -> View:
        raise NotImplementedError

    @pytest.fixture(params=[True, False], ids=["terminal", "pipe"])
    def terminal(self, request: pytest.FixtureRequest) -> Terminal:
        live: bool = request.param
        stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        return Terminal(stream, 80, color=live, live=live, unicode=True)

    @pytest.mark.parametrize("event", [*EVENTS, UnknownEvent("sung", {"type": "sung", "key": 1})])
    def test_each_event_can_be_shown(self, terminal: Terminal, event: Event) -> None:
        view = self.view(terminal)
        for item in (None, recorded(event), None, recorded(event, 2)):
            view.show(item)
        view.close(None)

    def test_a_whole_run_is_followed_to_its_end(self, terminal: Terminal) -> None:
        items = [recorded(event, seq) for seq, event in enumerate(EVENTS, 1)]
        run = follow_view((item for pair in items for item in (pair, None)), self.view(terminal))
        assert run.ended

    def test_it_ends_with_a_run_that_has_not_ended(self, terminal: Terminal) -> None:
        assert not follow_view([recorded(event_of(RunStarted))], self.view(terminal)).ended

    def test_it_can_be_suspended_at_any_time(self, terminal: Terminal) -> None:
        view = self.view(terminal)
        for item in (recorded(event_of(RunStarted)), None):
            with view.suspended():
                pass
            view.show(item)
        view.close(None)

    def test_it_writes_to_its_terminal_only(
        self, terminal: Terminal, capfd: pytest.CaptureFixture[str]
    ) -> None:
        follow_view(
            (recorded(event, at) for at, event in enumerate(EVENTS, 1)), self.view(terminal)
        )
        assert tuple(capfd.readouterr()) == ("", "")
