"""Many runs at once on one store, and readers that want to look meanwhile."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from conftest import Crossrun, clean_environ

from crossrun.config.sources import load
from crossrun.errors import NotFoundError
from crossrun.model.queries import RunFilter
from crossrun.model.status import Status
from crossrun.store import Store
from faults.checks import told_runs
from faults.in_process import InProcess
from faults.lists import FaultList, Trial

_PROCESSES, _RUNS_EACH = 16, 2
_EVENTS = 1_000
_LONGEST_READ = 5.0
"""Seconds: a read waits for the processor at most, and never for somebody who writes."""
_PAUSE_EVERY = 100


def carry_out(trial: Trial) -> None:
    """Has 16 processes carry out two runs at a time each, and looks at all of them."""
    crossrun = Crossrun(trial.folder / "home", trial.folder, clean_environ(trial.folder / "user"))
    home = ("--home", str(crossrun.home))
    (trial.folder / "long.json").write_text(json.dumps(_recording()))
    crossrun.json("migrate", *home)
    run = " ".join(
        crossrun.command("run", "-f", "task", "--recording", "long.json", "--yes", "--quiet", *home)
    )
    (trial.folder / "task").write_text("say a lot")
    readers = _Readers(trial.folder, crossrun.home)
    script = " & ".join([f"({run}; echo ended $?)"] * _RUNS_EACH) + " & wait"
    processes = [
        subprocess.Popen(
            ["/bin/sh", "-c", script],
            cwd=trial.folder,
            env=crossrun.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(_PROCESSES)
    ]
    ends = [process.communicate(timeout=600) for process in processes]
    longest = readers.end()
    for out, err in ends:
        assert out.count("ended 0\n") == _RUNS_EACH, f"{out} {err}"
        assert err == "", err
    _check(crossrun.home)
    sys.stderr.write(f"load {trial.number}: the longest reads took {longest}\n")
    late = {what: took for what, took in longest.items() if took > _LONGEST_READ}
    assert not late, f"reads that took long: {late}"


def _check(home: Path) -> None:
    runs = told_runs(home)
    assert len(runs) == _PROCESSES * _RUNS_EACH
    assert {run.status for run in runs.values()} == {Status.SUCCEEDED}
    store = Store(load(flags={}, environ={}, cwd=home.parent, home=home).paths)
    fewest = min(store.read.last_seq(run_id) for run_id in runs)
    assert fewest >= _EVENTS, f"a run has {fewest} events"


def _recording() -> dict[str, object]:
    """Mostly words, and now and then a command, at which a run has a pause."""
    spoken = [{"type": "agent_spoke", "text": f"line {number}"} for number in range(_EVENTS)]
    for place in range(0, _EVENTS, _PAUSE_EVERY):
        spoken[place] = {"type": "command_ran", "command": "true", "exit_code": 0}  # type: ignore[dict-item]
    return {"recording": 1, "title": "long", "task": "say a lot", "events": spoken}


class _Readers:
    """Look again and again, in two ways, until they are ended."""

    def __init__(self, folder: Path, home: Path) -> None:
        self._longest: dict[str, float] = {}
        self._over = threading.Event()
        self._failures: list[str] = []
        self._commands = InProcess(folder)
        self._commands("show", "--home", str(home))  # imports what it takes, before it is measured
        self._home = home
        self._reader = Store(load(flags={}, environ={}, cwd=folder, home=home).paths).read
        self._threads = [
            threading.Thread(target=self._again, args=(look,))
            for look in (self._by_command, self._directly)
        ]
        for thread in self._threads:
            thread.start()

    def end(self) -> dict[str, float]:
        """The longest that each kind of read took, in seconds."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._commands.close()
        assert not self._failures, self._failures[0]
        return {what: round(took, 2) for what, took in self._longest.items()}

    def _again(self, look: Callable[[], None]) -> None:
        while not self._over.wait(0.05):
            try:
                look()
            except Exception as error:  # noqa: BLE001  told at the end, whatever it was
                self._failures.append(f"{type(error).__name__}: {error}")
                return

    def _by_command(self) -> None:
        for words in (("runs",), ("show",)):
            began = time.monotonic()
            result = self._commands(*words, "--home", str(self._home))
            self._took(f"crossrun {words[0]}", began)
            assert result.code in (0, 6), result
            assert "locked" not in result.err, result

    def _directly(self) -> None:
        began = time.monotonic()
        runs = self._reader.runs(RunFilter(limit=50))
        self._took("all runs", began)
        for run in runs[:1]:
            began = time.monotonic()
            with suppress(NotFoundError):
                list(self._reader.events(run.id))
            self._took("all events", began)

    def _took(self, what: str, began: float) -> None:
        self._longest[what] = max(self._longest.get(what, 0), time.monotonic() - began)


LOAD = FaultList(
    name="load",
    about="32 runs of 1,000 events from 16 processes on one store, and readers meanwhile",
    short=4,
    long=100,
    carry_out=carry_out,
    alone=True,
)
