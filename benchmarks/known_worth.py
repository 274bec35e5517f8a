"""Whether `patterns stats` tells the truth about three patterns whose worth is known.

    python benchmarks/known_worth.py [--runs 400] [--seed 0] [--keep FOLDER]

Every run is a `crossrun run` as a user makes it, with a check, on the real Codex CLI (`CODEX_PATH`,
or `codex` on the `PATH`). Its model is a script that succeeds with the probabilities below, with
the pattern and without it; it follows a pattern in at most three of four runs that get one, and in
those that fail it has often done nothing yet. The benchmark prints the state of each pattern when
it changes, and at the end what crossrun says.
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

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from scripted_model import Request, ScriptedModel, Turn


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
        (
            "printf 'id;amount\\n1;4\\n' > {name}.csv",
            "awk -F';' 'NR > 1 {{print \"[\" $2 \"]\"}}' {name}.csv > {name}.json",
            "python3 -m json.tool {name}.json",
        ),
    ),
    Job(
        "harmful",
        "Draw a text histogram of the prices in {name}.dat",
        0.85,
        0.45,
        (
            "seq 1 40 > {name}.dat",
            "sort -n {name}.dat | awk '{{print int($1 / 10)}}' | uniq -c > histogram.txt",
            "wc -l histogram.txt",
        ),
    ),
    Job(
        "neutral",
        "Count the errors per hour in the server log {name}.log",
        0.60,
        0.60,
        (
            "printf '2026-01-02 03:04 ERROR\\n' > {name}.log",
            "grep ERROR {name}.log | cut -c1-13 | uniq -c > hours.txt",
            "sort -rn hours.txt",
        ),
    ),
)
FOLLOWED = 0.75
EARLY_END = 0.5
"""Of the runs that fail, those that do not fail before they have done anything."""
LOOKS = 10
"""After every so many runs the states are looked at."""
NAMES = ("sales", "report", "north", "south", "june", "july", "alpha", "omega")

CONFIGURATION = """\
model = "mock"
model_provider = "mock"
[model_providers.mock]
name = "mock"
base_url = "{base_url}"
env_key = "MOCK_KEY"
wire_api = "responses"
"""


class Worker(ScriptedModel):
    """A model that does one job after the other, and succeeds by chance.

    Attributes:
        job: what it is asked for now.
        name: of the files of the job.
        rng: decides on the runs; None: the run succeeds, since it is to teach.
    """

    def __init__(self) -> None:
        super().__init__([])
        self.job = JOBS[0]
        self.name = NAMES[0]
        self.rng: random.Random | None = None

    def choose(self, request: Request) -> Turn:
        """The work at first, and the end once it is done."""
        if request.tool_outputs:
            return Turn(["Done."], usage={"input_tokens": len(request.all_text)})
        has_pattern = "<reference_workflow" in request.all_text
        return Turn([{"shell": command} for command in self._commands(has_pattern=has_pattern)])

    def _commands(self, *, has_pattern: bool) -> list[str]:
        work = [command.format(name=self.name) for command in self.job.work]
        if self.rng is None:
            return [*work, "touch ok"]
        succeeds = self.rng.random() < (self.job.with_it if has_pattern else self.job.without)
        follows = self.rng.random() < FOLLOWED and (succeeds or self.rng.random() < EARLY_END)
        done = work if follows or not has_pattern else ["date > notes.txt"]
        return [*done, "touch ok"] if succeeds else done


class User:
    """A home with crossrun and the real Codex, whose model is `worker`."""

    def __init__(self, folder: Path, worker: Worker) -> None:
        (folder / "config.toml").write_text(CONFIGURATION.format(base_url=worker.base_url))
        self._folder = folder
        self._worker = worker
        self._environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "CROSSRUN_HOME": str(folder / "crossrun"),
            "CODEX_PATH": os.environ.get("CODEX_PATH", "codex"),
            "CODEX_HOME": str(folder),
            "MOCK_KEY": "sk-mock-key-0123456789abcdef",
        }

    def run(self, job: Job, name: str, *, seed: str | None) -> dict[str, Any]:
        """One run of a job; it teaches if it has no seed."""
        self._worker.job, self._worker.name = job, name
        self._worker.rng = None if seed is None else random.Random(seed)  # noqa: S311
        return self.json(
            *("run", job.task.format(name=name), "--planner", "direct", "--json"),
            *("--verify", "test -f ok"),
        )

    def json(self, *words: str) -> dict[str, Any]:
        """What a command prints as JSON."""
        result: dict[str, Any] = json.loads(self.text(*words))
        return result

    def text(self, *words: str) -> str:
        """What a command prints."""
        done = subprocess.run(
            [sys.executable, "-m", "crossrun", *words],
            cwd=self._folder,
            env=self._environ,
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
        with Worker() as worker:
            live(User(folder, worker), runs=arguments.runs, seed=arguments.seed)


def live(user: User, *, runs: int, seed: int) -> None:
    """The life of a user with three patterns."""
    ids = {job.name: user.run(job, NAMES[0], seed=None)["learned_pattern_id"] for job in JOBS}
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
