"""Whoever starts crossrun may leave signals, streams and folders in any state."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from conftest import Crossrun, send
from processes import nameless_may_run_it, wait_for

from crossrun.config.sources import load
from crossrun.system.streams import StandardStream

SHELL = ("--executor", "shell")
LAUNCHER = """\
import os, signal, sys
{meddle}
os.execv(sys.argv[1], sys.argv[1:])
"""


def launched(crossrun: Crossrun, meddle: str, *words: str) -> "subprocess.Popen[bytes]":
    """crossrun, started by a Python program that does something before."""
    return subprocess.Popen(
        [sys.executable, "-c", LAUNCHER.format(meddle=meddle), *crossrun.command(*words)],
        cwd=crossrun.cwd,
        env=crossrun.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def in_shell(crossrun: Crossrun, line: str) -> "subprocess.CompletedProcess[str]":
    """A line of bash in which `$CR` is crossrun."""
    return subprocess.run(
        ["bash", "-c", line],
        cwd=crossrun.cwd,
        env={**crossrun.environ, "CR": f"{sys.executable} -m crossrun"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_check_that_fails_is_seen_also_when_the_launcher_ignores_its_children(
    crossrun: Crossrun,
) -> None:
    meddle = "signal.signal(signal.SIGCHLD, signal.SIG_IGN)"
    process = launched(crossrun, meddle, "run", "true", *SHELL, "--verify", "exit 7")
    process.communicate(timeout=60)
    run = crossrun.json("show")
    assert (process.returncode, run["status"], run["verify"]["exit_code"]) == (9, "failed", 7)


def test_a_blocked_signal_still_stops_a_run(crossrun: Crossrun, tmp_path: Path) -> None:
    meddle = "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())"
    begun = tmp_path / "begun"
    process = launched(crossrun, meddle, "run", f"touch {begun}; sleep 60", *SHELL)
    wait_for(begun.exists)
    assert send(process, signal.SIGTERM).code == 143
    assert crossrun.json("show")["status"] == "cancelled"


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGUSR1, signal.SIGALRM, signal.SIGXCPU])
def test_any_signal_ends_a_run_and_who_watches_it_in_order(
    crossrun: Crossrun, number: signal.Signals
) -> None:
    run = crossrun.start("run", "sleep 60", *SHELL)
    assert run.stdout is not None
    run.stdout.readline()
    watching = crossrun.start("watch", "--jsonl")
    assert watching.stdout is not None
    watching.stdout.readline()
    ended = [send(process, number) for process in (watching, run)]
    assert [(one.code, "Traceback" in one.err) for one in ended] == [(128 + number, False)] * 2
    assert crossrun.json("show")["status"] == "cancelled"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("$CR run 'exit 3' --executor shell <&- >&- 2>&-; echo $?", 1),
        ("$CR run 'exit 3' --executor shell --json >/dev/full 2>/dev/full; echo $?", 1),
        ("$CR run 'exit 3' --executor shell --jsonl >/dev/full; echo $?", 1),
        ("$CR run 'exit 3' --executor shell --json 2>&1 | true; echo ${PIPESTATUS[0]}", 1),
        ("$CR run true --executor shell --verify 'sleep 1; false' 2> >(true); echo $?", 9),
        (
            "$CR run 'sleep 1' --executor shell 2>&1 | head -1 >&2; echo ${PIPESTATUS}",
            0,
        ),
    ],
    ids=["closed", "full", "full lines", "no reader", "no reader of errors", "head"],
)
def test_a_run_has_its_own_exit_code_whatever_becomes_of_the_streams(
    crossrun: Crossrun, line: str, code: int
) -> None:
    result = in_shell(crossrun, line)
    assert result.stdout.split()[-1] == str(code), result
    assert "Traceback" not in result.stderr
    assert crossrun.json("show")["exit_code"] == code


def test_data_that_is_lost_is_told(crossrun: Crossrun) -> None:
    run = in_shell(crossrun, "$CR run true --executor shell --json >/dev/full; echo $? >&2")
    assert run.stderr.splitlines()[-2:] == [
        "warning: some data could not be written: No space left on device",
        "0",
    ]
    listed = in_shell(crossrun, "$CR runs --json >/dev/full; echo $? >&2")
    assert listed.stderr.splitlines() == [
        "error[OUTPUT_LOST]: standard output cannot be written: No space left on device",
        "hint: free some space, or send the output somewhere else",
        "3",
    ]


def test_all_data_goes_through_a_pipe_that_does_not_block() -> None:
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    received = bytearray()

    def read() -> None:
        while chunk := os.read(readable, 1000):
            received.extend(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    stream = StandardStream(writable, "w")
    data = memoryview(bytes(range(256)) * 1000)
    sent = 0
    while sent < len(data):
        sent += stream.write(data[sent:])
    os.close(writable)
    reader.join()
    os.close(readable)
    assert received == data


def test_what_people_read_is_dropped_when_nobody_can_read_it() -> None:
    with Path("/dev/full").open("wb") as full:
        for_people = StandardStream(full.fileno(), "w", droppable=True)
        assert (for_people.write(b"abc"), for_people.write(b"de")) == (3, 2)
        data = StandardStream(full.fileno(), "w")
        with pytest.raises(OSError, match="No space left"):
            data.write(b"abc")
        assert data.write(b"de") == 2


def test_commands_that_do_not_need_the_current_folder_work_without_it(crossrun: Crossrun) -> None:
    gone = "mkdir gone; cd gone; rmdir ../gone;"
    ran = in_shell(crossrun, f"{gone} $CR run 'echo a > a' --executor shell")
    assert (ran.returncode, "+ a" in ran.stderr) == (0, True), ran
    needing = in_shell(crossrun, f"{gone} $CR run true --executor shell --source .")
    assert needing.returncode == 3
    assert needing.stderr.splitlines() == [
        "error[FOLDER_GONE]: the current folder no longer exists",
        "hint: change to another folder: cd",
    ]


@pytest.mark.skipif(
    not nameless_may_run_it(), reason="takes root, and a checkout that others may read"
)
def test_a_user_without_home_and_name_is_told_what_to_set(
    crossrun: Crossrun, tmp_path: Path
) -> None:
    line = "env -u HOME -u CROSSRUN_HOME setpriv --reuid 54321 --clear-groups $CR"
    tmp_path.chmod(0o755)
    told = in_shell(crossrun, f"{line} runs")
    assert told.returncode == 3
    assert told.stderr.splitlines() == [
        "error[HOME_UNKNOWN]: HOME is not set, and the system has no home folder for user 54321",
        "hint: set HOME, or CROSSRUN_HOME to one of your folders",
    ]
    assert in_shell(crossrun, f"{line} --version").returncode == 0
    assert list(crossrun.cwd.iterdir()) == []


def test_settings_are_read_without_a_current_folder(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    here = Path.cwd()
    os.chdir(gone)
    try:
        gone.rmdir()
        settings = load(flags={}, environ={}, home=tmp_path)
    finally:
        os.chdir(here)
    assert settings.project_id == "default"


def test_a_run_in_the_background_keeps_nothing_open_that_was_inherited(
    crossrun: Crossrun, tmp_path: Path
) -> None:
    with (tmp_path / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        command = crossrun.command("run", "sleep 60", *SHELL, "--detach")
        keywords: Any = {"cwd": crossrun.cwd, "env": crossrun.environ, "capture_output": True}
        started = subprocess.run(command, pass_fds=[file.fileno()], check=True, **keywords)
    with (tmp_path / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert crossrun("cancel", started.stdout.decode().strip()).code == 0
