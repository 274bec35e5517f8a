"""Nothing that shows a run holds up what supervises it."""

import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import pytest
from conftest import Crossrun
from examples import event_of, recorded
from processes import wait_for

from crossrun.events import CommandRan, EventRecord, RunFinished, RunStarted
from crossrun.model.runs import Run
from crossrun.model.status import Status
from crossrun.system.cancellation import CancelToken
from crossrun.views.live import NullView
from crossrun.views.threads import Viewers, ViewThread

COMMANDS = [recorded(CommandRan(command=f"echo {n}", exit_code=0), n) for n in range(2, 5000)]
EVENTS = [recorded(event_of(RunStarted)), *COMMANDS]


def from_ledger(after: int, last: int) -> Iterator[EventRecord]:
    yield from EVENTS[after:last]


class Stalling(NullView):
    """Takes nothing until the gate is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.numbers: list[int] = []
        self.ended: Run | None = None

    def show(self, recorded: EventRecord | None) -> None:
        self.gate.wait()
        if recorded is not None:
            self.numbers.append(recorded.seq)

    def close(self, run: Run | None) -> None:
        self.gate.wait()
        self.ended = run


def test_a_view_that_stalls_gets_all_events_once_and_in_order() -> None:
    view = Stalling()
    thread = ViewThread(view, from_ledger)
    for number, event in enumerate(EVENTS):
        thread.show(event)
        if number == 2500:
            view.gate.set()
            wait_for(lambda: thread.progress > 100)
            view.gate.clear()
    view.gate.set()
    thread.close(None)
    assert thread.done(20)
    assert view.numbers == [event.seq for event in EVENTS]


def ended_viewers(data: Stalling, people: Stalling, status: Status) -> Viewers:
    viewers = Viewers(data, people, from_ledger)
    for event in (*EVENTS, recorded(RunFinished(status=status), len(EVENTS) + 1)):
        viewers.show(event)
    return viewers


def test_a_view_that_nobody_reads_does_not_keep_the_program_from_ending() -> None:
    viewers = ended_viewers(Stalling(), Stalling(), Status.CANCELLED)
    before = StringIO()
    with redirect_stderr(before), redirect_stdout(before):
        began = time.monotonic()
        viewers.finish(CancelToken(requested_by="SIGINT", urgent=True))
        took = time.monotonic() - began
        assert before not in (sys.stdout, sys.stderr), "the streams are still in use"
    assert 1 <= took < 10


def test_programs_get_all_the_time_that_they_need_until_somebody_asks_again() -> None:
    data, people, stop = Stalling(), Stalling(), CancelToken()
    people.gate.set()
    viewers = ended_viewers(data, people, Status.SUCCEEDED)
    asking = threading.Timer(0.5, stop.request, ["SIGINT"])
    with redirect_stdout(StringIO()):
        began = time.monotonic()
        asking.start()
        viewers.finish(stop)
    assert 0.4 < time.monotonic() - began < 60
    assert (people.ended and people.ended.status, data.ended) == (Status.SUCCEEDED, None)


def test_a_view_that_fails_is_told() -> None:
    class Broken(NullView):
        def close(self, run: Run | None) -> None:  # noqa: ARG002  part of the protocol
            raise RuntimeError

    thread = ViewThread(Broken(), from_ledger)
    thread.close(None)
    with pytest.raises(RuntimeError):
        thread.done(10)


def test_lines_for_programs_come_from_the_ledger_when_they_are_read_late(
    crossrun: Crossrun,
) -> None:
    script = "seq 20000; sleep 1"
    readable, writable = os.pipe()
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        fcntl.fcntl(writable, fcntl.F_SETPIPE_SZ, 4096)
    process = subprocess.Popen(
        crossrun.command("run", script, "--executor", "shell", "--jsonl", "--quiet"),
        cwd=crossrun.cwd,
        env=crossrun.environ,
        stdout=writable,
    )
    os.close(writable)
    wait_for((crossrun.home / "crossrun.db").exists)
    wait_for(lambda: crossrun.json("runs")["runs"])
    assert crossrun("wait").code == 0, "it does not end while nobody reads"
    with os.fdopen(readable) as lines:
        seen = [line for line in lines if line.startswith("{")]
    assert process.wait(20) == 0
    assert len(seen) == len(crossrun.events())
