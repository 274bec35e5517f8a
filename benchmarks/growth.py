"""How commands grow with the store, of 100, 1,000 and 10,000 runs, beside an empty Typer app.

    python benchmarks/growth.py [--sizes 100,1000,10000] [--events 12] [--rounds 5] [--keep FOLDER]

The runs are written by the store's own writer, without agents and workspaces. For each command it
prints the median in milliseconds for each size, how much longer it takes with the largest store
than with the smallest, and its CPU time with the largest: in milliseconds, and as a multiple of
the empty app's. `--keep` makes the stores in a folder that stays, and uses those that it has.
"""

import argparse
import random
import shutil
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from timing import EMPTY_APP, Times, interleaved, machine

from crossrun.config.sources import load
from crossrun.events import (
    AgentSpoke,
    CommandRan,
    Event,
    PatternLearned,
    RunFinished,
    RunStarted,
    StepFinished,
    StepPlanned,
    UsageReported,
    WorkspaceChanged,
    WorkspacePrepared,
)
from crossrun.model.requests import RunRequest
from crossrun.model.runs import Change, Source
from crossrun.model.status import Status
from crossrun.model.tokens import Tokens
from crossrun.model.workflows import Step, Trace, Workflow
from crossrun.redaction import Redactor
from crossrun.store import Store

GOAL_MS = 200
COMMANDS = {
    "runs": ["runs"],
    "runs --json --limit 1000": ["runs", "--json", "--limit", "1000"],
    "runs --search (a hit)": ["runs", "--search", "module 7"],
    "runs --search (none)": ["runs", "--search", "no such words"],
    "runs --tag (none)": ["runs", "--tag", "nothing"],
    "runs --status (none)": ["runs", "--status", "cancelled"],
    "runs --project-id": ["runs", "--project-id", "project-3"],
    "show": ["show"],
    "show (unknown id)": ["show", "zzzzzzzz"],
    "steps": ["steps"],
    "events --jsonl": ["events", "--jsonl"],
    "stats": ["stats"],
    "projects": ["projects"],
    "patterns": ["patterns"],
    "cleanup --dry-run": ["cleanup", "--dry-run"],
}
EXPECTED_FAILURES = {"show (unknown id)"}
WORDS = [
    "fix",
    "test",
    "module",
    "parser",
    "report",
    "convert",
    "the",
    "in",
    "with",
    "table",
    "plot",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sizes", default="100,1000,10000", help="numbers of runs, with commas")
    parser.add_argument("--events", type=int, default=12, help="events of each run, about")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="the folder for the stores")
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.sizes.split(",")]
    with folder_for(arguments.keep) as folder:
        for size in sizes:
            fill(folder / str(size), runs=size, events=arguments.events)
        times = measure(folder, sizes, rounds=arguments.rounds)
    print(f"{machine()}, {arguments.rounds} rounds, medians in ms\n")
    report(sizes, times)


@contextmanager
def folder_for(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def fill(home: Path, *, runs: int, events: int) -> None:
    """Makes a store of so many runs, unless there is one."""
    if home.exists():
        return
    unfinished = home.with_name(f"{home.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    write_runs(unfinished, load(home=home).paths.workspaces, runs=runs, events=events)
    unfinished.rename(home)


def write_runs(home: Path, workspaces: Path, *, runs: int, events: int) -> None:
    """Records runs as if they had been carried out and their workspaces removed."""
    store = Store(load(home=home).paths)
    store.open_for_writing()
    chance = random.Random(1)  # noqa: S311
    redactor = Redactor()
    for number in range(runs):
        with store.owning() as run_id:
            workspace = workspaces / f"project-{number % 20}" / run_id
            facts = facts_of(number, str(workspace), events, chance)
            for _ in store.recording(run_id, facts, redactor):
                pass


def facts_of(
    number: int, workspace: str, events: int, chance: random.Random
) -> Generator[Event | None]:
    """The events of a run that fixed something."""
    task = f"{' '.join(chance.choices(WORDS, k=12))} in module {number}"
    request = RunRequest(
        task=task,
        task_type="code",
        project_id=f"project-{number % 20}",
        tags=("nightly",) if number % 10 == 0 else (),
        executor="shell",
    )
    yield RunStarted(request=request, workspace=workspace, crossrun_version="1")
    source = Source(kind="folder", path="/home/me/project", base="4b825dc6")
    yield WorkspacePrepared(path=workspace, baseline="4b825dc6", source=source)
    yield StepPlanned(prompt=task)
    for item in range(max(events - 7, 0)):
        yield CommandRan(command=f"pytest -q test_{item}.py", exit_code=0, output="." * 200)
    yield AgentSpoke(text=f"Module {number} is fixed.")
    tokens = Tokens(input=12_000, cached_input=8_000, output=900)
    yield UsageReported(source="agent", tokens=tokens)
    yield StepFinished()
    yield WorkspaceChanged(
        tree="4b825dc6",
        changes=(Change("module.py", "modified", None, 3, 1),),
        shortstat="1 file changed",
        stat="module.py | 4 +++-",
    )
    if number % 10 == 1:
        yield lesson(f"p{number:07}", task)
    status = Status.FAILED if number % 7 == 0 else Status.SUCCEEDED
    yield RunFinished(status=status, duration_s=12.5)


def lesson(pattern_id: str, task: str) -> PatternLearned:
    """What teaches a pattern with one step."""
    step = Step(instruction="Run the tests", intent="test", command="pytest -q")
    return PatternLearned(
        pattern_id=pattern_id,
        family_id=pattern_id,
        project_id="project-1",
        task_type="code",
        lesson="workflow",
        made_by="run",
        version=1,
        hash=pattern_id,
        rules_hash=pattern_id,
        workflow=Workflow(summary=task, steps=(step,)),
        trace=Trace(run_id=pattern_id, task=task, acts=()),
    )


def measure(folder: Path, sizes: list[int], *, rounds: int) -> dict[str, dict[int, Times]]:
    """Times of each command by size; those of the empty app by size 0."""
    crossrun = str(Path(sys.executable).with_name("crossrun"))
    app = folder / "empty.py"
    app.write_text(EMPTY_APP)
    times = {}
    for name, words in COMMANDS.items():
        commands = {"0": [sys.executable, str(app), "first"]}
        for size in sizes:
            commands[str(size)] = [crossrun, "--home", str(folder / str(size)), *words]
        succeeds = name not in EXPECTED_FAILURES
        measured = interleaved(commands, rounds=rounds, succeeds=succeeds)
        times[name] = {int(size): figures for size, figures in measured.items()}
    return times


def report(sizes: list[int], times: dict[str, dict[int, Times]]) -> None:
    """Prints the table. CPU time says more than wall time if the machine is busy."""
    heads = "".join(f"{f'{size:,} runs':>13}" for size in sizes)
    print(f"{'command':<26}{'empty app':>11}{heads}{'growth':>8}{'CPU':>6}{'/empty app':>12}")
    for name, measured in times.items():
        empty, *stores = (measured[size] for size in (0, *sizes))
        cells = "".join(f"{store.wall * 1000:13.0f}" for store in stores)
        slow = "" if stores[-1].wall * 1000 <= GOAL_MS else f"  over {GOAL_MS} ms"
        print(
            f"{name:<26}{empty.wall * 1000:11.0f}{cells}{stores[-1].wall / stores[0].wall:8.2f}"
            f"{stores[-1].cpu * 1000:6.0f}{stores[-1].cpu / empty.cpu:12.2f}{slow}"
        )


if __name__ == "__main__":
    main()
