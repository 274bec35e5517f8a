"""How fast an agent's lines become committed rows, with the live view on.

    python benchmarks/ingest.py [--events 200000]

A stand-in for the agent writes lines of Codex's format: first as fast as it can, then paced at
2,000 a second, each with the time at which it was written. Everything between its standard output
and the committed row is crossrun's own: supervisor, parser, transcript, redaction, store and view
(on a pseudo terminal). Goals: 25,000 events per second; 99 of 100 events committed within 50 ms.
As a limit the same rows are inserted by plain `sqlite3`, in groups of the same size.
"""

import argparse
import json
import os
import pty
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from timing import machine

from crossrun.config.sources import load
from crossrun.config.tasktypes import load as load_task_type
from crossrun.engine import run_events
from crossrun.engine.context import RunDependencies
from crossrun.events import AgentSpoke, EventRecord
from crossrun.executors.codex import Codex
from crossrun.executors.codex.config import UserConfig
from crossrun.executors.codex.program import Program
from crossrun.memory import StoredMemory
from crossrun.model.requests import AgentOptions, CodexOptions, RunRequest
from crossrun.patterns import Person
from crossrun.planning.direct import DirectPlanner
from crossrun.redaction import Redactor
from crossrun.store import Store
from crossrun.store.artifacts import Archives
from crossrun.system.cancellation import CancelToken
from crossrun.views.live import LiveView
from crossrun.views.terminal import Terminal
from crossrun.workspace.workspaces import Workspaces

AGENT = """\
#!{python}
import json, sys, time
out = sys.stdout
def say(line): out.write(json.dumps(line) + "\\n")
say({{"type": "thread.started", "thread_id": "t"}})
say({{"type": "turn.started"}})
out.flush()
time.sleep(0.3)  # crossrun imports what it needs later, as it does while Codex boots
count, pace = int({count}), float({pace})
output = "a line of what a command printed\\n" * 5
for number in range(count):
    if pace:
        time.sleep(max(0, began + number / pace - time.time())) if number else None
        began = time.time() if not number else began
        item = {{"id": f"item_{{number}}", "type": "agent_message", "text": str(time.time())}}
    else:
        item = {{"id": f"item_{{number}}", "type": "command_execution", "exit_code": 0,
                "command": "/bin/bash -lc 'echo " + str(number) + "'", "status": "completed",
                "aggregated_output": output}}
    say({{"type": "item.completed", "item": item}})
    if pace: out.flush()
say({{"type": "turn.completed", "usage": {{"input_tokens": 1, "output_tokens": 1}}}})
"""

_FIRST_OF_FLOOD = 8
"""The events before it are those of the run's beginning."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    count = parser.parse_args().events
    print(f"{machine()}\n")
    report(count=count)


def report(*, count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rate, cpu_rate = flood_rates(Path(folder) / "flood", count)
        print(f"flood: {count} events, {rate:,.0f} committed per second (goal 25,000),")
        print(f"       {cpu_rate:,.0f} per second of crossrun's CPU time")
        limit = plain_rate(Path(folder) / "flood" / "crossrun.db", Path(folder) / "limit.db")
        print(f"limit: plain sqlite3, the same rows in groups of 500: {limit:,.0f} per second")
        print(f"ratio: {rate / limit:.2f} of the limit\n")
        paced = measured(Path(folder) / "paced", 20_000, pace=2000)
        waits = sorted(
            at - float(r.event.text) for r, at in paced if isinstance(r.event, AgentSpoke)
        )
        median, high = waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
        print(f"paced: event to commit, median {median * 1000:.1f} ms, 99th percentile ", end="")
        print(f"{high * 1000:.1f} ms (goal 50)")


def flood_rates(home: Path, count: int) -> tuple[float, float]:
    """Events per second by the wall clock, and per second of this process's CPU time."""
    began, cpu_began, ended = 0.0, 0.0, 0.0
    for recorded, at in measured(home, count, pace=0):
        if recorded.seq == _FIRST_OF_FLOOD:
            began, cpu_began = at, time.process_time()
        ended = at
    return count / (ended - began), count / (time.process_time() - cpu_began)


def measured(home: Path, count: int, *, pace: float) -> Iterator[tuple[EventRecord, float]]:
    """Events of one run, each with the time at which it was known to be committed."""
    home.mkdir()
    agent = home / "agent"
    agent.write_text(AGENT.format(python=sys.executable, count=count, pace=pace))
    agent.chmod(0o755)
    settings = load(flags={}, environ={"HOME": str(home), "PATH": os.defpath}, home=home)
    store = Store(settings.paths)
    store.open_for_writing()
    config = UserConfig({}, home)
    redactor = Redactor(["a-secret-value-of-the-environment"])
    task_type = load_task_type("code", home)
    dependencies = RunDependencies(
        planner=DirectPlanner(),
        executor=Codex(
            Program(agent, "0"),
            config,
            AgentOptions(),
            CodexOptions(),
            model=None,
            environ=settings.environ,
        ),
        workspaces=Workspaces(settings.paths.workspaces, settings.paths.snapshots),
        archives=Archives(settings.paths.artifacts, redactor),
        memory=StoredMemory(
            store,
            task_type,
            person=Person(),
            path=os.defpath,
            redactor=redactor,
            references=settings.paths.references,
        ),
        task_type=task_type,
        environ=settings.environ,
    )
    view = LiveView(terminal())
    with store.owning() as run_id:
        facts = run_events(run_id, RunRequest(task="ingest"), dependencies, CancelToken())
        for recorded in store.recording(run_id, facts, redactor):
            at = time.time()
            view.show(recorded)
            if recorded is not None:
                yield recorded, at


def terminal() -> Terminal:
    """A pseudo terminal that somebody reads."""
    reading, writing = pty.openpty()

    def drain() -> None:
        with suppress(OSError):  # raised when the other side is closed
            while os.read(reading, 65536):
                pass

    threading.Thread(target=drain, daemon=True).start()
    stream = os.fdopen(writing, "w")
    return Terminal(stream, width=100, color=True, live=True, unicode=True)


def plain_rate(source: Path, target: Path) -> float:
    """Rows per second of the same events by plain sqlite3, with the same durability."""
    with closing(sqlite3.connect(source)) as connection:
        rows = connection.execute("SELECT run_id, seq, at, type, body FROM events").fetchall()
    with closing(sqlite3.connect(target, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE e (r, s, a, t, b, PRIMARY KEY (r, s))")
        began = time.perf_counter()
        for start in range(0, len(rows), 500):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT INTO e VALUES (?, ?, ?, ?, ?)", rows[start : start + 500]
            )
            connection.execute("COMMIT")
        took = time.perf_counter() - began
    assert json.loads(rows[0][4])["type"] == "run_started"
    return len(rows) / took


if __name__ == "__main__":
    main()
