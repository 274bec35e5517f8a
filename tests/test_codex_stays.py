"""A Codex that has said its last word, or says nothing any more, is not waited for in vain."""

import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import CodexWorld
from faults.fake_codex import THREAD_STARTED, TURN_COMPLETED, TURN_FAILED, TURN_STARTED, spoken
from processes import is_gone

from crossrun.events import AgentEvent, CommandRan, Warned
from crossrun.executors import TurnRequest, TurnResult
from crossrun.executors.codex import Codex
from crossrun.executors.codex.config import UserConfig
from crossrun.executors.codex.program import Program
from crossrun.model.requests import AgentOptions, CodexOptions
from crossrun.system.cancellation import CancelToken

BEGUN = (THREAD_STARTED, TURN_STARTED)
MAKE = '"id":"item_1","type":"command_execution","command":"make"'
COMMAND_STARTED = f'{{"type":"item.started","item":{{{MAKE}}}}}'
COMMAND_ENDED = f'{{"type":"item.completed","item":{{{MAKE},"exit_code":0}}}}'
POEM_STARTED = '{"type":"item.started","item":{"id":"item_2","type":"poem"}}'
PROGRAM = """\
#!{python} -IS
import os, subprocess, sys, time
sys.stdin.read()
def say(*lines):
    print("\\n".join(lines), flush=True)
def leave():
    left = subprocess.Popen(["sleep", "60"], env={{}}, start_new_session=True)
    with open("left", "w") as file:
        file.write(str(left.pid))
{body}
"""


def executed(
    folder: Path,
    body: str,
    *,
    patience: float = 0.4,
    **fields: Any,  # noqa: ANN401
) -> tuple[list[AgentEvent], TurnResult, float]:
    """What a program that passes for Codex does, how its turn ended, and how long it took."""
    program = folder / "codex"
    program.write_text(PROGRAM.format(python=sys.executable, body=body))
    program.chmod(0o755)
    given = TurnRequest(
        run_id=f"stays-{folder.name}",
        workspace=folder,
        prompt="do it",
        instructions="",
        channel="none",
        stop=CancelToken(),
        keep=lambda _line: None,
        **fields,
    )
    codex = Codex(
        Program(program, "0.171.0"),
        UserConfig({}, folder),
        AgentOptions(),
        CodexOptions(),
        model=None,
        environ={},
        patience=patience,
    )
    began, events, turn = time.monotonic(), list[AgentEvent](), codex.execute(given)
    try:
        while True:
            event = next(turn)
            events += [] if event is None else [event]
    except StopIteration as ended:
        return events, ended.value, time.monotonic() - began


@pytest.mark.parametrize("limits", [{}, {"idle_timeout": 2.0}])
def test_a_turn_that_is_complete_is_a_success_though_codex_stays(
    tmp_path: Path, limits: dict[str, Any]
) -> None:
    body = f"leave(); say(*{(*BEGUN, spoken('Done.'), TURN_COMPLETED)}); time.sleep(60)"
    events, result, took = executed(tmp_path, body, patience=2.5 if limits else 0.4, **limits)
    assert (result.failure, took < 40) == (None, True)
    assert events[-1] == Warned(
        message="the agent had finished but did not exit, so it was stopped"
    )
    assert is_gone(int((tmp_path / "left").read_text()))


def test_a_turn_that_failed_is_a_failure_though_codex_stays(tmp_path: Path) -> None:
    body = f"say(*{(*BEGUN, TURN_FAILED)}); time.sleep(60)"
    _, result, took = executed(tmp_path, body)
    assert result.failure is not None
    assert (result.failure.code, took < 40) == ("AGENT_FAILED", True)


def test_the_deadline_of_a_complete_turn_only_ends_the_waiting(tmp_path: Path) -> None:
    body = f"say(*{(*BEGUN, TURN_COMPLETED)}); time.sleep(60)"
    _, result, _ = executed(tmp_path, body, deadline=time.monotonic() + 0.3)
    assert result.failure is None


def test_a_new_turn_in_the_same_process_is_waited_for(tmp_path: Path) -> None:
    again = (TURN_STARTED, spoken("More."), TURN_COMPLETED)
    body = f"say(*{(*BEGUN, TURN_COMPLETED, TURN_STARTED)}); time.sleep(1); say(*{again})"
    events, result, _ = executed(tmp_path, body)
    assert result == TurnResult(None, 0)
    assert not any(isinstance(event, Warned) for event in events)


@pytest.mark.parametrize(
    "lines", [(*BEGUN, COMMAND_STARTED, spoken("It runs.")), (*BEGUN, POEM_STARTED)]
)
def test_what_may_be_in_the_background_does_not_hold_off_the_idle_timeout_for_ever(
    tmp_path: Path, lines: tuple[str, ...]
) -> None:
    _, result, took = executed(tmp_path, f"say(*{lines}); time.sleep(60)", idle_timeout=1.2)
    assert result.failure is not None
    assert (result.failure.code, 6 <= took < 40) == ("STALLED", True)


@pytest.mark.parametrize(
    ("lines", "end"),
    [((*BEGUN, COMMAND_STARTED), COMMAND_ENDED), ((*BEGUN, POEM_STARTED), spoken("Roses."))],
)
def test_what_is_under_way_may_take_longer_than_the_idle_timeout(
    tmp_path: Path, lines: tuple[str, ...], end: str
) -> None:
    body = f"say(*{lines}); time.sleep(2.5); say(*{(end, TURN_COMPLETED)})"
    events, result, _ = executed(tmp_path, body, idle_timeout=1.2)
    assert result == TurnResult(None, 0)
    assert sum(isinstance(event, CommandRan) for event in events) == (end == COMMAND_ENDED)


@pytest.mark.codex
def test_a_command_in_the_background_does_not_hide_a_model_that_is_silent(
    codex: CodexWorld,
) -> None:
    """The real Codex takes a command for one in the background after its yield time."""
    sleeping = {"shell": "sleep 60", "yield_time_ms": 500}
    made = codex([[sleeping], ["It runs.", {"shell": "true"}], {"hang": "before_headers"}])
    result = made.run("serve", "--idle-timeout", "1")
    assert (result.code, result.json["failure"]["code"]) == (124, "STALLED")
