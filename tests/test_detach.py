"""Runs that go on in the background."""

import os
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from conftest import CodexWorld, Crossrun
from processes import until_there, wait_for
from scripted_model import Scenario


def log_of(crossrun: Crossrun, run_id: str) -> Path:
    return crossrun.home / "state" / "logs" / f"{run_id}.log"


def test_the_id_comes_at_once_and_the_run_goes_on(crossrun: Crossrun) -> None:
    script = f"{until_there(crossrun.cwd / 'go')}; echo done > a.txt"
    started = crossrun("run", "--detach", "--executor", "shell", script)
    run_id = started.out.strip()
    assert started.code == 0
    assert crossrun.json("show", run_id)["status"] == "running"
    assert f"crossrun watch {run_id}" in started.err
    assert str(log_of(crossrun, run_id)) in started.err
    (crossrun.cwd / "go").touch()
    assert crossrun("wait", run_id).code == 0
    wait_for(lambda: "succeeded" in log_of(crossrun, run_id).read_text())


def test_with_json_it_is_the_run_that_is_printed(crossrun: Crossrun) -> None:
    started = crossrun("run", "--detach", "--executor", "shell", "sleep 1", "--json").json
    assert (started["status"], started["exit_code"]) == ("running", None)
    assert crossrun("wait", started["id"]).code == 0


def test_a_closed_terminal_does_not_end_it(crossrun: Crossrun, tmp_path: Path) -> None:
    """The shell is the leader of a session of its own, as in a terminal window that is closed."""
    script = 'id=$("$@"); echo "$id" > id; sleep 60'
    command = crossrun.command("run", "--detach", "--executor", "shell", "sleep 2; echo x > a")
    window = subprocess.Popen(
        ["/bin/sh", "-c", script, "sh", *command],
        cwd=tmp_path,
        env=crossrun.environ,
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    told = tmp_path / "id"
    wait_for(lambda: told.exists() and told.read_text().strip(), 30)
    os.killpg(window.pid, signal.SIGHUP)
    window.wait()
    run_id = told.read_text().strip()
    assert crossrun("wait", run_id).code == 0
    assert crossrun.json("show", run_id)["changes"][0]["path"] == "a"


def test_a_store_stays_whole_when_a_dead_run_was_ended_before(crossrun: Crossrun) -> None:
    """The process that forks has written, and its connection must not live on in both."""
    crossrun("run", "--executor", "shell", "true")
    dead = crossrun.start("run", "--executor", "shell", "sleep 60")
    assert dead.stdout is not None
    dead.stdout.readline()
    dead.kill()
    dead.communicate()
    words = ("run", "--detach", "--executor", "shell", "--verify", "sleep 3", "sleep 1; echo x > x")
    run_id = crossrun(*words).out.strip()
    for _ in range(3):
        assert crossrun("run", "--executor", "shell", "echo other").code == 0
    assert crossrun("wait", run_id).code == 0
    events = crossrun.events(run_id)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["type"] == "run_finished"
    with closing(sqlite3.connect(crossrun.home / "crossrun.db")) as store:
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_it_can_be_cancelled(crossrun: Crossrun) -> None:
    run_id = crossrun("run", "--detach", "--executor", "shell", "sleep 60").out.strip()
    assert crossrun("cancel", run_id).code == 0
    assert crossrun.json("show", run_id)["status"] == "cancelled"


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("--executor", "nosuch"), 2, "OPTION_INVALID"),
        (("--task-type", "nosuch"), 2, "TASK_TYPE_UNKNOWN"),
        (("--executor", "shell", "--planner", "openai"), 2, "PLANNER_WITH_SHELL"),
        (("--executor", "shell", "--jsonl"), 2, "OPTIONS_CONFLICT"),
    ],
)
def test_what_cannot_begin_is_told_here(
    crossrun: Crossrun, words: tuple[str, ...], code: int, error: str
) -> None:
    refused = crossrun("run", "true", "--detach", *words)
    assert (refused.code, f"error[{error}]" in refused.err, refused.out) == (code, True, "")
    told = crossrun("run", "true", "--detach", *words, "--json")
    assert told.json["error"]["code"] == error
    logs = crossrun.home / "state" / "logs"
    assert not logs.exists() or list(logs.iterdir()) == []


def test_going_on_and_repeating_can_be_detached(crossrun: Crossrun) -> None:
    first = crossrun("run", "--executor", "shell", "exit 1", "--json").json["id"]
    again = crossrun("retry", "--detach").out.strip()
    assert crossrun("wait", again).code == 1
    script = until_there(crossrun.cwd / "go")
    more = crossrun("resume", first, script, "--detach").out.strip()
    assert crossrun("resume", first, "true").code == 8
    (crossrun.cwd / "go").touch()
    assert crossrun("wait", more).code == 0
    assert crossrun.json("show", more)["resumed_from"] == first
    refused = crossrun("resume", first, "--detach")
    assert (refused.code, "error[WORKSPACE_TAKEN_OVER]" in refused.err) == (2, True)


@pytest.mark.codex
def test_codex_goes_on_in_the_background(codex: CodexWorld) -> None:
    made = codex([Scenario([{"shell": "echo a > a.txt"}, "Wrote it."])])
    run_id = made.crossrun("run", "write", "--detach").out.strip()
    assert made.crossrun("wait", run_id, "--timeout", "40s").code == 0
    assert made.crossrun.json("show", run_id)["answer"] == "Wrote it."
