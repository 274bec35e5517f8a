"""Runs that are stopped: whoever asks and whatever the agent's commands do, no process stays."""

import itertools
import signal
import subprocess
import time
from pathlib import Path

from conftest import Crossrun
from processes import lingering, wait_for
from scripted_model import Script

from faults.lists import FaultList, Trial
from faults.worlds import Ledger, left_of, scripted_codex, started, told

_WAYS = ("cancel", "timeout", "SIGINT", "SIGHUP", "SIGTERM", "SIGINT twice")
_SANDBOXES = ("workspace-write", "danger-full-access")
_KINDS = (
    "a plain child",
    "one in a session of its own",
    "one that forked twice",
    "one that ignores polite signals",
)
_CASES = tuple(itertools.product(_WAYS, _SANDBOXES, _KINDS))
_EXPECTED = {
    "cancel": ("cancelled", 10, 10),
    "timeout": ("timed_out", 124, 124),
    "SIGINT": ("cancelled", 10, 130),
    "SIGHUP": ("cancelled", 10, 129),
    "SIGTERM": ("cancelled", 10, 143),
    "SIGINT twice": ("cancelled", 10, 130),
}
"""The run's status, the exit code that is stored, and that of the process."""
_LONGEST_END = 20.0
_LONGEST_LEFT = 2.0


def stopped(trial: Trial) -> None:
    """Stops one run, some moment after its command has begun, and looks at what is left."""
    way, sandbox, kind = _CASES[trial.number % len(_CASES)]
    command = lingering(kind, trial.folder) + "echo a > a.txt; sleep 60"
    words = ["sleep", "--sandbox", sandbox]
    if way == "timeout":
        words += ["--timeout", f"{trial.chance.uniform(0.8, 2.5):.3f}"]
    turns: Script = [{"shell": command, "yield_time_ms": 60_000}, "Slept."]
    with (
        scripted_codex(trial.folder, turns) as made,
        started(made.crossrun, "run", *words, "--no-watch") as process,
    ):
        if way != "timeout":
            _ask(way, made.crossrun, process, trial)
        code = process.wait(_LONGEST_END)
        _nobody_left(trial.folder)
        _recorded_truly(made.crossrun, way, code)


def _ask(way: str, crossrun: Crossrun, process: "subprocess.Popen[bytes]", trial: Trial) -> None:
    begun = trial.folder / "pids" / "left"
    recorded = Ledger(crossrun).statuses if way == "cancel" else lambda: True
    wait_for(lambda: begun.exists() and recorded(), 20)
    time.sleep(trial.chance.uniform(0, 0.5))
    if way == "cancel":
        result = crossrun("cancel", "last")
        assert result.code == 0, result.err
        return
    name, _, again = way.partition(" ")
    process.send_signal(signal.Signals[name])
    if again:
        time.sleep(trial.chance.uniform(0, 0.5))
        process.send_signal(signal.Signals[name])


def _nobody_left(folder: Path) -> None:
    until = time.monotonic() + _LONGEST_LEFT
    while left := left_of(folder):
        assert time.monotonic() < until, f"there are still {told(left)}"
        time.sleep(0.05)


def _recorded_truly(crossrun: Crossrun, way: str, code: int) -> None:
    ledger = Ledger(crossrun)
    ((status, stored),) = ledger.statuses().values()
    assert (status, stored, code) == _EXPECTED[way], (status, stored, code)
    last = ledger.events()[-1]
    assert last.type == "run_finished", last.type
    workspace = crossrun.home / "workspaces" / "default" / last.run_id
    assert workspace.is_dir(), "the workspace is gone"
    assert not any((crossrun.home / "state" / "locks").iterdir()), "a lock file remains"


STOP = FaultList(
    "stop",
    "cancel, time and signals, sandboxed or not: no process stays, the status is right",
    short=len(_CASES),
    long=1000,
    carry_out=stopped,
)
