"""kill -9 of crossrun at any point of a run: what was recorded stays, and nothing runs on."""

import json
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from conftest import Crossrun
from scripted_model import Turn

from faults.lists import FaultList, Trial
from faults.worlds import Ledger, Row, crossrun_in, left_of, scripted_codex, started, told

_STAYING = "setsid sleep 61 & (setsid sleep 62 &) & (trap '' INT TERM HUP; exec sleep 63) & "
_AGENT: list[Turn] = [
    Turn(["I begin.", {"shell": f"{_STAYING} echo 1 > one.txt; sleep 0.7"}]),
    Turn([{"write_file": "two.txt", "content": "2\n"}, {"shell": "sort one.txt > three.txt"}]),
    Turn([{"shell": "wc -l three.txt > four.txt"}]),
    Turn(["All four are written."]),
]
_NEXT = (
    ("runs", "--json"),
    ("show", "last"),
    ("wait", "last"),
    ("run", "--executor", "shell", "true"),
)
_LONGEST_REAPING = 5.0
_KILLED_AGAIN = 0.3
"""So often whoever would put things in order is killed as well."""


def killed(trial: Trial) -> None:
    """Kills a run's crossrun at some moment and looks at what the next command makes of it."""
    with _run_begun(trial) as (crossrun, process, shown):
        ledger = Ledger(crossrun)
        before = ledger.events()
        process.kill()
        process.wait()
        left = ledger.events()
        if trial.chance.random() < _KILLED_AGAIN:
            _next_killed_too(crossrun, trial)
        with _stranger() as stranger:
            began = time.monotonic()
            result = crossrun(*trial.chance.choice(_NEXT))
            took = time.monotonic() - began
            running = left_of(trial.folder)
            assert stranger.poll() is None, "a process of somebody else was ended"
    assert not running, f"it left {told(running)}"
    assert took < _LONGEST_REAPING, f"it took {took:.1f} s"
    assert "Traceback" not in result.err, result.err
    settled = ledger.events()
    assert set(before) <= set(left), "a committed event was lost by the kill"
    assert set(left) <= set(settled), "a committed event was lost after the kill"
    _all_shown_is_stored(shown, left)
    _all_ended(ledger, settled)
    assert ledger.rows("PRAGMA integrity_check") in ([], [("ok",)])
    assert not list((crossrun.home / "state" / "locks").glob("*")), "a lock file remains"


def _next_killed_too(crossrun: Crossrun, trial: Trial) -> None:
    process = crossrun.start("runs")
    time.sleep(trial.chance.uniform(0, 0.5))
    process.kill()
    process.communicate()


@contextmanager
def _run_begun(trial: Trial) -> Iterator[tuple[Crossrun, "subprocess.Popen[bytes]", Path]]:
    """A run that goes on for some time already, and the file that its events are shown in."""
    with _world(trial) as (crossrun, words, longest):
        shown = trial.folder / "shown"
        with (
            shown.open("wb") as out,
            started(crossrun, "run", *words, "--jsonl", "--no-watch", stdout=out) as process,
        ):
            time.sleep(trial.chance.uniform(0.1, longest))
            yield crossrun, process, shown


@contextmanager
def _world(trial: Trial) -> Iterator[tuple[Crossrun, Sequence[str], float]]:
    """What a trial runs, and about how many seconds it takes."""
    match trial.number % 5:
        case 0 | 1 | 2 as kind:
            sandbox = "workspace-write" if kind == 0 else "danger-full-access"
            with scripted_codex(trial.folder, _AGENT) as made:
                yield made.crossrun, ("write four files", "--sandbox", sandbox), 2.3
        case 3:
            script = f"{_STAYING} echo a > a; sleep 0.7; echo b > b"
            yield crossrun_in(trial.folder), ("--executor", "shell", script), 1.5
        case _:
            words = ("parse durations", "--executor", "replay", "--verify", "sleep 0.4")
            yield crossrun_in(trial.folder), words, 1.6


@contextmanager
def _stranger() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that belongs to no run of this store, though it looks like one of a run."""
    process = subprocess.Popen(["sleep", "60"], env={"CROSSRUN_RUN_ID": "somebodys"})
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _all_shown_is_stored(shown: Path, left: Sequence[Row]) -> None:
    stored = {row.seq: json.loads(row.body) for row in left}
    for line in shown.read_bytes().splitlines(keepends=True):
        if line.endswith(b"\n"):
            event: Mapping[str, Any] = json.loads(line)
            kept = stored.get(event["seq"])
            assert kept is not None, f"event {event['seq']} was shown and is not stored"
            assert kept.items() <= event.items()


def _all_ended(ledger: Ledger, events: Sequence[Row]) -> None:
    """All runs have an end that is their last event, and the sequences have no gaps."""
    for run_id, (status, code) in ledger.statuses().items():
        own = [row for row in events if row.run_id == run_id]
        assert [row.seq for row in own] == list(range(1, len(own) + 1))
        last = json.loads(own[-1].body)
        assert (last["type"], last["status"]) == ("run_finished", status)
        assert (status, code) in {("interrupted", 1), ("succeeded", 0)}, (status, code)


KILL = FaultList(
    "kill",
    "kill -9 at any point of a run: nothing recorded is lost, nothing runs on",
    short=50,
    long=1000,
    carry_out=killed,
)
