"""How often a forecast holds what a run then takes, and how long making one takes.

    python benchmarks/forecast.py [FOLDER ...] [--lives 400] [--store HOME]

In order of time, each run is forecast from the runs before it, once there are five. FOLDERs hold
session histories of Codex (`rollout-*.jsonl`); there, a run is what the agent did between one
message of the user and the next. Simulated lives have 60 runs each, with durations that are
log-normal, heavy-tailed (Pareto), of two kinds (quick failures), that grow by 2% a run, and all
alike. The aim is a coverage of at least what each forecast promises, 80% from nine runs on.

`--store` measures the time that a forecast takes with a store, such as one that growth.py keeps.
"""

import argparse
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import NamedTuple

from timing import machine

from crossrun.config.sources import load
from crossrun.insights.forecast import LEAST_RUNS, MOST_RUNS, prediction_interval
from crossrun.model.queries import RunFilter
from crossrun.model.requests import RunRequest
from crossrun.services.forecasts import outlook_for
from crossrun.store import Store

RUNS = 60


class Coverage(NamedTuple):
    """What was promised on average, and how often the next value was in the interval."""

    forecasts: int
    promised: float
    held: float
    width: float
    """The median of high / low."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folders", nargs="*", type=Path, help="session histories of Codex")
    parser.add_argument("--lives", type=int, default=400, help="simulated lives of each kind")
    parser.add_argument("--store", type=Path, help="a home whose store is used for timing")
    arguments = parser.parse_args()
    print(f"{machine()}\n")
    print(f"{'data':<34} {'forecasts':>9} {'promised':>9} {'held':>7} {'high/low':>9}")
    for name, series in (*recorded(arguments.folders), *simulated(arguments.lives)):
        show(name, coverage(series))
    if arguments.store is not None:
        measure(arguments.store)


def coverage(lives: Sequence[Sequence[float]]) -> Coverage | None:
    """Forecasts each value of each life from those before it."""
    promised, held, widths = [], [], []
    for values in lives:
        for at in range(LEAST_RUNS, len(values)):
            interval = prediction_interval(values[max(0, at - MOST_RUNS) : at])
            if interval is not None:
                promised.append(interval.confidence)
                held.append(interval.low <= values[at] <= interval.high)
                widths.append(interval.high / interval.low if interval.low else 1.0)
    return Coverage(len(held), mean(promised), mean(held), median(widths)) if held else None


def show(name: str, result: Coverage | None) -> None:
    if result is not None:
        print(
            f"{name:<34} {result.forecasts:>9} {result.promised:>9.1%} {result.held:>7.1%}"
            f" {result.width:>9.1f}"
        )


def recorded(folders: Sequence[Path]) -> Iterator[tuple[str, list[list[float]]]]:
    """Seconds and tokens of each turn of each session."""
    sessions = [turns(file) for folder in folders for file in sorted(folder.rglob("*.jsonl"))]
    long = [session for session in sessions if len(session) > LEAST_RUNS]
    if folders:
        whole = sum(map(len, sessions))
        print(f"{len(sessions)} sessions with {whole} turns; {len(long)} are long enough")
    yield "recorded turns, seconds", [[turn[0] for turn in session] for session in long]
    yield "recorded turns, tokens", [[turn[1] for turn in session] for session in long]


def turns(file: Path) -> list[tuple[float, float]]:
    """The seconds and tokens between one message of the user and the next."""
    begun: list[tuple[datetime, float]] = []
    at, tokens = None, 0.0
    marks: list[tuple[datetime, float]] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        payload = item.get("payload") or {}
        kind = payload.get("type")
        if kind == "user_message":
            if at is not None and begun:
                marks.append((at, tokens))
            begun.append((datetime.fromisoformat(item["timestamp"]), tokens))
        elif item.get("type") in ("event_msg", "response_item") and begun:
            at = datetime.fromisoformat(item["timestamp"])
            if kind == "token_count" and payload.get("info"):
                tokens = float(payload["info"]["total_token_usage"]["total_tokens"])
    if at is not None and begun:
        marks.append((at, tokens))
    return [
        ((end - start).total_seconds(), after - before)
        for (start, before), (end, after) in zip(begun, marks, strict=False)
        if end > start
    ]


def simulated(lives: int) -> Iterator[tuple[str, list[list[float]]]]:
    kinds: dict[str, Callable[[random.Random, int], float]] = {
        "simulated, log-normal": lambda chance, _: chance.lognormvariate(5, 1),
        "simulated, Pareto (a = 1.1)": lambda chance, _: 60 * chance.paretovariate(1.1),
        "simulated, a third fail at once": lambda chance, _: (
            chance.uniform(1, 5) if chance.random() < 1 / 3 else chance.lognormvariate(6, 0.7)
        ),
        "simulated, 2% longer each run": lambda chance, at: (
            1.02**at * chance.lognormvariate(5, 0.5)
        ),
        "simulated, all alike": lambda _chance, _at: 60.0,
    }
    for name, draw in kinds.items():
        yield (
            name,
            [
                [draw(chance, at) for at in range(RUNS)]
                for chance in map(random.Random, range(lives))
            ],
        )


def measure(home: Path) -> None:
    """The time of a forecast for the newest task of a store, in milliseconds."""
    store = Store(load(home=home).paths)
    newest = store.read.runs(RunFilter(limit=1))[0]
    request = RunRequest(
        task=newest.task,
        task_type=newest.task_type,
        project_id=newest.project_id,
        executor=newest.executor,
    )
    marks, expected = [time.process_time()], None
    for _ in range(11):
        expected = outlook_for(store, request, None)
        marks.append(time.process_time())
    first, *others = (1000 * (after - before) for before, after in pairwise(marks))
    runs = 0 if expected is None else expected.forecast.runs
    print(f"\nCPU of a forecast from {runs} runs, ms: {first:.1f} first, then {median(others):.1f}")


if __name__ == "__main__":
    main()
