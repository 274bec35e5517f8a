"""How fast a batch carries out short runs, beside the same runs each in its own process.

    python benchmarks/throughput.py [--runs 200] [--jobs 8] [--rounds 3]

Each run is the command `true` by the executor `shell` in an empty folder. The other way is
`xargs -P JOBS crossrun run`. Both are measured in turn in each round, each with a new store. Goal:
the batch is 3 times as fast. On a busy machine the ratio by the clock is too small, since eight
processes get more of it than one; that of the CPU times hardly changes. Also checked: every run has
succeeded, so none found the store locked.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from timing import compile_crossrun, machine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"{machine()}, {options.runs} runs, {options.jobs} jobs, {options.rounds} rounds\n")
    compile_crossrun()
    ratios = []
    for _ in range(options.rounds):
        batch = measured(carry_out_batch, options.runs, options.jobs)
        apart = measured(run_apart, options.runs, options.jobs)
        ratios.append((apart.wall / batch.wall, apart.cpu / batch.cpu))
        print(f"batch {batch}, xargs {apart}")
    wall, cpu = (statistics.median(ratio) for ratio in zip(*ratios, strict=True))
    print(f"\nmedian ratios: wall {wall:.2f}, CPU {cpu:.2f}")


class Took(NamedTuple):
    """Seconds by the clock, and of CPU time with that of all children."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:6.2f} s wall {self.cpu:6.2f} s CPU"


def measured(carry_out: Callable[[int, int, dict[str, str]], None], runs: int, jobs: int) -> Took:
    """How long all runs take, in a new store."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "CROSSRUN_HOME": folder, "HOME": folder}
        began, cpu = time.perf_counter(), cpu_of_children()
        carry_out(runs, jobs, environ)
        took = Took(time.perf_counter() - began, cpu_of_children() - cpu)
        check(runs, environ)
    return took


def cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def carry_out_batch(runs: int, jobs: int, environ: dict[str, str]) -> None:
    rows = Path(environ["HOME"]) / "rows.jsonl"
    rows.write_text('{"task": "true"}\n' * runs)
    words = ["batch", str(rows), "--jobs", str(jobs), "--executor", "shell", "--quiet"]
    subprocess.run(
        [crossrun(), *words],
        env=environ,
        cwd=environ["HOME"],
        stdout=subprocess.DEVNULL,
        check=True,
    )


def run_apart(runs: int, jobs: int, environ: dict[str, str]) -> None:
    command = [crossrun(), "run", "--executor", "shell", "--quiet"]
    subprocess.run(
        ["xargs", "-P", str(jobs), "-n", "1", *command],
        input="true\n" * runs,
        text=True,
        env=environ,
        cwd=environ["HOME"],
        stdout=subprocess.DEVNULL,
        check=True,
    )


def check(runs: int, environ: dict[str, str]) -> None:
    command = [crossrun(), "runs", "--status", "succeeded", "--limit", str(runs + 1), "--json"]
    listed = subprocess.run(command, env=environ, check=True, capture_output=True).stdout
    count = len(json.loads(listed)["runs"])
    if count != runs:
        sys.exit(f"{count} of {runs} runs succeeded")


def crossrun() -> str:
    return str(Path(sys.executable).with_name("crossrun"))


if __name__ == "__main__":
    main()
