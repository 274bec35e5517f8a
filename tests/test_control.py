"""Runs from another terminal: awaited, and stopped."""

import subprocess
import time

import pytest
from conftest import CodexWorld, Crossrun
from on_terminal import CTRL_C, OnTerminal
from processes import is_running, unique_sleep, wait_for


def begun(crossrun: Crossrun, script: str) -> "tuple[subprocess.Popen[bytes], str]":
    """A run that goes on in another process, and its id."""
    process = crossrun.start("run", "--executor", "shell", script)
    assert process.stdout is not None
    run_id = process.stdout.readline().decode().strip()
    wait_for(lambda: crossrun("show", run_id).code == 0)
    return process, run_id


def test_a_run_is_cancelled_from_another_terminal(crossrun: Crossrun) -> None:
    sleep = unique_sleep()
    process, run_id = begun(crossrun, f"echo begun > a.txt; {sleep}")
    wait_for(lambda: is_running(sleep))
    told = crossrun.json("cancel", run_id)
    assert [run["status"] for run in told["runs"]] == ["cancelled"]
    assert process.wait(timeout=20) == 10
    process.communicate()
    assert not is_running(sleep)
    run = crossrun.json("show", run_id)
    assert (run["status"], run["exit_code"]) == ("cancelled", 10)
    assert [change["path"] for change in run["changes"]] == ["a.txt"]
    (asked,) = [e for e in crossrun.events(run_id) if e["type"] == "cancel_requested"]
    assert asked["by"] == "crossrun cancel"


def test_cancelling_what_has_ended_changes_nothing(crossrun: Crossrun) -> None:
    crossrun("run", "--executor", "shell", "true")
    before = crossrun.json("show")
    result = crossrun("cancel", "last")
    assert (result.code, f"{before['id']} had already ended: succeeded" in result.err) == (0, True)
    assert crossrun.json("show") == before


def test_several_runs_are_cancelled_at_once_and_others_go_on(crossrun: Crossrun) -> None:
    (one, first), (two, second), (other, third) = (
        begun(crossrun, unique_sleep()) for _ in range(3)
    )
    assert crossrun("cancel", first, second).code == 0
    assert (one.wait(20), two.wait(20)) == (10, 10)
    assert crossrun.json("show", third)["status"] == "running"
    assert crossrun("cancel", third).code == 0
    for process in (one, two, other):
        process.communicate(timeout=20)


def test_waiting_ends_with_the_run_and_has_the_highest_exit_code(crossrun: Crossrun) -> None:
    process, failing = begun(crossrun, "sleep 1; exit 3")
    crossrun("run", "--executor", "shell", "true")
    result = crossrun("wait", failing, "last")
    assert (result.code, result.out) == (1, "")
    assert process.wait(timeout=10) == 1
    process.communicate()
    told = crossrun("wait", failing, "last", "--json").json
    assert [run["exit_code"] for run in told["runs"]] == [1, 0]


def test_waiting_gives_up_when_the_time_is_over(crossrun: Crossrun) -> None:
    process, run_id = begun(crossrun, unique_sleep())
    began = time.monotonic()
    assert crossrun("wait", run_id, "--timeout", "1s").code == 8
    assert time.monotonic() - began < 60
    crossrun("cancel", run_id)
    process.communicate(timeout=20)


@pytest.mark.parametrize("columns", [60, 200])
def test_on_a_terminal_a_moving_line_names_what_is_waited_for(
    crossrun: Crossrun, columns: int
) -> None:
    process, run_id = begun(crossrun, unique_sleep())
    with OnTerminal(crossrun, "wait", run_id, columns=columns) as terminal:
        terminal.wait_for(f"waiting 0:01; on Ctrl-C the runs continue: {run_id}")
        assert "\n" not in terminal.text
        terminal.type(CTRL_C)
        assert terminal.end() == 130
        assert terminal.raw.rstrip().endswith("\x1b[?25h")
    assert crossrun.json("show", run_id)["status"] == "running"
    crossrun("cancel", run_id)
    process.communicate(timeout=20)


@pytest.mark.parametrize("command", ["wait", "cancel"])
def test_an_unknown_run_is_told(crossrun: Crossrun, command: str) -> None:
    crossrun("run", "--executor", "shell", "true")
    result = crossrun(command, "zzzz")
    assert (result.code, "error[RUN_NOT_FOUND]" in result.err) == (6, True)


def test_a_time_that_is_none_is_refused(crossrun: Crossrun) -> None:
    crossrun("run", "--executor", "shell", "true")
    result = crossrun("wait", "last", "--timeout", "soon")
    assert (result.code, "error[OPTION_INVALID]" in result.err) == (2, True)


def test_a_run_whose_process_is_gone_is_not_waited_for(crossrun: Crossrun) -> None:
    process, run_id = begun(crossrun, unique_sleep())
    process.kill()
    process.communicate()
    assert crossrun("wait", run_id).code == 1
    assert crossrun.json("show", run_id)["status"] == "interrupted"


@pytest.mark.codex
def test_codex_is_stopped_by_a_cancel(codex: CodexWorld) -> None:
    sleep = unique_sleep()
    made = codex([{"shell": sleep, "yield_time_ms": 60_000}, "Slept."])
    process = made.crossrun.start("run", "sleep", "--sandbox", "danger-full-access")
    assert process.stdout is not None
    run_id = process.stdout.readline().decode().strip()
    wait_for(lambda: is_running(sleep))
    assert made.crossrun("cancel", run_id).code == 0
    assert process.wait(timeout=20) == 10
    process.communicate()
    assert not is_running(sleep)
