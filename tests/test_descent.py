"""Processes that lose the marker or their parents are known, ended after a kill, and waited for."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from conftest import CodexWorld, Crossrun
from homes import started
from processes import is_gone, wait_for

from crossrun.executors.commands import shell
from crossrun.executors.descent import Tracking, lost_in, written_down
from crossrun.executors.process import Launch, ProcessLimits, supervise
from crossrun.executors.process_table import Process, boot_id, is_alive
from crossrun.executors.survivors import adopting_orphans, end_survivors
from crossrun.system.cancellation import CancelToken

ENVIRON = {"PATH": os.environ["PATH"]}
UNMARKED = {
    "a child": 'env -i PATH="$PATH" sleep 60 &',
    "one in a session of its own": 'env -i PATH="$PATH" setsid sleep 60 &',
    "an orphan": '(env -i PATH="$PATH" setsid sleep 60 &) &',
}
SERVER = """\
import json, os, signal, sys, time
for name in ("SIGTERM", "SIGHUP", "SIGINT"):
    signal.signal(getattr(signal, name), signal.SIG_IGN)
for line in sys.stdin:
    asked = json.loads(line)
    answers = {
        "initialize": {
            "protocolVersion": (asked.get("params") or {}).get("protocolVersion"),
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "stays", "version": "1"},
        },
        "tools/list": {"tools": []},
    }
    if asked.get("method") in answers:
        answer = {"jsonrpc": "2.0", "id": asked["id"], "result": answers[asked["method"]]}
        print(json.dumps(answer), flush=True)
time.sleep(60)
"""
"""A tool server that ignores the end of its input and polite signals."""


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    """A process of somebody else's."""
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def adopting() -> Iterator[None]:
    """Orphans come to the tests, as they come to a process of crossrun's own."""
    with adopting_orphans():
        yield


def written(file: Path, *processes: Process, boot: str | None = None) -> Path:
    """A list of processes as a run writes it."""
    ours = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    file.write_text(json.dumps({"boot": boot or ours, "processes": processes}))
    return file


def process_of(pid: int) -> Process:
    """A process as a run writes it down."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    return Process(pid, stat[stat.rindex(")") + 2 :].split()[19])


def test_a_child_and_its_descendants_are_written_down_while_they_live(tmp_path: Path) -> None:
    file = tmp_path / "processes" / "run"
    launch = Launch(
        shell("echo $$; env -i sleep 60 & wait"),
        tmp_path,
        ENVIRON,
        f"run-{os.getpid()}",
        tracking=Tracking(file),
    )
    lines = supervise(launch, ProcessLimits(CancelToken()))
    pid = int(next(line for line in lines if isinstance(line, bytes)))
    wait_for(lambda: next(lines) is None and len(written_down(file)) == 2)
    (sleeper,) = psutil.Process(pid).children()
    assert written_down(file) == sorted([process_of(pid), process_of(sleeper.pid)])
    lines.close()
    assert not file.exists()
    assert is_gone(sleeper.pid)


def test_a_later_process_of_the_same_number_is_not_the_one(
    tmp_path: Path, sleeper: "subprocess.Popen[bytes]"
) -> None:
    right = process_of(sleeper.pid)
    earlier = right._replace(start=str(int(right.start) - 1))
    assert (is_alive(right), is_alive(earlier)) == (True, False)
    assert written_down(written(tmp_path / "run", earlier)) == []
    assert written_down(written(tmp_path / "run", right, boot="another")) == []
    assert written_down(written(tmp_path / "run", right)) == [right]


@pytest.mark.parametrize("content", ["", "[]", '{"boot": 1}', '{"processes": [[1]]}', "\0"])
def test_a_list_that_makes_no_sense_names_nobody(tmp_path: Path, content: str) -> None:
    (tmp_path / "run").write_text(content)
    assert written_down(tmp_path / "run") == []
    assert written_down(tmp_path / "missing") == []


def test_ending_takes_what_is_written_down_and_nobody_else(
    sleeper: "subprocess.Popen[bytes]",
) -> None:
    ours = subprocess.Popen(shell("sleep 60 & echo; wait"), start_new_session=True, stdout=-1)
    assert ours.stdout is not None
    ours.stdout.readline()
    (below,) = psutil.Process(ours.pid).children()
    process = process_of(ours.pid)
    end_survivors("no such run", lambda: [process] if is_alive(process) else [])
    ours.communicate()
    assert is_gone(below.pid)
    assert sleeper.poll() is None


@pytest.mark.usefixtures("adopting")
def test_an_orphan_that_came_just_before_the_kill_is_known_by_its_folder(
    tmp_path: Path,
) -> None:
    """Here the tests stand for process 1: they get the orphan."""
    began = process_of(os.getpid())
    file, workspace = tmp_path / "run", tmp_path / "workspace"
    (workspace / "deep").mkdir(parents=True)
    for place in (workspace / "deep", tmp_path):
        subprocess.run(shell("(setsid sleep 60 >&- 2>&- & echo $! >pid)"), cwd=place, check=True)
    inside, outside = (int((place / "pid").read_text()) for place in (workspace / "deep", tmp_path))
    wait_for(lambda: psutil.Process(inside).ppid() == os.getpid())
    start, second = int(process_of(inside).start), os.sysconf("SC_CLK_TCK")
    try:
        for seen, known in ((start + second, True), (start - 3 * second, False)):
            file.write_text(json.dumps({"boot": boot_id(), "child": began, "processes": []}))
            os.utime(file, (seen / second, seen / second))
            found = lost_in(workspace, file, {os.getpid()})
            assert found == ([process_of(inside)] if known else [])
            assert lost_in(workspace, file, {1}) == []
    finally:
        for pid in (inside, outside):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


@pytest.mark.parametrize("how", UNMARKED)
def test_an_unmarked_process_does_not_survive_a_kill(crossrun: Crossrun, how: str) -> None:
    """It is told from others by a file that it holds open."""
    mark = crossrun.cwd / "mark"
    script = f'exec 3>"{mark}"\n{UNMARKED[how]}\nsleep 0.5; touch "{mark}.ready"; sleep 60'
    process, _ = started(crossrun, script)
    wait_for(mark.with_name("mark.ready").exists)
    (left,) = holding(mark, "sleep", unmarked=True)
    process.kill()
    process.communicate()
    assert not is_gone(left)
    assert crossrun.json("show")["status"] == "interrupted"
    wait_for(lambda: is_gone(left))
    assert list((crossrun.home / "state" / "processes").iterdir()) == []


def holding(file: Path, name: str, *, unmarked: bool) -> list[int]:
    """The processes of a name that hold a file open."""
    found = []
    for process in psutil.process_iter():
        try:
            held = {Path(one.path) for one in process.open_files()}
            if file in held and process.name() == name:
                found += [process.pid] * (unmarked != ("CROSSRUN_RUN_ID" in process.environ()))
        except (psutil.Error, OSError):
            continue
    return found


@pytest.mark.codex
def test_a_tool_server_of_codex_does_not_survive_a_kill(codex: CodexWorld, tmp_path: Path) -> None:
    server = tmp_path / "stays.py"
    server.write_text(SERVER)
    config = f'[mcp_servers.stays]\ncommand = "{sys.executable}"\nargs = ["{server}"]\n'
    made = codex([{"shell": "sleep 1; touch up; sleep 60", "yield_time_ms": 90000}], config=config)
    process = made.crossrun.start("run", "x")
    wait_for(lambda: list(made.crossrun.home.rglob("up")))
    everyone = psutil.process_iter(["cmdline"])
    servers = [one.pid for one in everyone if str(server) in (one.info["cmdline"] or ())]
    process.kill()
    process.communicate()
    assert len(servers) == 1
    assert made.crossrun.json("show")["status"] == "interrupted"
    wait_for(lambda: is_gone(servers[0]))


@pytest.mark.usefixtures("adopting")
def test_orphans_are_waited_for_and_own_children_are_not(tmp_path: Path) -> None:
    own = subprocess.Popen(["true"], start_new_session=True)
    wait_for(lambda: own.pid in zombies())
    before = zombies()
    script = "for n in $(seq 100); do (setsid true &); (true &); done; echo done; exec sleep 60"
    lines = supervise(
        Launch(shell(script), tmp_path, ENVIRON, f"orphans-{os.getpid()}"),
        ProcessLimits(CancelToken()),
    )
    next(line for line in lines if line == b"done")
    assert len(zombies()) > len(before)
    wait_for(lambda: next(lines) is None and len(zombies()) <= len(before))
    assert zombies() == before
    lines.close()
    assert own.wait() == 0


def zombies() -> list[int]:
    """Ended children of this process that nobody has waited for."""
    children = psutil.Process().children()
    return [child.pid for child in children if is_gone(child.pid)]
