"""Whether `patterns stats` tells the truth about three patterns whose worth is known.

    python benchmarks/known_worth.py [--runs 400] [--seed 0] [--keep FOLDER]

Every run is a `crossrun run` as a user makes it, with a check. Its Codex is a program that succeeds
with the probabilities below, with the pattern and without it; it follows a pattern in three of four
runs that get one, and in those that fail it has often done nothing yet. At the end it prints what
crossrun says, and the state of each pattern at some of the runs.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from timing import machine


class Job(NamedTuple):
    """A kind of task: the chance of success without the pattern and with it, and the work."""

    name: str
    task: str
    without: float
    with_it: float
    work: tuple[str, ...]


JOBS = (
    Job(
        "helpful",
        "Convert {name}.csv to JSON and validate it",
        0.40,
        0.80,
        ("csv2json {name}.csv > {name}.json", "python3 -m json.tool {name}.json"),
    ),
    Job(
        "harmful",
        "Draw a histogram of the prices in {name}.dat with gnuplot",
        0.85,
        0.45,
        ("gnuplot -e 'plot \"{name}.dat\"' histogram.gp", "identify {name}.png"),
    ),
    Job(
        "neutral",
        "Count the errors per hour in the server log {name}.log",
        0.60,
        0.60,
        ("grep ERROR {name}.log | cut -c1-13 | uniq -c > hours.txt", "sort -rn hours.txt"),
    ),
)
LOOKS = 10
"""After every so many runs the states are looked at."""
NAMES = ("sales", "report", "north", "south", "june", "july", "alpha", "omega")

CODEX = """\
#!{python} -IS
import json, os, random, sys
if "--version" in sys.argv:
    print("codex-cli 0.169.0")
    sys.exit()
sys.stdin.read()
said = json.loads(os.environ["KNOWN_WORTH"])
rng = random.Random(said["seed"])
has_pattern = any("<reference_workflow" in word for word in sys.argv)
succeeds = rng.random() < said["with_it" if has_pattern else "without"]
follows = rng.random() < 0.75 and (succeeds or rng.random() < 0.5)
if succeeds:
    open("ok", "w").close()
def say(kind, **fields):
    print(json.dumps({{"type": kind, **fields}}))
def item(kind, **fields):
    say("item.completed", item={{"id": str(rng.random()), "type": kind, **fields}})
say("thread.started", thread_id="01a1f7f5-52ef-7192-8498-e27bb78bd82b")
say("turn.started")
for command in said["work"] if follows or not has_pattern else ["cat notes.txt"]:
    item("command_execution", command=command, aggregated_output="", exit_code=0,
         status="completed")
item("agent_message", text="Done.")
tokens = int(rng.uniform(8_000, 12_000))
say("turn.completed", usage={{"input_tokens": tokens, "output_tokens": 500}})
"""


class User:
    """A home with crossrun and the program that passes for Codex."""

    def __init__(self, folder: Path) -> None:
        program = folder / "codex"
        program.write_text(CODEX.format(python=sys.executable))
        program.chmod(0o755)
        self._folder = folder
        self._environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "CROSSRUN_HOME": str(folder / "crossrun"),
            "CODEX_PATH": str(program),
            "CODEX_HOME": str(folder),
            "CODEX_API_KEY": "sk-mock-key-0123456789abcdef",
        }

    def run(self, job: Job, name: str, *, seed: str, teaches: bool = False) -> dict[str, Any]:
        """One run of a job; one that teaches succeeds."""
        worth = {
            "seed": seed,
            "without": 1.0 if teaches else job.without,
            "with_it": job.with_it,
            "work": [command.format(name=name) for command in job.work],
        }
        return self.json(
            *("run", job.task.format(name=name), "--planner", "direct", "--json"),
            *("--verify", "test -f ok"),
            KNOWN_WORTH=json.dumps(worth),
        )

    def json(self, *words: str, **environ: str) -> dict[str, Any]:
        """What a command prints as JSON."""
        result: dict[str, Any] = json.loads(self.text(*words, **environ))
        return result

    def text(self, *words: str, **environ: str) -> str:
        """What a command prints."""
        done = subprocess.run(
            [sys.executable, "-m", "crossrun", *words],
            cwd=self._folder,
            env=self._environ | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for the home, which stays")
    arguments = parser.parse_args()
    print(f"{machine()}\n", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        live(User(folder), runs=arguments.runs, seed=arguments.seed)


def live(user: User, *, runs: int, seed: int) -> None:
    """The life of a user with three patterns."""
    ids = {
        job.name: user.run(job, NAMES[0], seed="teaching", teaches=True)["learned_pattern_id"]
        for job in JOBS
    }
    rng = random.Random(seed)  # noqa: S311  no secret is made
    states: dict[str, str] = {}
    for number in range(1, runs + 1):
        job = rng.choice(JOBS)
        run = user.run(job, rng.choice(NAMES), seed=f"{seed}-{number}")
        chosen = run["pattern"]["pattern_id"]
        if chosen not in (None, ids[job.name]):
            print(f"run {number}: another pattern than that of its job")
        if number % LOOKS == 0:
            look(user, number, ids, states)
    for job in JOBS:
        truth = 100 * (job.with_it - job.without)
        print(f"\n{job.name}: in truth {truth:+.0f} points of success")
        print(user.text("patterns", "stats", ids[job.name]))
    print(user.text("patterns", "stats"))


def look(user: User, number: int, ids: dict[str, str], states: dict[str, str]) -> None:
    """Prints the states that have changed."""
    patterns = {each["id"]: each for each in user.json("patterns", "--json")["patterns"]}
    for name, pattern_id in ids.items():
        pattern = patterns[pattern_id]
        if states.get(name) != pattern["state"]:
            moved = f"{name} is {pattern['state']}: {pattern['reason']}"
            print(f"run {number}: {moved}", flush=True)
        states[name] = pattern["state"]


if __name__ == "__main__":
    main()
