"""How fast a batch carries out short runs, beside the same runs each in its own process.

    python benchmarks/throughput.py [--runs 200] [--jobs 8] [--rounds 3]

Each run is the command `true` by the executor `shell` in an empty folder. The other way is
`xargs -P JOBS crossrun run`. Both are measured in turn in each round, each with a new store. Goal:
the batch is 3 times as fast. Also checked: every run has succeeded, so none found the store locked.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from timing import compile_crossrun, machine

_CARRY_OUT = """\
import sys
from pathlib import Path
from crossrun.config import sources
from crossrun.executors.survivors import adopting_orphans
from crossrun.model.batches import Batch, BatchRow
from crossrun.services.app import App
from crossrun.services.batches.engine import carry_out
from crossrun.services.options import RunOptions
from crossrun.services.requests import run_request
from crossrun.system.cancellation import CancelToken
from crossrun.system.clock import now

runs, jobs = map(int, sys.argv[1:])
app = App(sources.load())
app.open_for_writing()
request = run_request(RunOptions(task="true", executor="shell"), app)
rows = tuple(BatchRow(number=n, name=str(n), request=request) for n in range(1, runs + 1))
batch = app.store.add_batch(
    Batch(id="", kind="batch", project_id="default", created_at=now(), rows=rows), app.redactor
)
with adopting_orphans():
    for _ in carry_out(app, batch.id, jobs=jobs, stop=CancelToken()):
        pass
"""


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
        ratios.append(apart / batch)
        print(f"batch {batch:6.2f} s, xargs {apart:6.2f} s, ratio {apart / batch:.2f}")
    print(f"\nmedian ratio {statistics.median(ratios):.2f}")


def measured(carry_out: Callable[[int, int, dict[str, str]], None], runs: int, jobs: int) -> float:
    """Seconds for all runs, in a new store."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "CROSSRUN_HOME": folder, "HOME": folder}
        began = time.perf_counter()
        carry_out(runs, jobs, environ)
        took = time.perf_counter() - began
        check(runs, environ)
    return took


def carry_out_batch(runs: int, jobs: int, environ: dict[str, str]) -> None:
    command = [sys.executable, "-c", _CARRY_OUT, str(runs), str(jobs)]
    subprocess.run(command, env=environ, check=True, cwd=environ["HOME"])


def run_apart(runs: int, jobs: int, environ: dict[str, str]) -> None:
    crossrun = str(Path(sys.executable).with_name("crossrun"))
    subprocess.run(
        ["xargs", "-P", str(jobs), "-n", "1", crossrun, "run", "--executor", "shell", "--quiet"],
        input="true\n" * runs,
        text=True,
        env=environ,
        cwd=environ["HOME"],
        stdout=subprocess.DEVNULL,
        check=True,
    )


def check(runs: int, environ: dict[str, str]) -> None:
    crossrun = str(Path(sys.executable).with_name("crossrun"))
    command = [crossrun, "runs", "--status", "succeeded", "--limit", str(runs + 1), "--json"]
    listed = subprocess.run(command, env=environ, check=True, capture_output=True).stdout
    count = len(json.loads(listed)["runs"])
    if count != runs:
        sys.exit(f"{count} of {runs} runs succeeded")


if __name__ == "__main__":
    main()
