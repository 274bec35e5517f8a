"""How long insights take on a store with many events, and how much memory.

    python benchmarks/insights.py [--runs 1000] [--commands 96] [--keep FOLDER]

The runs are written by the store's own writer. Each has as many commands, of which one in ten
fails, with 400 characters of output; no two command lines are alike.
"""

import argparse
import random
import resource
import time
from collections.abc import Generator
from pathlib import Path

from growth import folder_for
from timing import machine

from crossrun.config.sources import load
from crossrun.events import CommandRan, Event, RunFinished, RunStarted, StepPlanned
from crossrun.model.requests import RunRequest
from crossrun.model.status import Status
from crossrun.redaction import Redactor
from crossrun.services.history import run_history
from crossrun.store import Store

PROGRAMS = ("pytest -q tests/{}", "git commit -m {}", "python3 convert.py {}", "cd x && make {}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--commands", type=int, default=96, help="commands of each run")
    parser.add_argument("--keep", type=Path, help="the folder for the store")
    arguments = parser.parse_args()
    with folder_for(arguments.keep) as folder:
        home = folder / f"insights-{arguments.runs}-{arguments.commands}"
        store = Store(load(home=home).paths)
        if not home.exists():
            fill(store, runs=arguments.runs, commands=arguments.commands)
        began, cpu = time.perf_counter(), time.process_time()
        found = run_history(store)
        took, used = time.perf_counter() - began, time.process_time() - cpu
    events = arguments.runs * (arguments.commands + 3)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{machine()}\n")
    print(f"{events:,} events of {found.runs:,} runs, {len(found.findings)} findings:")
    print(f"{took:.2f} s, CPU {used:.2f} s, {events / used:,.0f} events/s, peak {peak:.0f} MB")


def fill(store: Store, *, runs: int, commands: int) -> None:
    store.open_for_writing()
    for number in range(runs):
        with store.owning() as run_id:
            for _ in store.recording(run_id, run_of(number, commands), Redactor()):
                pass


def run_of(number: int, commands: int) -> Generator[Event | None]:
    chance = random.Random(number)  # noqa: S311
    request = RunRequest(task=f"Convert month {number % 40} of table {number % 7} to JSON")
    yield RunStarted(request=request, workspace=f"/w/{number}", crossrun_version="0")
    yield StepPlanned(prompt=request.task)
    for at in range(commands):
        command = chance.choice(PROGRAMS).format(f"file-{number}-{at}.txt")
        failed = chance.random() < 0.1
        output = "x" * 380 + ("\nKeyError: 'revision'" if failed else "")
        yield CommandRan(
            command=f"bash -lc '{command}'", exit_code=int(failed), output=output, duration_s=0.5
        )
    yield RunFinished(status=Status.SUCCEEDED, duration_s=commands / 2)


if __name__ == "__main__":
    main()
