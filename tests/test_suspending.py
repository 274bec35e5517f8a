"""Ctrl-Z in a terminal, and a terminal that changes its width."""

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import termios
import time

from conftest import Crossrun
from processes import wait_for
from test_views import parts_of

from crossrun.views.moving_line import MovingLine
from crossrun.views.terminal import Terminal

COUNTING = "for i in $(seq 40); do echo $i >> ../../../../counted; sleep 0.1; done"


def test_the_agent_is_stopped_with_crossrun_and_the_time_does_not_count(crossrun: Crossrun) -> None:
    counted = crossrun.home.parent / "counted"
    process = subprocess.Popen(
        crossrun.command("run", COUNTING, "--executor", "shell", "--json"),
        cwd=crossrun.cwd,
        env=crossrun.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        process_group=0,  # as a shell does with each job
    )
    wait_for(lambda: counted.exists() and len(counted.read_text().split()) > 2)
    process.send_signal(signal.SIGTSTP)
    assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
    before, stopped_at = counted.read_text(), time.monotonic()
    time.sleep(3)
    assert counted.read_text() == before
    process.send_signal(signal.SIGCONT)
    stopped = time.monotonic() - stopped_at
    out, _ = process.communicate(timeout=60)
    run = json.loads(out)
    took = time.monotonic() - stopped_at
    assert (process.returncode, run["status"]) == (0, "succeeded")
    assert len(counted.read_text().split()) == 40
    assert run["duration_s"] < stopped + took, run["duration_s"]


def test_a_run_that_was_stopped_for_longer_than_its_timeout_still_has_its_time(
    crossrun: Crossrun,
) -> None:
    process = subprocess.Popen(
        crossrun.command("run", "echo > begun; sleep 0.5", "--executor", "shell", "--timeout", "6"),
        cwd=crossrun.cwd,
        env=crossrun.environ,
        stdin=subprocess.DEVNULL,
        process_group=0,
    )
    wait_for(lambda: list(crossrun.home.rglob("begun")))
    process.send_signal(signal.SIGTSTP)
    os.waitpid(process.pid, os.WUNTRACED)
    time.sleep(6)
    process.send_signal(signal.SIGCONT)
    assert process.wait(30) == 0


def test_the_moving_line_stays_one_line_when_the_terminal_gets_narrower() -> None:
    leader, follower = pty.openpty()

    def resize(columns: int) -> None:
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    resize(100)
    with os.fdopen(follower, "w") as stream:
        line = MovingLine(Terminal.of(stream, {"TERM": "xterm"}))
        line.draw([], "x" * 200)
        resize(30)
        line.draw(["above"], "y" * 200)
        line.clear()
        assert line.terminal.width == 40
    shown = "".join(parts_of(leader))
    erased = "\r\x1b[2K" + 3 * "\x1b[1A\x1b[2K"
    first, second = "x" * 98 + "…", "y" * 28 + "…"
    assert shown == (
        f"\x1b[?25l\x1b[2m{first}\x1b[0m{erased}above\r\n\x1b[2m{second}\x1b[0m\r\x1b[2K\x1b[?25h"
    )
