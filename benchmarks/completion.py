"""How long a shell waits for the candidates of one TAB.

    python benchmarks/completion.py [--rounds 31] [--runs 2000]

The goal is 150 ms for each TAB. The ratio to the start of Python is printed as well, since it
depends less on the machine.
"""

import argparse
import os
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from startup import record_runs
from timing import compile_crossrun, interleaved, machine

GOAL = 0.150
TABS = {
    "command": ["pat"],
    "option": ["run", "--ex"],
    "value": ["runs", "--status", ""],
    "run": ["show", ""],
    "run of a project": ["show", "-p", "default", ""],
    "pattern": ["patterns", "show", ""],
    "task type": ["run", "--task-type", ""],
    "help topic": ["help", "S"],
}
COPY = """
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :runs)
INSERT INTO runs ({columns})
SELECT {values} FROM (SELECT * FROM runs LIMIT 1), numbers"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--runs", type=int, default=2000)
    options = parser.parse_args()
    print(f"{machine()}, {options.rounds} rounds, {options.runs} runs, medians\n")
    report(rounds=options.rounds, runs=options.runs)


def report(*, rounds: int, runs: int) -> None:
    compile_crossrun()
    crossrun = str(Path(sys.executable).with_name("crossrun"))
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "CROSSRUN_HOME": folder}
        record_runs(crossrun, environ)
        add_copies(Path(folder) / "crossrun.db", runs)
        commands = {
            "python": [sys.executable, "-c", "pass"],
            "crossrun --version": [crossrun, "--version"],
            "crossrun run --help": [crossrun, "run", "--help"],
            **{name: [crossrun, "__complete", "zsh", *words] for name, words in TABS.items()},
        }
        times = interleaved(commands, rounds=rounds, environ=environ)
    for name, measured in times.items():
        print(f"{name:<20} {measured}  ratio {measured.wall / times['python'].wall:.1f} wall")
    slow = [name for name in TABS if times[name].wall > GOAL]
    print(f"above the goal of {GOAL * 1000:g} ms: {', '.join(slow) or 'none'}")


def add_copies(database: Path, runs: int) -> None:
    """Copies of one run with other ids."""
    with closing(sqlite3.connect(database)) as connection, connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(runs)")]
        values = ["printf('zz%06d', n)" if column == "id" else column for column in columns]
        query = COPY.format(columns=", ".join(columns), values=", ".join(values))
        connection.execute(query, {"runs": runs})


if __name__ == "__main__":
    main()
